import Foundation

/// A path of bytes as text, without loss.
///
/// In JSON a path that is valid UTF-8 is itself and has no `path_base64`. Any other has its backslashes
/// and invalid bytes as `\xHH`, and its exact bytes in `path_base64`; that one is there tells which.
struct EscapedPath: Sendable, Equatable {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Valid UTF-8 whatever the bytes; `path` in JSON.
  var path: String { String(validating: bytes, as: UTF8.self) ?? escaped { $0 == "\\" } }

  /// The bytes where `path` is not they themselves; `path_base64` in JSON.
  var pathBase64: String? {
    String(validating: bytes, as: UTF8.self) == nil ? Data(bytes).base64EncodedString() : nil
  }

  /// For people: one line that moves no cursor. Backslashes, invalid bytes and control characters are
  /// always `\xHH`, so that it, too, can be read back.
  var terminal: String { escaped { $0 == "\\" || isUnsafe($0) } }

  private func escaped(_ mustEscape: (Unicode.Scalar) -> Bool) -> String {
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = Self.sequenceLength(first)
      if let scalar = Self.scalar(rest.prefix(length)), !mustEscape(scalar) {
        text.unicodeScalars.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        // An escaped scalar of several bytes: its continuation bytes are invalid by themselves.
        text += hexEscape(first)
        rest = rest.dropFirst()
      }
    }
    return text
  }

  /// The one scalar that the bytes encode, if they do.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
  }

  private static func sequenceLength(_ first: UInt8) -> Int {
    switch first {
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 1
    }
  }
}
