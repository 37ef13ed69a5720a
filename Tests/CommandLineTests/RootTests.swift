import Foundation
import TestSupport
import Testing

/// Where a library's root may lie, through every door: `library add`, `scan PATH` and a worker of its own mind.
@Suite struct RootTests {
  private let deployment: TestDeployment
  private let directory: TemporaryDirectory
  private let root: String

  init() throws {
    deployment = try TestDeployment()
    directory = try TemporaryDirectory()
    root = directory.appending("media")
    try run(["mkdir", "-p", "\(root)/inner"])
    try run(["touch", "\(root)/file"])
    try run(["ln", "-s", "media", directory.appending("link")])
  }

  private func rollcall(
    _ command: [String], in place: String = "/", more: [String: String] = [:]
  ) throws -> ChildProcess.Ended {
    try deployment.start(command, wrapper: ["env", "--chdir=\(place)"], more: more).wait()
  }

  /// Both doors of the command line refuse a path, and nothing is added.
  private func expectRefusal(
    _ path: String, code: Int32, saying words: String..., more: [String: String] = [:],
    at location: SourceLocation = #_sourceLocation
  ) throws {
    for command in [["library", "add", "x", path], ["scan", path]] where path.contains("/") || command[0] == "library" {
      let ended = try rollcall(command, in: directory.path, more: more)
      expectFailure(ended, code: code, saying: words.joined(), at: location)
    }
    #expect(try array(deployment.run(["library", "list", "--json"])).isEmpty, sourceLocation: location)
  }

  @Test func `a root that is a link or goes through one is refused, naming the real path`() throws {
    try expectRefusal("\(directory.path)/link", code: 1, saying: "give the real path, \(root)\n")
    try expectRefusal("\(directory.path)/./link/", code: 1, saying: "give the real path, \(root)\n")
    try expectRefusal("\(directory.path)/link/inner", code: 1, saying: "give the real path, \(root)/inner\n")
    try expectRefusal("/proc/self/root\(root)", code: 1, saying: "give the real path, \(root)\n")
  }

  @Test func `a root that is no directory, not there, or written with two dots is refused`() throws {
    try expectRefusal("\(root)/file", code: 1, saying: "it is not a directory")
    try expectRefusal("\(root)/nothing", code: 1, saying: "No such file or directory")
    try expectRefusal("\(root)/file/x", code: 1, saying: "Not a directory")
    for path in ["media/../media", "../", "/..", "/tmp/.."] {
      try expectRefusal(path, code: 2, saying: "it holds ..")
    }
    try expectRefusal("", code: 2, saying: "an empty path")
    try expectRefusal("/" + String(repeating: "x", count: 300), code: 1, saying: "File name too long")
  }

  @Test func `a relative root is refused with the path to write instead`() throws {
    try run(["mkdir", "-p", "\(root)/it's new"])
    try expectRefusal("media", code: 2, saying: "it is not absolute; write \(root)\n")
    try expectRefusal(".//media/./inner/", code: 2, saying: "it is not absolute; write \(root)/inner\n")
    try expectRefusal("./gone", code: 2, saying: "it is not absolute; write \(directory.path)/gone\n")
    // What it says to write can be pasted, whatever is in the name.
    let refused = try rollcall(["library", "add", "x", "./media/it's new"], in: directory.path)
    let advice = try #require(refused.errors.firstMatch(of: /write (.+)\n/)).1
    let program = try RollcallBinary.path()
    let pasted = try ChildProcess(
      ["sh", "-c", "exec \(program) library add x \(advice) --json"], environment: deployment.environment
    ).wait()
    #expect(try object(pasted)["root_path"] as? String == "\(root)/it's new")
  }

  @Test func `dots and slashes make no other root`() throws {
    let added = try rollcall(["library", "add", "x", "\(directory.path)//media/./inner/", "--json"])
    #expect(try object(added)["root_path"] as? String == "\(root)/inner")
  }

  @Test func `the root of all is refused unless the configuration lists it`() throws {
    for path in ["/", "//", "/."] { try expectRefusal(path, code: 1, saying: "unless allowed_roots lists it") }
    try expectRefusal("/", code: 1, saying: "unless allowed_roots lists it", more: ["ROLLCALL_ALLOWED_ROOTS": "/srv"])
    let added = try deployment.run(
      ["library", "add", "all", "/", "--json"], more: ["ROLLCALL_ALLOWED_ROOTS": "/srv:/"])
    #expect(try object(added)["root_path"] as? String == "/")
  }

  @Test func `a root outside allowed_roots is refused, also where that is a neighbour of the same beginning`() throws {
    let more = ["ROLLCALL_ALLOWED_ROOTS": "/srv:\(directory.path)/med"]
    try expectRefusal("\(root)/inner", code: 1, saying: "not in any of allowed_roots (/srv:", more: more)
    let allowed = ["ROLLCALL_ALLOWED_ROOTS": "/srv: \(root)//"]
    #expect(try deployment.run(["library", "add", "inner", "\(root)/inner"], more: allowed).code == 0)
    #expect(try deployment.run(["scan", "\(root)/"], more: allowed).code == 0)
    // A library that is there already is not scanned by its path either.
    expectFailure(try deployment.run(["scan", "\(root)/"], more: more), code: 1, saying: "allowed_roots")
  }

  @Test func `a worker walks no root that its own host does not allow, and the scan says why`() throws {
    try deployment.succeed(["library", "add", "x", root])
    let worker = try deployment.worker(more: ["ROLLCALL_ALLOWED_ROOTS": "/srv"])
    let scan = try object(deployment.run(["scan", "x", "--wait", "--json"]))
    #expect(scan["status"] as? String == "failed")
    let message = try #require(scan["error_message"] as? String)
    #expect(message.contains("\(root) is not in any of allowed_roots (/srv)"), "\(message)")
    #expect(try deployment.database.query("SELECT count(*) FROM catalog_files") == ["0"])
    worker.send(SIGTERM)
    _ = try worker.wait()
    let other = try deployment.worker(more: ["ROLLCALL_ALLOWED_ROOTS": directory.path])
    #expect(try object(deployment.run(["scan", "x", "--wait", "--json"]))["status"] as? String == "completed")
    #expect(other.isRunning)
  }

  @Test func `a worker follows no link that has come above a root`() throws {
    try deployment.succeed(["library", "add", "x", "\(root)/inner"])
    try run(["mv", root, directory.appending("moved")])
    try run(["ln", "-s", "moved", root])
    let worker = try deployment.worker()
    let scan = try object(deployment.run(["scan", "x", "--wait", "--json"]))
    #expect(scan["status"] as? String == "failed")
    let message = try #require(scan["error_message"] as? String)
    #expect(message.contains("goes through a link on this host, to \(directory.path)/moved/inner"), "\(message)")
    #expect(worker.isRunning)
  }
}
