import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A worker of an ordinary user, and a tree that it may not read all of.
  @Suite struct ClosedDirectoryTests {
    private let tree: TestTree
    private let deployment: TestDeployment
    private let user: OrdinaryUser

    init() throws {
      tree = try TestTree()
      for name in [
        "closed", "closed/below", "closed/below/deep", "listed", "listed/below", "entered", "open", "open/below",
      ] {
        try tree.directory(name)
        for file in ["1", "2", "3"] { try tree.file("\(name)/\(file)", bytes: 5) }
      }
      try tree.file("unreadable", bytes: 9)
      chmod(tree.path("unreadable"), 0)
      deployment = try TestDeployment()
      user = try OrdinaryUser(of: deployment)
      try deployment.addLibrary(tree.root)
    }

    /// Who reads may not enter `closed`, may list `listed` but not look at what is in it, and may enter `entered`, but
    /// not list it.
    private func close() {
      for (name, mode) in [("closed", 0o000), ("listed", 0o444), ("entered", 0o111)] {
        chmod(tree.path(name), mode_t(mode))
      }
    }

    private func open() {
      for name in ["closed", "listed", "entered"] { chmod(tree.path(name), 0o755) }
    }

    private func errors(of scan: Int64) throws -> [String] {
      try deployment.database.query(
        """
        SELECT convert_from(path, 'UTF8'), error_type, operation, errno FROM scan_errors WHERE scan_id = \(scan) ORDER BY 1
        """)
    }

    private static let denied = [
      "closed\tpermission_denied\topenat", "entered\tpermission_denied\topenat", "listed/1\tpermission_denied\tstatx",
      "listed/2\tpermission_denied\tstatx", "listed/3\tpermission_denied\tstatx",
      "listed/below\tpermission_denied\tstatx",
    ].map { "\($0)\t\(EACCES)" }

    @Test func `what a first scan may not read is an error for each, and all else is a row`() throws {
      close()
      let worker = try user.worker()
      let scan = try deployment.scan()
      #expect(scan.status == "partial")
      #expect(scan.exitCode == 3)
      #expect(scan.errorsCount == 6)
      #expect(try errors(of: scan.id) == Self.denied)
      #expect(
        try deployment.database.query("SELECT path_text, size FROM catalog_files ORDER BY 1") == [
          "open/1\t5", "open/2\t5", "open/3\t5", "open/below/1\t5", "open/below/2\t5", "open/below/3\t5",
          "unreadable\t9",
        ])
      open()
      try expectExact(deployment.scan(), added: 18, updated: 0, TreeRows(of: tree.root, in: deployment))
      #expect(worker.isRunning)
    }

    @Test func `nothing below what may not be read any more is removed, and all else is right`() throws {
      let worker = try user.worker()
      try expectExact(deployment.scan(), TreeRows(of: tree.root, in: deployment))
      unlink(tree.path("open/1"))
      try tree.file("open/new", bytes: 2)
      rename(tree.path("open/below"), tree.path("open/renamed"))
      // All of it is still there; then some of it goes without the worker being able to know.
      let rows = try TreeRows(of: tree.root, in: deployment)
      for path in ["closed/1", "closed/below/deep/1", "listed/2", "entered/3"] { unlink(tree.path(path)) }
      close()
      for _ in 0..<2 {
        let scan = try deployment.scan()
        #expect(scan.status == "partial")
        // That a name is not listed any more is not enough: whether it is gone cannot be seen.
        #expect(try errors(of: scan.id) == Self.denied.filter { !$0.hasPrefix("listed/2") })
        #expect(try rows.fileDifferences() == [])
        // Its rows stay, so that the figures of what could be looked at would contradict them.
        #expect(
          try deployment.database.query(
            "SELECT files IS NULL, bytes IS NULL FROM catalog_directories WHERE path_text = 'listed'") == ["t\tt"])
      }
      let first = try deployment.database.query(
        "SELECT files_added, files_removed, files_unchanged FROM scans WHERE id = 2")
      #expect(first == ["1\t1\t6"])

      open()
      let scan = try deployment.scan()
      #expect(scan.filesRemoved == 4)
      try expectExact(scan, added: 0, updated: 0, TreeRows(of: tree.root, in: deployment))
      #expect(worker.isRunning)
      try deployment.expectNothingLeft()
    }
  }
}
