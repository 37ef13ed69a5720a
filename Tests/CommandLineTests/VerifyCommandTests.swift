import Foundation
import TestSupport
import Testing

/// `verify LIBRARY`: how it ends, and what it says. What it finds is for the end-to-end tests.
@Suite struct VerifyCommandTests {
  @Test func `a library that is not there, or was never scanned, cannot be compared`() throws {
    let deployment = try TestDeployment()
    expectFailure(try deployment.run(["verify", "x"]), code: 1, saying: "no library is named \"x\"")
    let tree = try TestTree()
    try deployment.succeed(["library", "add", "x", tree.root])
    for arguments in [["verify", "x"], ["verify", "x", "--json"]] {
      expectFailure(try deployment.run(arguments), code: 1, saying: "never scanned", "`rollcall scan x`")
    }
    // Asked for, and nobody has begun it.
    try deployment.succeed(["scan", "x"])
    let ended = try deployment.run(["verify", "x"])
    #expect(ended.code == 1 && ended.text == "")
    #expect(ended.errors.contains("scan 1 of library x is pending") && ended.errors.contains("never scanned"))
  }

  @Test func `servers that are away, wrong usage and a root that is not allowed have their own ends`() throws {
    let deployment = try TestDeployment()
    let away = ["ROLLCALL_POSTGRES_URL": "host=/nowhere"]
    expectFailure(try deployment.run(["verify", "x"], more: away), code: 5, saying: "/nowhere")
    expectFailure(try deployment.run(["verify"]), code: 2, saying: "--help")
    let tree = try TestTree()
    try deployment.succeed(["library", "add", "x", tree.root])
    expectFailure(
      try deployment.run(["verify", "x"], more: ["ROLLCALL_ALLOWED_ROOTS": "/srv"]), code: 1, saying: "allowed_roots")
  }

  @Test func `differences are lines that harm no terminal, a JSON element each, and a last line`() throws {
    let tree = try TestTree()
    try tree.directory("d")
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", tree.root])
    let worker = try deployment.worker()
    #expect(try deployment.run(["scan", "x", "--wait"]).code == 0)
    #expect(try deployment.succeed(["verify", "x"]).contains("0 files and 2 directories compared in "))

    try tree.file("\u{1b}[31m\n\u{202e}\\")
    try tree.file(named: Array("d/".utf8) + [0xff, 0x5c], bytes: 4)
    let human = try deployment.run(["verify", "x"])
    #expect(human.code == 1 && human.errors == "")
    let lines = human.text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.contains(#"unknown        file       \x1b[31m\x0a\xe2\x80\xae\x5c"#), "\(human.text)")
    #expect(lines.contains(#"unknown        file       d/\xff\x5c"#), "\(human.text)")
    #expect(lines.last?.hasSuffix(": 2 unknown.") == true, "\(human.text)")

    let ended = try deployment.run(["verify", "x", "--json"])
    #expect(ended.code == 1)
    #expect(ended.text.hasPrefix("[\n{") && ended.text.hasSuffix("}\n]\n"))
    #expect(ended.text.split(separator: "\n").count == 4)
    let elements = try array(ended)
    #expect(
      Set(elements[0].keys) == [
        "difference", "kind", "path", "path_base64", "files", "columns", "error_type", "errno", "message",
      ])
    #expect(elements.contains { $0["path"] as? String == "\u{1b}[31m\n\u{202e}\\" && $0["path_base64"] is NSNull })
    let bytes = try #require(elements.first { $0["path"] as? String == #"d/\xff\x5c"# })
    #expect(bytes["path_base64"] as? String == Data(Array("d/".utf8) + [0xff, 0x5c]).base64EncodedString())
    #expect(ended.errors.hasSuffix(": 2 unknown.\n") && !ended.errors.contains("\u{1b}"))
    #expect(worker.isRunning)
  }

  @Test func `Ctrl-C ends it at once`() throws {
    let tree = try TestTree()
    for index in 0..<200 { try tree.file("\(index)") }
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", tree.root])
    let worker = try deployment.worker()
    #expect(try deployment.run(["scan", "x", "--wait"]).code == 0)
    try deployment.succeed(["library", "set", "x", "--max-files-per-second", "1"])
    let verify = try deployment.start(["verify", "x"])
    try eventually("it compares") {
      try deployment.database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'rollcall verify'") != []
    }
    #expect(verify.isRunning)
    verify.send(SIGINT)
    let ended = try verify.wait(within: .seconds(10))
    #expect(ended.code == 130 && ended.text == "", "\(ended.errors)")
    #expect(worker.isRunning)
  }
}
