import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A mount inside the tree that comes or goes between two scans, in a name space of the worker's own. Below
  /// `mounted` lie `hidden` and `sub/deep`, and on the mount `inside` and `below/deep`.
  @Suite struct MountChangeTests {
    @Test(arguments: [true, false])
    func `a mount that appears hides what lay there, and is entered only without --one-filesystem`(
      oneFilesystem: Bool
    ) throws {
      guard let scene = try MountScene(oneFilesystem: oneFilesystem) else { return }
      try expectExact(scene.scan(), scene.listing())
      try scene.mount()
      let scan = try scene.scan()
      #expect(scan.status == "completed")
      #expect(try scene.boundaries() == ["mounted"])
      if oneFilesystem {
        // What is not looked at is not called gone.
        #expect(try scene.below() == ["mounted/hidden", "mounted/sub/deep"])
        #expect(try scene.listing().differences().filter { !$0.contains(MountScene.mountedHex) } == [])
      } else {
        #expect(try scene.below() == ["mounted/below/deep", "mounted/inside"])
        #expect(try scene.listing().differences() == [])
      }
      try scene.unmount()
      #expect(try scene.scan().status == (oneFilesystem ? "completed" : "partial"))
      if oneFilesystem { #expect(try scene.listing().differences() == []) }
    }

    @Test func `what lay on a mount that went away stays, and is told of, until the same is back`() throws {
      guard let scene = try MountScene(oneFilesystem: false) else { return }
      try scene.mount()
      try expectExact(scene.scan(), scene.listing())
      let before = try scene.rowsOfMount()
      try scene.unmount()
      // Again and again: no scan forgets what the last one has spared.
      for _ in 0..<2 {
        let scan = try scene.scan()
        #expect(scan.status == "partial")
        #expect(scan.errorsCount == 1)
        #expect(try scene.rowsOfMount() == before)
        #expect(try scene.below() == ["mounted/below/deep", "mounted/inside"])
        let errors = try scene.deployment.errors(Int(scan.id))
        #expect(errors.map { $0["error_type"] as? String } == ["mount_missing"])
        #expect(errors.map { $0["path"] as? String } == ["mounted"])
        let elsewhere = try scene.listing().differences().filter { !$0.contains(MountScene.mountedHex) }
        #expect(elsewhere == [])
      }
      #expect(try scene.deployment.database.query("SELECT count(*) FROM staged_removals") == ["0"])
      #expect(try scene.deployment.database.query("SELECT first_scan, resolved_scan FROM errors") == ["2\t"])
      // Another file system, whatever lies on it.
      try scene.mount()
      #expect(try scene.scan().status == "partial")
      #expect(try scene.rowsOfMount() == before)
      let accepting = try scene.deployment.start(["library", "set", "x", "--accept-root"], wrapper: scene.inside)
      #expect(try accepting.wait().code == 0)
      #expect(try scene.scan().status == "completed")
      #expect(try scene.deployment.database.query("SELECT first_scan, resolved_scan FROM errors") == ["2\t5"])
      #expect(try scene.rowsOfMount() == before)
      #expect(try scene.below() == ["mounted/below/deep", "mounted/inside"])
    }

    @Test func `a link to a mount that is not entered is followed there`() throws {
      guard let scene = try MountScene(oneFilesystem: true, ["--symlinks", "follow"]) else { return }
      for (link, target) in [("beside/whole", "../mounted"), ("part", scene.tree.path("mounted/below"))] {
        try scene.tree.symlink(link, to: target)
      }
      try scene.mount()
      let first = try scene.scan()
      #expect(first.status == "completed" && first.errorsCount == 0)
      let paths = ["beside/file", "beside/whole/below/deep", "beside/whole/inside", "part/deep"]
      #expect(try scene.live() == paths)
      #expect(try scene.boundaries() == ["mounted"])
      let second = try scene.scan()
      #expect(second.status == "completed" && second.filesUnchanged == 4)
      #expect(try scene.live() == paths)
      // Without the mount one link leads where the walk comes by itself, and the other nowhere: what they showed stays.
      try scene.unmount()
      let third = try scene.scan()
      #expect(third.status == "partial" && third.errorsCount == 3)
      let errors = """
        SELECT convert_from(path, 'UTF8'), error_type FROM scan_errors WHERE scan_id = \(third.id) ORDER BY 1, 2
        """
      #expect(
        try scene.deployment.database.query(errors) == [
          "beside/whole\tmount_missing", "part\tfile_not_found", "part\tmount_missing",
        ])
      #expect(
        try scene.live() == [
          "beside/file", "beside/whole", "beside/whole/below/deep", "beside/whole/inside", "mounted/hidden",
          "mounted/sub/deep", "part", "part/deep",
        ])
    }

    @Test func `a directory that a mount keeps closed leaves its own errors behind`() throws {
      guard let scene = try MountScene(oneFilesystem: true) else { return }
      try scene.deployment.succeed(["library", "set", "x", "--extensions", "mp4"])
      #expect(try scene.scan().errorsCount == 3)
      try scene.mount()
      let scan = try scene.scan()
      // Nothing is known to have changed below: it is not looked at.
      let left = try scene.deployment.errors(Int(scan.id)).compactMap { $0["path"] as? String }
      #expect(scan.errorsCount == 2 && Set(left) == ["beside/file", "mounted/sub/deep"])
      let hidden = try scene.deployment.errors(1).filter { $0["path"] as? String == "mounted/hidden" }
      #expect(hidden.map { $0["resolved_scan"] as? Int64 } == [scan.id])
      try scene.unmount()
      #expect(try scene.scan().errorsCount == 3)
    }

    @Test(arguments: [true, false])
    func `where a mount has gone that held nothing, later removals are removals`(oneFilesystem: Bool) throws {
      guard let scene = try MountScene(oneFilesystem: oneFilesystem) else { return }
      try scene.mount(with: "true")
      #expect(try scene.scan().status == "completed")
      #expect(try scene.below() == [])
      try scene.unmount()
      for _ in 0..<2 { #expect(try scene.scan().status == "completed") }
      #expect(try scene.boundaries() == [])
      #expect(unlink(scene.tree.path("mounted/hidden")) == 0)
      let scan = try scene.scan()
      #expect(scan.status == "completed")
      #expect(try scene.listing().differences() == [])
    }
  }
}

/// A library whose only worker sees mounts of its own. One thread owns it.
private final class MountScene {
  /// How Postgres shows paths that begin with `mounted`.
  static let mountedHex = "mounted".utf8.map { String($0, radix: 16) }.joined()

  let tree: TestTree
  let deployment: TestDeployment
  private let worker: ChildProcess
  private let oneFilesystem: Bool

  /// `nil` where mounting is not permitted, as in many containers; that is told.
  ///
  /// - Parameter rules: more of the library's, as the command line has them.
  init?(oneFilesystem: Bool, _ rules: [String] = []) throws {
    let unshare = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--mount", "--map-root-user"]
    let trial = try ChildProcess(unshare + ["mount", "-t", "tmpfs", "rollcall-test", "/mnt"])
    guard try trial.wait().code == 0 else {
      print("NOT RUN: scans of a tree in which a mount comes or goes, as mounting is not permitted here")
      return nil
    }
    tree = try TestTree(inMemory: true)
    for name in ["beside", "mounted", "mounted/sub"] { try tree.directory(name) }
    for name in ["beside/file", "mounted/hidden", "mounted/sub/deep"] { try tree.file(name, bytes: 3) }
    self.oneFilesystem = oneFilesystem
    deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", tree.root] + (oneFilesystem ? ["--one-filesystem"] : []) + rules)
    worker = try deployment.worker(wrapper: unshare)
  }

  /// Runs a program where the worker is.
  var inside: [String] {
    ["nsenter", "--mount", "--target", "\(worker.pid)"] + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
  }

  func mount(with content: String = #"mkdir "$0/below" && touch "$0/inside" "$0/below/deep""#) throws {
    let script = #"mount -t tmpfs rollcall-test "$0" && cd / && \#(content)"#
    try run(inside + ["sh", "-c", script, tree.path("mounted")])
  }

  func unmount() throws { try run(inside + ["umount", tree.path("mounted")]) }

  func scan() throws -> ScanResult { try deployment.scan() }

  func listing() throws -> TreeRows {
    try TreeRows(of: tree.root, in: deployment, oneFilesystem: oneFilesystem, wrapper: inside)
  }

  func live() throws -> [String] {
    try deployment.database.query("SELECT path_text FROM catalog_files WHERE removed_at IS NULL ORDER BY 1")
  }

  /// Live files below `mounted`.
  func below() throws -> [String] {
    try deployment.database.query(
      "SELECT path_text FROM catalog_files WHERE path_text ~ '^mounted/' AND removed_at IS NULL ORDER BY 1")
  }

  /// What lies on the mount, by the ids of its live rows.
  func rowsOfMount() throws -> [String] {
    try deployment.database.query(
      """
      SELECT id, path_text FROM catalog_files
       WHERE path_text IN ('mounted/inside', 'mounted/below/deep') AND removed_at IS NULL ORDER BY 1
      """)
  }

  func boundaries() throws -> [String] {
    try deployment.database.query("SELECT convert_from(name, 'UTF8') FROM directories WHERE boundary")
  }
}
