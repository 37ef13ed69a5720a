import Foundation
import TestSupport
import Testing

/// Names come from strangers: whatever is in them, a terminal gets no control character.
@Suite struct HostileNamesTests {
  private static let escape = "\u{1b}[31mred\u{7}\u{202e}"

  private func expectHarmless(_ text: String, at location: SourceLocation = #_sourceLocation) {
    let bad = text.unicodeScalars.filter {
      ($0.value < 0x20 && $0 != "\n") || (0x7f..<0xa0).contains($0.value) || (0x202a...0x202e).contains($0.value)
    }
    #expect(bad.isEmpty, "\(text.debugDescription)", sourceLocation: location)
  }

  @Test func `control characters are refused in a library's name and shown harmless`() throws {
    let deployment = try TestDeployment()
    let directory = try TemporaryDirectory()
    let root = directory.appending(Self.escape)
    try run(["mkdir", root])
    for command in [["library", "add", Self.escape, "/usr"], ["scan", root], ["library", "add", "a\nb", "/usr"]] {
      let ended = try deployment.run(command)
      expectFailure(ended, code: 2, saying: "is no name for a library")
      expectHarmless(ended.errors)
    }
    for command in [["status", Self.escape], ["scan", Self.escape], [Self.escape], ["errors", Self.escape]] {
      let ended = try deployment.run(command)
      #expect([1, 2].contains(ended.code))
      expectHarmless(ended.errors)
    }
  }

  @Test func `commands that are shown can be pasted`() throws {
    let deployment = try TestDeployment()
    let directory = try TemporaryDirectory()
    let name = "it's $(here)"
    let shown = try deployment.succeed(["library", "add", name, directory.path])
    let command = try #require(shown.firstMatch(of: /Scan it: rollcall (.+)\n/)).1
    let pasted = try ChildProcess(
      ["bash", "-c", "'\(try RollcallBinary.path())' \(command)"], environment: deployment.environment
    ).wait()
    #expect(pasted.text == "Scan 1 of library \(name) is pending.\n", "\(pasted.errors)")
    expectFailure(try deployment.run(["library", "add", "--", "-x", "/usr"]), code: 2, saying: "beginning with a dash")
  }

  @Test func `a name in a log line forges no field`() throws {
    let deployment = try TestDeployment()
    let request = #"{"library":"x","mode":"a\" level=\"none"}"#
    try deployment.redis(["LPUSH", deployment.key("queue")], input: Array(request.utf8))
    let worker = try deployment.worker()
    // Who reads a file while a line is being written may see the first part of it: only a whole one counts.
    let line = try eventually("the noise is buried") {
      worker.errorsSoFar.firstMatch(of: /.* buried .*\n/).map { String($0.output) }
    }
    // The reason quotes the mode, and the line the reason: whoever undoes both has the mode again.
    #expect(line.contains(#" reason="unknown mode \"a\\\" level=\\\"none\"; known are full, quick" "#), "\(line)")
  }

  @Test func `names, roots, people and paths reach no terminal as they are`() throws {
    let deployment = try TestDeployment()
    let directory = try TemporaryDirectory()
    let root = directory.appending("\(Self.escape)\n")
    let name = "right\u{202e}left"
    try run(["mkdir", "-p", root])
    try run(["mkdir", "-m", "000", "\(root)/\(Self.escape)\nclosed"])
    try run(["touch", "\(root)/\(Self.escape)\nfile"])
    expectHarmless(try deployment.succeed(["library", "add", name, root]))
    expectHarmless(try deployment.succeed(["scan", name, "--requested-by", Self.escape, "--request-id", Self.escape]))
    let refused = try deployment.run(["scan", name])
    #expect(refused.code == 4)
    expectHarmless(refused.errors)

    try deployment.redis(
      ["LPUSH", deployment.key("queue")], input: Array("{\"library\":\"\(Self.escape)\"}\u{1b}[2J".utf8))
    let worker = try deployment.worker(wrapper: withoutPrivileges)
    try eventually("the scan ends") { try deployment.succeed(["status"]).contains("partial") }
    try eventually("the noise is buried") { try deployment.redis(["LLEN", deployment.key("dead")]) == "1" }
    let commands = [
      ["status"], ["status", name], ["history"], ["history", name], ["errors", "1"], ["changes", "1"],
      ["library", "list"],
      ["library", "show", name], ["queue"], ["workers"],
    ]
    for command in commands { expectHarmless(try deployment.succeed(command)) }
    worker.send(SIGTERM)
    expectHarmless(try worker.wait().errors)

    let scan = try object(deployment.run(["status", name, "--json"]))
    #expect(scan["requested_by"] as? String == Self.escape)
    #expect(scan["root_path"] as? String == root)
    let errors = try array(deployment.run(["errors", "1", "--json"]))
    #expect(errors.map { $0["path"] as? String } == ["\(Self.escape)\nclosed"])
    #expect(try deployment.run(["library", "remove", name, "--yes"]).code == 0)
  }

  @Test func `a heartbeat that anybody could have written breaks no listing`() throws {
    let deployment = try TestDeployment()
    let worker = "evil\u{1b}[31m-00000000"
    let heartbeat = """
      {"host":"\\u001b[31m","pid":1,"version":"x","queues":["\\u001b[2J"],"slots":[],"rss_bytes":-1,\
      "cpu_seconds":1e300,"files_per_second":1e300}
      """
    try deployment.redis(["HSET", deployment.key("workers"), worker, "{\"slots\":1,\"started_at\":\"x\"}"])
    try deployment.redis(["SET", deployment.key("worker:\(worker)"), heartbeat])
    expectHarmless(try deployment.succeed(["workers"]))
    #expect(try array(deployment.run(["workers", "--json"])).count == 1)
    expectHarmless(try deployment.succeed(["queue"]))
  }
}
