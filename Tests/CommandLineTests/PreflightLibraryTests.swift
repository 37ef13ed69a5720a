import Foundation
import TestSupport
import Testing

/// `rollcall preflight LIBRARY`: its root on this host, and a worker that sees it.
@Suite struct PreflightLibraryTests {
  private let tree: TestTree
  private let deployment: TestDeployment

  init() throws {
    tree = try TestTree()
    try tree.file("f")
    deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", tree.root])
  }

  private func preflight(
    _ name: String = "x", wrapper: [String] = [], more: [String: String] = [:]
  ) throws -> (code: Int32, [String: CheckedFinding]) {
    let ended = try deployment.start(["preflight", name, "--json"], wrapper: wrapper, more: more).wait()
    #expect(ended.errors == "")
    return (ended.code, try findings(ended))
  }

  /// What is said of the root, which is a failure.
  private func expectFailedRoot(
    saying words: String..., wrapper: [String] = [], more: [String: String] = [:],
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let (code, found) = try preflight(wrapper: wrapper, more: more)
    let root = try #require(found["root"], sourceLocation: location)
    #expect(code == 1 && root.status == "failure", "\(root)", sourceLocation: location)
    #expect(root.library == "x" && root.advice?.isEmpty == false, sourceLocation: location)
    for word in words {
      #expect(
        "\(root.message); \(root.advice ?? "")".contains(word), "\(root) does not say \(word)", sourceLocation: location
      )
    }
  }

  @Test func `a root that is there is well, and so is it with the worker that sees it`() throws {
    let worker = try deployment.worker()
    let (code, found) = try preflight()
    #expect(code == 0)
    #expect(found["root"]?.status == "ok" && found["root"]?.message.contains(tree.root) == true)
    #expect(found["worker"]?.status == "ok" && found["worker"]?.library == "x")
    let host = ProcessInfo.processInfo.hostName
    #expect(found["worker"]?.message.hasSuffix(" on host \(host)") == true, "\(String(describing: found["worker"]))")
    #expect(worker.isRunning)
  }

  @Test func `without a worker, and with one of another queue, it is told how to start one`() throws {
    let worker = try deployment.worker(["--queues", "other"])
    let (code, found) = try preflight()
    #expect(code == 1 && found["root"]?.status == "ok")
    let said = try #require(found["worker"])
    #expect(said.status == "failure" && said.message == "no worker serves queue default")
    #expect(said.advice?.contains("rollcall worker --queues default") == true)
    #expect(worker.isRunning)
  }

  @Test func `a root that is missing, a file or a link is a failure`() throws {
    try run(["mv", tree.root, tree.outside("away")])
    try expectFailedRoot(saying: "mount_missing", tree.root, "No such file")
    try run(["touch", tree.root])
    try expectFailedRoot(saying: "Not a directory")
    try run(["rm", tree.root])
    try run(["ln", "-s", tree.outside("away"), tree.root])
    try expectFailedRoot(saying: "path_traversal", "link")
  }

  @Test func `a root that the configuration does not allow is a failure`() throws {
    try expectFailedRoot(saying: "allowed_roots", more: ["ROLLCALL_ALLOWED_ROOTS": "/srv"])
  }

  @Test(arguments: [0o000, 0o444, 0o111])
  func `a root that may not be read or not be searched says who may not`(mode: mode_t) throws {
    chmod(tree.root, mode)
    defer { chmod(tree.root, 0o755) }
    try expectFailedRoot(
      saying: "permission_denied", "Permission denied", "(uid \(geteuid()))", wrapper: withoutPrivileges)
  }

  @Test func `a root that is empty while the catalogue is not is a failure, and accepting it ends that`() throws {
    let worker = try deployment.worker()
    try deployment.succeed(["scan", "x", "--wait"])
    #expect(try preflight().code == 0)
    let records = "SELECT ctid, xmin, * FROM library_mounts"
    let before = try deployment.database.query(records)
    unlink(tree.path("f"))
    // The worker has not looked since; this host has.
    let (_, found) = try preflight()
    #expect(found["root"]?.status == "warning" && found["root"]?.message.contains("is empty") == true)
    worker.send(SIGTERM)
    _ = try worker.wait()
    try expectFailedRoot(saying: "is empty", "`rollcall library set x --accept-root`")
    let blind = try deployment.worker()
    let (code, later) = try preflight()
    #expect(code == 1 && later["worker"]?.status == "failure" && later["root"]?.status == "failure")
    #expect(later["worker"]?.message.contains("is empty") == true)
    #expect(try deployment.database.query(records) == before)
    blind.send(SIGTERM)
    _ = try blind.wait()
    try deployment.succeed(["library", "set", "x", "--accept-root"])
    let again = try deployment.worker()
    #expect(try preflight().code == 0)
    #expect(again.isRunning)
  }

  @Test func `a library that is added later is soon seen by the workers that are there`() throws {
    let worker = try deployment.worker()
    #expect(try preflight().code == 0)
    let other = try TestTree()
    try deployment.succeed(["library", "add", "later", other.root])
    let (code, found) = try preflight("later")
    #expect(code == 0 && found["worker"]?.status == "ok", "\(found)")
    #expect(worker.isRunning)
  }

  @Test func `all libraries are checked where none is named, in the order of library list`() throws {
    let other = try TestTree()
    try deployment.succeed(["library", "add", "y", other.root, "--queue", "q"])
    let ended = try deployment.run(["preflight", "--json"])
    #expect(ended.code == 1)
    let libraries = try array(ended).compactMap { $0["library"] as? String }
    #expect(libraries == ["y", "y", "x", "x"])
  }

  @Test func `hostile names and hosts reach no terminal as they are`() throws {
    let (escape, name) = ("\u{1b}[31mred\u{7}\u{202e}", "right\u{202e}left")
    let root = tree.path("\(escape)\n")
    try run(["mkdir", root])
    try deployment.succeed(["library", "add", name, root])
    let heartbeat = """
      {"host":"\\u001b[31m","pid":1,"version":"x","queues":[],"slots":[],"rss_bytes":1,"cpu_seconds":1,\
      "files_per_second":1,"roots":{"seen":[],"seen_age_ms":0,"left_out":0,\
      "unseen":[{"library":2,"reason":"\\u001b[2J\\n","age_ms":-1}]}}
      """
    try deployment.redis(["HSET", deployment.key("workers"), "evil-1", "{}"])
    try deployment.redis(["SET", deployment.key("worker:evil-1"), heartbeat])
    let text = try deployment.run(["preflight"]).text
    #expect(text.split(separator: "\n").count == 11, "\(text)")
    for scalar in text.unicodeScalars where scalar != "\n" {
      #expect(scalar.value >= 0x20 && scalar.value != 0x7f && !(0x202a...0x202e).contains(scalar.value))
    }
    let (_, found) = try preflight(name)
    #expect(found["worker"]?.library == name && found["worker"]?.message.contains("\u{1b}[2J") == true)
  }
}
