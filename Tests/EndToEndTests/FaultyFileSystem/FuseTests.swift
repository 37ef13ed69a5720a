import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A true file system of another kind, whose server dies in the middle of a scan and comes back with other inode
  /// numbers.
  @Suite struct FuseTests {
    @Test(arguments: [true, false])
    func `what lies on a file system whose server dies stays, also when it comes back with other inodes`(
      isRoot: Bool
    ) throws {
      guard let scene = try FuseScene(isRoot: isRoot) else { return }
      try scene.expectExactScan()
      let before = try scene.ids()

      scene.killServerDuringNextScan()
      // In the middle, and then from the begin.
      for _ in 0..<2 {
        let scan = try scene.deployment.scan()
        #expect(scan.status == (isRoot ? "failed" : "partial"))
        #expect(scan.errorMessage?.hasPrefix("mount_missing: root \(scene.root)") ?? !isRoot)
        #expect(try isRoot || !scene.errors(of: scan).isEmpty)
        #expect(try scene.ids() == before)
        #expect(try scene.deployment.database.query("SELECT * FROM staged_removals") == [])
        #expect(!scene.isServed)
      }

      try scene.mountAgain(firstInode: 5_000)
      try scene.expectExactScan()
      #expect(try scene.ids() == before)
      #expect(try scene.deployment.database.query("SELECT 1 FROM errors WHERE resolved_scan IS NULL") == [])
    }

    @Test(arguments: [true, false])
    func `another file system without an id, at the same place, removes nothing until it is accepted`(
      isRoot: Bool
    ) throws {
      guard let scene = try FuseScene(isRoot: isRoot) else { return }
      try scene.expectExactScan()
      let ids = "SELECT count(*) FROM library_mounts WHERE fs_type = 'fuse' AND fs_uuid IS NULL AND fs_id IS NULL"
      #expect(try scene.deployment.database.query(ids) == ["1"])
      let before = try scene.ids()

      try scene.mountAgain(firstInode: 1_000, prefix: "other ")
      for _ in 0..<2 {
        let scan = try scene.deployment.scan()
        #expect(scan.status == (isRoot ? "failed" : "partial"))
        let said = try isRoot ? scan.errorMessage ?? "" : scene.deployment.message(of: scan)
        #expect(said.contains("lacks most of what the catalogue has there: expected fuse without an id (inode 1)"))
        #expect(try scene.ids() == before)
      }

      #expect(try scene.accept().contains("empty or without most of what is catalogued there"))
      for _ in 0..<2 { try scene.expectExactScan() }
      #expect(try scene.deployment.database.query("SELECT 1 FROM library_mounts WHERE accepted") == [])
      // What was accepted is what must be there from now on.
      try scene.mountAgain(firstInode: 1_000)
      #expect(try scene.deployment.scan().status == (isRoot ? "failed" : "partial"))
    }
  }
}

/// A library on a FUSE file system, or with one inside, that its only worker sees. One thread owns it.
private final class FuseScene {
  let root: String
  let deployment: TestDeployment
  private let tree: TestTree
  private let mountPoint: String
  private let worker: ChildProcess
  private var server: ChildProcess

  /// `nil` where there is no FUSE or mounting is not permitted, as in many containers; that is told.
  init?(isRoot: Bool) throws {
    tree = try TestTree(inMemory: true)
    for name in ["beside", "mounted", "later"] { try tree.directory(name) }
    for name in ["beside/file", "later/file"] { try tree.file(name, bytes: 3) }
    mountPoint = tree.path("mounted")
    root = isRoot ? mountPoint : tree.root
    let unshare = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--mount", "--map-root-user"]
    guard try Self.canServe(on: mountPoint, in: unshare) else {
      print("NOT RUN: scans of a FUSE file system whose server dies, as there is no FUSE, or it may not be used")
      return nil
    }
    deployment = try TestDeployment()
    try deployment.addLibrary(root)
    worker = try deployment.worker(wrapper: unshare)
    server = try Self.serve(on: mountPoint, firstInode: 1_000, in: Self.inside(worker))
  }

  private static func canServe(on mountPoint: String, in wrapper: [String]) throws -> Bool {
    do { _ = try serve(on: mountPoint, firstInode: 1, in: wrapper) } catch is NotServed { return false }
    return true
  }

  private struct NotServed: Error {}

  private static func serve(
    on mountPoint: String, firstInode: Int, prefix: String = "", in wrapper: [String]
  ) throws -> ChildProcess {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../FaultyFileSystem/fuse.py")
    let server = try ChildProcess(
      wrapper + ["python3", script.standardized.path, mountPoint, "\(firstInode)", prefix])
    try eventually("a FUSE file system is mounted") {
      guard server.isRunning else { throw NotServed() }
      return server.outputSoFar.contains("mounted")
    }
    return server
  }

  /// Begins a command that runs where a worker is.
  private static func inside(_ worker: ChildProcess) -> [String] {
    ["nsenter", "--mount", "--target", "\(worker.pid)"] + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
  }

  var isServed: Bool { server.isRunning }

  func killServerDuringNextScan() { server.send(SIGUSR1) }

  /// - Parameter prefix: of the names of its directories.
  func mountAgain(firstInode: Int, prefix: String = "") throws {
    try run(Self.inside(worker) + ["umount", mountPoint])
    server = try Self.serve(on: mountPoint, firstInode: firstInode, prefix: prefix, in: Self.inside(worker))
  }

  /// `library set x --accept-root`; what it said.
  func accept() throws -> String {
    let ended = try deployment.start(["library", "set", "x", "--accept-root"], wrapper: Self.inside(worker)).wait()
    try #require(ended.code == 0, "\(ended.errors)")
    return ended.text
  }

  func expectExactScan() throws {
    let scan = try deployment.scan()
    #expect(scan.status == "completed")
    #expect(scan.filesSeen >= 300)
    #expect(try TreeRows(of: root, in: deployment, wrapper: Self.inside(worker)).differences() == [])
  }

  func errors(of scan: ScanResult) throws -> [String] {
    try deployment.database.query("SELECT path, error_type FROM scan_errors WHERE scan_id = \(scan.id)")
  }

  /// The live rows' ids by path.
  func ids() throws -> [String] {
    try deployment.database.query(
      """
      SELECT path_text, id FROM catalog_files WHERE removed_at IS NULL
      UNION ALL SELECT path_text || '/', id FROM catalog_directories WHERE removed_at IS NULL ORDER BY 1
      """)
  }
}
