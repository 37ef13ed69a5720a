import Foundation
import Testing

@testable import Worker

@Suite("The heartbeat's line")
struct HeartbeatLineTests {
  private let line = HeartbeatLine(
    host: "north", pid: 42, version: "0.1.0", queues: ["default", "media"],
    slots: [
      .init(slot: 0, state: "idle", progressAgeMs: 12),
      .init(
        slot: 1, state: "walk", library: "a/\"b\"\n", scan: 7, slice: "7/2", ageMs: 1_500, progressAgeMs: 3,
        entries: 900),
    ],
    rssBytes: 1_048_576, cpuSeconds: 1.25, filesPerSecond: 0.5)

  @Test("is one line of JSON with the documented names")
  func names() throws {
    let text = String(decoding: try line.json(), as: UTF8.self)
    #expect(
      text
        == #"{"cpu_seconds":1.25,"files_per_second":0.5,"host":"north","pid":42,"queues":["default","media"],"#
        + #""rss_bytes":1048576,"slots":[{"progress_age_ms":12,"slot":0,"state":"idle"},{"age_ms":1500,"#
        + #""entries":900,"library":"a/\"b\"\n","progress_age_ms":3,"scan":7,"slice":"7/2","slot":1,"#
        + #""state":"walk"}],"version":"0.1.0"}"#)
  }

  @Test("is read back as it was written")
  func roundTrip() throws {
    #expect(HeartbeatLine(json: String(decoding: try line.json(), as: UTF8.self)) == line)
  }

  @Test("what a later release adds is passed over")
  func unknownFields() throws {
    let text = String(decoding: try line.json(), as: UTF8.self)
    #expect(HeartbeatLine(json: #"{"new":[1],"# + text.dropFirst()) == line)
  }

  @Test(
    "what no worker wrote is no line",
    arguments: ["", "null", "[]", "{}", "{", #"{"host":"north"}"#, "\u{0}", #"{"host":5,"pid":"x"}"#])
  func unreadable(text: String) {
    #expect(HeartbeatLine(json: text) == nil)
  }
}
