import Foundation
import TestSupport
import Testing

/// What people do about messages that could not be read or done.
@Suite struct QueueDeadTests {
  private let deployment: TestDeployment

  init() throws { deployment = try TestDeployment() }

  /// Lets a worker bury messages, and ends it.
  private func bury(_ messages: [[UInt8]]) throws {
    let before = try #require(Int(try deployment.redis(["LLEN", deployment.key("dead")])))
    let worker = try deployment.worker(slots: 1)
    for (index, message) in messages.enumerated() {
      try deployment.redis(["LPUSH", deployment.key("queue")], input: message)
      try eventually("it is buried") {
        try deployment.redis(["LLEN", deployment.key("dead")]) == "\(before + index + 1)"
      }
    }
    worker.send(SIGTERM)
    _ = try worker.wait()
  }

  private func bury(_ texts: String...) throws { try bury(texts.map { Array($0.utf8) }) }

  private func write(_ entry: String) throws {
    try deployment.redis(["LPUSH", deployment.key("dead")], input: Array(entry.utf8))
  }

  private func listed(_ words: String...) throws -> [[String: Any]] {
    try array(deployment.run(["queue", "dead", "list", "--json"] + words))
  }

  private func ids() throws -> [String] { try listed().compactMap { $0["id"] as? String } }

  private func dead(_ words: String...) throws -> ChildProcess.Ended { try deployment.run(["queue", "dead"] + words) }

  private var waiting: Int { get throws { Int(try deployment.redis(["LLEN", deployment.key("queue")])) ?? -1 } }

  @Test func `dead messages are listed newest first with all that is known of them`() throws {
    #expect(try listed().isEmpty)
    #expect(try deployment.succeed(["queue", "dead", "list"]) == "No dead messages.\n")
    try bury([Array("hello".utf8), [0xff, 0x00, 0x1b], Array(#"{"library":"nobody"}"#.utf8)])
    let entries = try listed()
    #expect(entries.map { $0["payload"] as? String } == [#"{"library":"nobody"}"#, nil, "hello"])
    #expect(entries.map { $0["readable"] as? Bool } == [true, true, true])
    #expect(entries[1]["payload"] is NSNull)
    #expect(entries[1]["payload_base64"] as? String == Data([0xff, 0x00, 0x1b]).base64EncodedString())
    #expect(entries.allSatisfy { $0["queue"] as? String == "default" && $0["entry_base64"] is NSNull })
    #expect((entries[0]["reason"] as? String)?.contains("library") == true, "\(entries[0])")
    #expect((entries[0]["time"] as? String)?.hasSuffix("Z") == true)
    #expect(Set(try ids()).count == 3)
    let lines = try deployment.succeed(["queue", "dead", "list"]).split(separator: "\n")
    #expect(lines.count == 4 && lines[0].hasPrefix("ID ") && lines[3].hasSuffix("hello"), "\(lines)")
    // The lengths are shown as before.
    #expect(try array(deployment.run(["queue", "--json"]))[0]["dead"] as? Int == 3)
  }

  @Test func `ids stay while the list moves, and what is retried has its exact bytes`() throws {
    let noise: [UInt8] = [0xc3, 0x28, 0x00, 0x0a]
    try bury([noise, Array("second".utf8)])
    let (second, first) = (try ids()[0], try ids()[1])
    try bury("third")
    #expect(try ids().suffix(2) == [second, first])
    #expect(try dead("retry", first).text == "Retried 1 message.\n")
    #expect(try ids().last == second && ids().count == 2)
    #expect(try waiting == 1)
    let back = try run(["redis-cli", "-s", socket, "--raw", "LINDEX", deployment.key("queue"), "0"])
    #expect(back == noise + [0x0a])

    try bury([])  // A worker takes it again, and buries it anew.
    try eventually("it is dead again") { try ids().count == 2 || ids().count == 3 }
    #expect(try dead("drop", second, "--yes").text == "Dropped 1 message.\n")
    #expect(try !ids().contains(second))
  }

  private var socket: String { deployment.redisURL.replacing("unix://", with: "") }

  @Test func `unknown ids are named, and the others are done`() throws {
    try bury("a", "b")
    let ids = try ids()
    for command in [["retry", ids[0], "nothing", "\u{1b}[31m"], ["drop", "nothing", ids[1], "\u{1b}[31m", "--yes"]] {
      let ended = try deployment.run(["queue", "dead"] + command)
      #expect(ended.code == 1)
      #expect(ended.text.contains(" 1 message.\n"))
      let lines = ended.errors.split(separator: "\n")
      #expect(lines.count == 2 && lines[0].contains("\"nothing\"") && !ended.errors.contains("\u{1b}"), "\(lines)")
    }
    #expect(try self.ids().isEmpty)
    #expect(try waiting == 1)
  }

  @Test func `--all is everything of one queue or of all, and what cannot be read stays`() throws {
    try bury("a", "b")
    try write("no entry of ours \u{1b}[31m")
    let other = "\(deployment.prefix):{other}:dead"
    let payload = Data("c".utf8).base64EncodedString()
    try deployment.redis(
      ["LPUSH", other, #"{"payload_base64":"\#(payload)","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#])
    try deployment.succeed(["library", "add", "x", "/usr/share/doc", "--queue", "other"])

    #expect(try listed().count == 4)
    #expect(try listed("--queue", "other").count == 1)
    let ended = try dead("retry", "--all", "--queue", "default")
    #expect(ended.code == 1 && ended.text == "Retried 2 messages.\n")
    #expect(ended.errors.split(separator: "\n").count == 1 && ended.errors.contains("1 dead message cannot be read"))
    // In the old order: the oldest is taken first.
    #expect(try deployment.redis(["LRANGE", deployment.key("queue"), "0", "-1"]) == "b\na")
    #expect(try listed().count == 2)

    let garbage = try #require(try listed("--queue", "default").first)
    #expect(garbage["readable"] as? Bool == false && garbage["reason"] is NSNull)
    #expect(garbage["entry_base64"] as? String == Data("no entry of ours \u{1b}[31m".utf8).base64EncodedString())
    let id = try #require(garbage["id"] as? String)
    let refused = try dead("retry", id)
    #expect(refused.code == 1 && refused.errors.contains("dead message \(id) cannot be read"))
    #expect(try dead("drop", "--all", "--yes").text == "Dropped 2 messages.\n")
    #expect(try listed().isEmpty)
  }

  private static func entry(_ id: String, _ payload: String) -> String {
    let bytes = Data(payload.utf8).base64EncodedString()
    return #"{"id":"\#(id)","payload_base64":"\#(bytes)","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#
  }

  @Test func `messages that share a forged id stay until one of them is named`() throws {
    for payload in ["a", "b"] { try write(Self.entry("0123456789", payload)) }
    // The same message twice is no matter of choice.
    for _ in 0..<2 { try write(Self.entry("abcdefghij", "twin")) }
    for words in [["retry", "0123456789"], ["drop", "0123456789", "--yes"]] {
      let ended = try deployment.run(["queue", "dead"] + words)
      #expect(ended.code == 1 && ended.text.contains(" 0 messages."))
      let lines = ended.errors.split(separator: "\n")
      #expect(lines.count == 1 && lines[0].contains("2 dead messages have the id 0123456789"), "\(lines)")
      #expect(try ids().count == 4)
      #expect(try waiting == 0)
    }
    let refusal = try dead("drop", "0123456789", "--yes").errors
    let names = refusal.matches(of: /x[0-9a-f]{16}/).map { String($0.output) }
    #expect(names.count == 2 && Set(names).count == 2, "\(refusal)")
    #expect(try dead("retry", names[0], "--queue", "default").code == 0)
    #expect(try dead("drop", "0123456789", "--yes").code == 0, "it is the only one now")
    #expect(try dead("retry", "abcdefghij").code == 0)
    #expect(try waiting == 2)
    #expect(try ids() == ["abcdefghij"])
  }

  @Test func `a queue that no library names any more is shown with what waits and is dead there`() throws {
    let old = "\(deployment.prefix):{old}:"
    try deployment.redis(["LPUSH", old + "dead"], input: Array(Self.entry("0123456789", "a").utf8))
    try deployment.redis(["LPUSH", old + "queue"], input: [0x62])
    #expect(try ids() == ["0123456789"])
    let shown = try array(deployment.run(["queue", "--json"]))
    #expect(shown.map { $0["queue"] as? String } == ["default", "old"])
    #expect(shown[1]["waiting"] as? Int == 1 && shown[1]["dead"] as? Int == 1)
    #expect(try dead("drop", "--all", "--yes").text == "Dropped 1 message.\n")
  }

  @Test func `an error in the middle is said after what was done before it`() throws {
    for payload in ["a", "b"] { try write(Self.entry("", payload)) }
    let other = "\(deployment.prefix):{other}:"
    try deployment.redis(["LPUSH", other + "dead"], input: Array(Self.entry("", "c").utf8))
    try deployment.redis(["SET", other + "queue", "no list"])
    try deployment.succeed(["library", "add", "x", "/usr/share/doc", "--queue", "other"])
    let ended = try dead("retry", "--all")
    #expect(ended.code == 1 && ended.text == "Retried 2 messages.\n", "\(ended.text)")
    #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
    #expect(try waiting == 2)
    #expect(try deployment.redis(["LLEN", other + "dead"]) == "1")
  }

  @Test func `hostile entries reach no terminal and break no JSON`() throws {
    try bury("\u{1b}[31m\u{7}\n{\"library\":\"\u{202e}\"}", String(repeating: "x", count: 5_000))
    try write(
      "{\"id\":\"\\u001b[2J\",\"payload_base64\":\"aGk=\",\"reason\":\"\\u001b[31m\\n\",\"time\":\"2026-01-02T03:04:05Z\",\"worker\":\"\\u001b\"}"
    )
    let bytes = deployment.prefix + ":raw"
    try deployment.redis(["SET", bytes], input: [0xff, 0x1b, 0x5b])
    try deployment.redis([
      "EVAL", "redis.call('LPUSH', KEYS[2], redis.call('GET', KEYS[1]))", "2", bytes, deployment.key("dead"),
    ])
    let text = try deployment.succeed(["queue", "dead", "list"])
    let bad = text.unicodeScalars.filter { $0.value < 0x20 && $0 != "\n" || (0x202a...0x202e).contains($0.value) }
    #expect(bad.isEmpty, "\(text.debugDescription)")
    let lines = text.split(separator: "\n")
    #expect(lines.count == 5 && lines.allSatisfy { $0.unicodeScalars.count <= 160 }, "\(lines)")
    #expect(try listed().count == 4)
    for id in try ids() { #expect(id.allSatisfy { $0.isLetter || $0.isNumber }) }
  }

  @Test func `dropping asks, and where nobody can answer wants --yes`() throws {
    try bury("a")
    let id = try ids()[0]
    expectFailure(try dead("drop", id), code: 2, saying: "--yes")
    expectFailure(try dead("drop", "--all"), code: 2, saying: "--yes")
    let command = "'\(try RollcallBinary.path())' queue dead drop --all"
    for (answer, left) in [("n\n", 1), ("y\n", 0)] {
      _ = try ChildProcess(
        ["script", "-qec", command, "/dev/null"], environment: deployment.environment, input: Array(answer.utf8)
      ).wait()
      #expect(try ids().count == left)
    }
  }

  @Test(arguments: ["retry", "drop --yes", "retry --all a", "drop a --all --yes", "list extra", "retry a --queue {q}"])
  func `wrong usage is one line, and exit code 2`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    expectFailure(try rollcall(["queue", "dead"] + words), code: 2, saying: "--help`")
  }

  @Test func `many large messages are listed in bounded memory`() throws {
    let payload = Data(repeating: 0x61, count: 1 << 20).base64EncodedString()
    let entry = #"{"payload_base64":"\#(payload)","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#
    for _ in 0..<60 { try write(entry) }
    for words in [["queue", "dead", "list"], ["queue", "dead", "list", "--json"]] {
      let command = try deployment.start(words)
      var peak = 0
      while command.isRunning { peak = max(peak, (try? command.peakResidentBytes()) ?? 0) }
      #expect(try command.wait().code == 0)
      print("60 MiB of dead messages: \(peak >> 20) MiB for \(words.joined(separator: " "))")
      #expect(peak < 80 << 20, "\(peak >> 20) MiB")
    }
  }
}
