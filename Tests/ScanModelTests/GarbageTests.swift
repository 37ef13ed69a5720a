import TestSupport
import Testing

@testable import ScanModel

/// Whatever a stranger pushes is garbage with a reason of one short line, and never more than that.
@Suite("Garbage on the queue")
struct GarbageTests {
  static let refusals: [(String, String)] = [
    ("", "message is empty"),
    (" ", "message is not valid JSON"),
    ("hello", "message is not valid JSON"),
    ("{", "message is not valid JSON"),
    (#"{"library":"m"} {"library":"n"}"#, "message is not valid JSON"),
    (#"{'library':'m'}"#, "message is not valid JSON"),
    (#"{"library":"\ud800"}"#, "message is not valid JSON"),
    (#"{"library":"m","v":01}"#, "message is not valid JSON"),
    (#"{"library":"m","v":NaN}"#, "message is not valid JSON"),
    ("[]", "message is not a JSON object"),
    (#"[{"library":"m"}]"#, "message is not a JSON object"),
    ("null", "message is not a JSON object"),
    ("true", "message is not a JSON object"),
    ("12", "message is not a JSON object"),
    (#""library""#, "message is not a JSON object"),
    ("{}", #"message names no "library", "root_path" or "slice""#),
    (#"{"library":null}"#, #"message names no "library", "root_path" or "slice""#),
    (#"{"LIBRARY":"m"}"#, #"message names no "library", "root_path" or "slice""#),
    (#"{"library":"m","root_path":"/m"}"#, #"message names both "library" and "root_path""#),
    (#"{"library":5}"#, #"field "library" is not a string"#),
    (#"{"library":["m"]}"#, #"field "library" is not a string"#),
    (#"{"library":""}"#, #"field "library" is empty"#),
    (#"{"library":"a\u0000b"}"#, #"field "library" holds a NUL character"#),
    (#"{"root_path":false}"#, #"field "root_path" is not a string"#),
    (#"{"root_path":"/a\u0000"}"#, #"field "root_path" holds a NUL character"#),
    (#"{"library":"m","request_id":7}"#, #"field "request_id" is not a string"#),
    (#"{"library":"m","request_id":""}"#, #"field "request_id" is empty"#),
    (#"{"library":"m","requested_by":{}}"#, #"field "requested_by" is not a string"#),
    (#"{"library":"m","mode":1}"#, #"field "mode" is not a string"#),
    (#"{"library":"m","mode":"fast"}"#, #"unknown mode "fast"; known are full, quick"#),
    (#"{"library":"m","mode":"a\nb"}"#, #"unknown mode "a\nb"; known are full, quick"#),
    (#"{"library":"m","v":2}"#, "unknown message version 2; this program knows 1"),
    (#"{"library":"m","v":-1}"#, "unknown message version -1; this program knows 1"),
    (#"{"library":"m","v":"1"}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":true}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":1.5}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":[1]}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":1e30}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":9223372036854775808}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":-1e19}"#, #"field "v" is not an integer"#),
    (#"{"library":"m","v":1e400}"#, "message is not valid JSON"),
    (#"{"library":"m","v":0}"#, "unknown message version 0; this program knows 1"),
    (#"{"library":"m","v":false}"#, #"field "v" is not an integer"#),
    (#"{"v":2,"slice":"7/2"}"#, "unknown message version 2; this program knows 1"),
    (#"{"v":1,"slice":7}"#, #"field "slice" is not a string"#),
    (#"{"v":1,"slice":""}"#, #"field "slice" is empty"#),
    (#"{"v":1,"slice":"7"}"#, #"field "slice" is not <scan>/<number>"#),
    (#"{"v":1,"slice":"07/2"}"#, #"field "slice" is not <scan>/<number>"#),
    (#"{"v":1,"slice":"7/-2"}"#, #"field "slice" is not <scan>/<number>"#),
    (#"{"v":1,"slice":"7/2147483648"}"#, #"field "slice" is not <scan>/<number>"#),
    (#"{"v":1,"slice":"9223372036854775808/1"}"#, #"field "slice" is not <scan>/<number>"#),
  ]

  @Test("each kind has its reason", arguments: refusals)
  func reasons(text: String, reason: String) {
    #expect(throws: QueueMessage.Garbage(reason: reason)) { try QueueMessage.parse(Array(text.utf8)) }
  }

  @Test(
    "bytes that are no UTF-8 are named as such",
    arguments: [[0xff], [0xc3, 0x28], Array(#"{"library":""#.utf8) + [0xe9] + Array(#""}"#.utf8)] as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    #expect(throws: QueueMessage.Garbage(reason: "message is not valid UTF-8")) { try QueueMessage.parse(bytes) }
  }

  @Test("JSON in another encoding is garbage")
  func otherEncodings() {
    let text = #"{"library":"media"}"#
    let littleEndian = text.utf8.flatMap { [$0, 0] as [UInt8] }
    for bytes in [littleEndian, [0] + littleEndian.dropLast()] {
      #expect(throws: QueueMessage.Garbage(reason: "message holds a NUL byte")) { try QueueMessage.parse(bytes) }
    }
  }

  @Test(
    "nesting as deep as a message is long does no harm",
    arguments: [("[", "]"), (#"{"x":"#, "}"), (#"{"library":"m","x":["#, "]}")])
  func deepNesting(open: String, close: String) {
    let depth = QueueMessage.maximumBytes / (open.utf8.count + close.utf8.count) - 1
    let whole = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    for text in [whole, String(repeating: open, count: depth)] {
      #expect(throws: QueueMessage.Garbage(reason: "message is not valid JSON")) {
        try QueueMessage.parse(Array(text.utf8))
      }
    }
  }

  @Test("a name that comes twice does not trap")
  func duplicateKeys() throws {
    let message = try? QueueMessage.parse(Array(#"{"library":"a","library":"b"}"#.utf8))
    // RFC 8259 leaves open which one counts, or whether such a message is garbage.
    if let message {
      #expect(["a", "b"].map { .request(ScanRequest(target: .name($0))) }.contains(message))
    }
  }

  @Test("noise of any length does not trap, and its reason is one short line", arguments: 0..<64)
  func noise(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let length = seed == 0 ? 1 << 20 : Int.random(in: 0...200, using: &random)
    expectShortReason((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  @Test("a damaged message does not trap, and its reason is one short line", arguments: 0..<64)
  func damage(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let texts = Self.refusals.map(\.0) + QueueMessageTests.requests.map(\.0) + [#"{"v":1,"slice":"7/2"}"#]
    for text in texts where !text.isEmpty {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      expectShortReason(bytes)
    }
  }

  @Test("a long value does not make a long reason")
  func longValues() {
    let marks = String(repeating: "e" + String(repeating: "\u{301}", count: 100), count: 100)
    expectShortReason(Array(#"{"library":"m","mode":"\#(marks)"}"#.utf8))
    expectShortReason(Array(#"{"slice":"\#(marks)"}"#.utf8))
  }

  private func expectShortReason(_ bytes: [UInt8]) {
    do throws(QueueMessage.Garbage) {
      _ = try QueueMessage.parse(bytes)
    } catch {
      #expect(!error.reason.isEmpty && error.reason.utf8.count < 1_000)
      #expect(error.reason.split(whereSeparator: \.isNewline).count == 1)
    }
  }
}
