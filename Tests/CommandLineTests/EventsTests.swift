import Foundation
import TestSupport
import Testing

@Suite struct EventsTests {
  @Test func `the events of a scan are listed newest first, with their details as they are`() throws {
    let deployment = try TestDeployment()
    let worker = try deployment.worker(slots: 1, ["--name", "w"])
    try deployment.succeed(["scan", "/usr/share/doc/", "--wait", "--requested-by", "me"])
    try deployment.database.query(
      """
      INSERT INTO scan_events (scan_id, event, detail)
      VALUES (1, 'repaired', '{"n": 9007199254740993, "x": 0.1, "deep": [{"a": null, "b": true}], "s": "ü\\u0001"}')
      """)
    let events = try array(deployment.run(["events", "1", "--json"]))
    #expect(events.map { $0["event"] as? String } == ["repaired", "completed", "preflight", "started", "admitted"])
    #expect(Set(events[0].keys) == ["id", "at", "event", "actor", "detail"])
    #expect(events[0]["actor"] is NSNull)
    let detail = try #require(events[0]["detail"] as? [String: Any])
    #expect(detail["n"] as? Int64 == 9_007_199_254_740_993)
    #expect(detail["x"] as? Double == 0.1)
    #expect(detail["s"] as? String == "ü\u{1}")
    #expect(((detail["deep"] as? [Any])?[0] as? [String: Any])?["b"] as? Bool == true)
    #expect(events[4]["actor"] as? String == "me")
    #expect((events[3]["actor"] as? String)?.hasPrefix("w-") == true)
    #expect(events[1]["detail"] is NSNull)
    #expect((events[0]["at"] as? String)?.hasSuffix("Z") == true)

    let lines = try deployment.succeed(["events", "1"]).split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[4].contains("  admitted        me  {"), "\(lines[4])")
    #expect(worker.isRunning)
  }

  @Test func `a scan that is not there has no events, and hostile ones harm no terminal`() throws {
    let deployment = try TestDeployment()
    expectFailure(try deployment.run(["events", "1"]), code: 1, saying: "there is no scan 1")
    expectFailure(try deployment.run(["events", "1", "--json"]), code: 1, saying: "there is no scan 1")
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    try deployment.database.query("DELETE FROM scan_events")
    #expect(try deployment.succeed(["events", "1"]) == "Scan 1 has no events.\n")
    #expect(try array(deployment.run(["events", "1", "--json"])).isEmpty)
    try deployment.database.query(
      """
      INSERT INTO scan_events (scan_id, event, actor, detail)
      VALUES (1, E'\\x1b[31m', E'a\\nb', '{"c": "\\u001b[2J\u{202e}"}'), (1, 'null', NULL, 'null'), (1, 'text', NULL, '"t"')
      """)
    let text = try deployment.succeed(["events", "1"])
    #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
    #expect(text.split(separator: "\n").count == 3)
    let events = try array(deployment.run(["events", "1", "--json"]))
    #expect(events[2]["event"] as? String == "\u{1b}[31m")
    #expect((events[2]["detail"] as? [String: Any])?["c"] as? String == "\u{1b}[2J\u{202e}")
    #expect(events[1]["detail"] is NSNull)
  }

  @Test func `a detail's numbers are those of the row, however large, small or long they are`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    let digits = "0." + String(repeating: "123456789", count: 12)
    try deployment.database.query(
      """
      INSERT INTO scan_events (scan_id, event, detail)
      VALUES (1, 'large', '{"n": 1e300}'), (1, 'small', '[-1e-300, 18446744073709551615]'), (1, 'long', '\(digits)')
      """)
    let ended = try deployment.run(["events", "1", "--json"])
    let events = try array(ended)
    #expect(events.map { $0["event"] as? String } == ["long", "small", "large", "admitted"])
    #expect((events[2]["detail"] as? [String: Any])?["n"] as? Double == 1e300)
    #expect(ended.text.contains("\"detail\":\(digits),"), "\(ended.text)")
    #expect(ended.text.contains("18446744073709551615]"))
  }

  @Test func `many events are streamed`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    try deployment.database.query(
      "INSERT INTO scan_events (scan_id, event, detail) SELECT 1, 'e' || n, '{}' FROM generate_series(1, 50000) n")
    let command = try deployment.start(["events", "1", "--json"])
    var peak = 0
    while command.isRunning { peak = max(peak, (try? command.peakResidentBytes()) ?? 0) }
    let events = try array(command.wait())
    #expect(events.count == 50_001)
    #expect(events[0]["event"] as? String == "e50000")
    #expect(peak < 64 << 20, "\(peak >> 20) MiB")
  }
}
