import Foundation
import Testing

@testable import rollcall

@Suite struct EscapedPathTests {
  /// Undoes `\xHH`, as a script of a user's would.
  private func unescape(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let first = rest.popFirst() {
      guard first == UInt8(ascii: "\\") else {
        bytes.append(first)
        continue
      }
      let digits = String(decoding: rest.dropFirst().prefix(2), as: UTF8.self)
      bytes.append(UInt8(digits, radix: 16) ?? 0)
      rest = rest.dropFirst(3)
    }
    return bytes
  }

  @Test func `valid UTF-8 is itself in JSON, backslashes and newlines too`() {
    let path = EscapedPath(Array("a\\x41/ü\n日".utf8))
    #expect(path.path == "a\\x41/ü\n日")
    #expect(path.pathBase64 == nil)
  }

  @Test func `what is no UTF-8 is escaped, with its exact bytes beside it`() {
    let bytes: [UInt8] = Array("caf".utf8) + [0xe9] + Array("\\ü".utf8) + [0xe2, 0x82]
    let path = EscapedPath(bytes)
    #expect(path.path == "caf\\xe9\\x5cü\\xe2\\x82")
    #expect(path.pathBase64 == Data(bytes).base64EncodedString())
  }

  @Test func `on a terminal control characters and backslashes are escaped as well`() {
    #expect(EscapedPath(Array("a\n\\\u{1b}\u{85}ü".utf8)).terminal == "a\\x0a\\x5c\\x1b\\xc2\\x85ü")
  }

  @Test func `any bytes can be read back`() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        // Every other byte from the range in which UTF-8 sequences are made.
        UInt8.random(in: Bool.random() ? 0x80...0xff : 0...0x7f, using: &generator)
      }
      let path = EscapedPath(bytes)
      #expect(unescape(path.terminal) == bytes)
      #expect((path.pathBase64 == nil ? Array(path.path.utf8) : unescape(path.path)) == bytes)
    }
  }
}
