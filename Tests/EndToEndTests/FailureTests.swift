import Foundation
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct FailureTests {
    /// Root reads everything, unless it gives that up.
    static var powerless: [String] {
      let powers = "-dac_override,-dac_read_search"
      return geteuid() == 0 ? ["setpriv", "--bounding-set=\(powers)", "--inh-caps=\(powers)"] : []
    }

    @Test func `a directory that may not be read makes the scan partial, and costs nothing else`() throws {
      let tree = try TestTree()
      for name in ["before", "locked", "locked/below", "later"] { try tree.directory(name) }
      for name in ["before/1", "locked/2", "locked/below/3", "later/4"] { try tree.file(name, bytes: 7) }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      chmod(tree.path("locked"), 0)
      let worker = try deployment.worker(wrapper: Self.powerless)
      let scan = try deployment.scan()
      #expect(scan.exitCode == 3)
      #expect(scan.status == "partial")
      #expect(scan.errorsCount == 1)
      #expect(scan.filesSeen == 2)
      try deployment.expectNothingLeft()
      let errors = try deployment.database.query("SELECT path, operation, errno, error_type FROM scan_errors")
      #expect(
        errors == [
          "\\x" + Data("locked".utf8).map { String($0, radix: 16) }.joined() + "\topenat\t13\tpermission_denied"
        ])
      let paths =
        "SELECT path_text FROM catalog_files UNION SELECT path_text || '/' FROM catalog_directories ORDER BY 1"
      #expect(try deployment.database.query(paths) == ["/", "before/", "before/1", "later/", "later/4", "locked/"])
      let shown = try deployment.succeed(["errors", "\(scan.id)", "--json"])
      let listed = try #require(try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [[String: Any]])
      #expect(listed.map { $0["path"] as? String } == ["locked"])
      #expect(listed.map { $0["errno"] as? Int } == [13])
      #expect(worker.isRunning)
    }

    @Test func `a root that may not be read is a failed scan that says permission, not mount`() throws {
      let tree = try TestTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      chmod(tree.root, 0)
      let worker = try deployment.worker(wrapper: Self.powerless)
      let scan = try deployment.scan()
      chmod(tree.root, 0o755)
      #expect(scan.exitCode == 1)
      let message = try #require(scan.errorMessage)
      #expect(message.hasPrefix("permission_denied: root \(tree.root) cannot be read: openat: Permission denied"))
      #expect(!message.contains("mount"))
      #expect(worker.isRunning)
    }

    @Test func `a root that is gone when a worker comes is a failed scan that says what to do`() throws {
      let tree = try TestTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      try #require(rmdir(tree.root) == 0)
      let scan = try deployment.scan()
      #expect(scan.exitCode == 1)
      #expect(scan.status == "failed")
      let message = try #require(scan.errorMessage)
      #expect(message.contains("mount_missing"))
      #expect(message.contains(tree.root))
      #expect(message.contains("must be a directory"))
      #expect(!message.contains("\n"))
      try deployment.expectNothingLeft()
      #expect(try !deployment.keys().contains("dead"))
      #expect(try deployment.database.query("SELECT path FROM catalog_files") == [])

      // Mounted again, it is scanned.
      try #require(mkdir(tree.root, 0o755) == 0)
      try tree.file("back")
      try expectExact(deployment.scan(), TreeRows(of: tree.root, in: deployment))
      #expect(worker.isRunning)
    }

    @Test func `a root that becomes another in the middle fails the scan, and nothing is called gone`() throws {
      let tree = try TestTree()
      for index in 0..<40 {
        try tree.directory("\(index)")
        for file in 0..<500 { try tree.file("\(index)/\(file)") }
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 1)
      try deployment.succeed(["scan", "x"])
      let before = try freeze(worker, in: deployment) { $0.done > 0 && $0.open > 1 }
      try #require(before.status == "running")
      // As when a file system is unmounted: its mount point comes to light.
      try #require(rename(tree.root, tree.root + ".away") == 0)
      try #require(mkdir(tree.root, 0o755) == 0)
      worker.send(SIGCONT)
      let ended = try eventually("the scan ends") {
        let rows = try deployment.database.query("SELECT status, error_message FROM scans")
        return rows.first.flatMap { $0.hasPrefix("running") ? nil : $0 }
      }
      #expect(ended.hasPrefix("failed\tmount_missing: root \(tree.root)"))
      let files = try deployment.database.query("SELECT count(*) FROM files")
      #expect(try #require(Int64(files[0])) >= before.filesSeen)
      try deployment.expectNothingLeft()
      try #require(rmdir(tree.root) == 0)
      try #require(rename(tree.root + ".away", tree.root) == 0)
    }

    @Test func `a tree that changes while it is walked is no failure`() throws {
      let tree = try TestTree()
      for index in 0..<20 {
        try tree.directory("\(index)")
        for file in 0..<1_500 { try tree.file("\(index)/stable-\(file)") }
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      let churn = try ChildProcess(["python3", "-c", Self.churn, tree.root])
      try eventually("all of the tree changes") { churn.outputSoFar.contains("changing") }
      let scan = try deployment.scan()
      #expect(churn.isRunning)
      #expect(["completed", "partial"].contains(scan.status))
      #expect(scan.exitCode == (scan.status == "completed" ? 0 : 3))
      // What a directory's place was taken from by another is the one thing that is told as an error.
      let others = "SELECT * FROM scan_errors WHERE error_type <> 'changed_during_scan'"
      #expect(try deployment.database.query(others) == [])
      #expect(try deployment.database.query("SELECT count(*) FROM scan_errors") == ["\(scan.errorsCount)"])
      let stable = "SELECT count(*), count(DISTINCT path) FROM catalog_files WHERE path_text ~ '^[0-9]+/stable-[0-9]+$'"
      #expect(try deployment.database.query(stable) == ["30000\t30000"])
      try deployment.expectNothingLeft()
      #expect(worker.isRunning)
    }

    /// Makes, renames and removes files and directories all over the tree, for ever: in each of its directories
    /// some are there at any moment, and none of them for long.
    private static let churn = """
      import os, random, sys
      os.chdir(sys.argv[1])
      def make(top, name):
          os.close(os.open("%s/%s" % (top, name), os.O_CREAT | os.O_WRONLY))
          os.mkdir("%s/d%s" % (top, name))
          os.close(os.open("%s/d%s/inside" % (top, name), os.O_CREAT | os.O_WRONLY))
      def remove(top, name):
          os.unlink("%s/%s" % (top, name))
          os.rename("%s/d%s" % (top, name), "%s/moved" % top)
          os.unlink("%s/moved/inside" % top)
          os.rmdir("%s/moved" % top)
      live = []
      count = 0
      while True:
          top = str(random.randrange(20))
          count += 1
          make(top, "churn-%d" % count)
          live.append((top, "churn-%d" % count))
          if len(live) == 200:
              print("changing", flush=True)
          if len(live) > 200:
              remove(*live.pop(0))
      """
  }
}
