/// A reply in Swift's own memory.
public enum RedisValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case bytes([UInt8])
  /// A status line such as `OK`.
  case status(String)
  case array([RedisValue])
  /// An error inside an array; one that is the whole reply is thrown.
  case error(String)

  public var integer: Int64? {
    if case .integer(let number) = self { number } else { nil }
  }

  public var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { bytes } else { nil }
  }

  public var array: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// Bytes or a status as text; ill-formed UTF-8 is replaced by U+FFFD.
  public var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }
}

/// One word of a command, as exact bytes.
public struct RedisArgument: Sendable, Equatable {
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }
  public init(_ number: some BinaryInteger) { self.init(String(number)) }
}

extension RedisArgument: ExpressibleByStringInterpolation {
  public init(stringLiteral value: String) { self.init(value) }
}

extension RedisArgument: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}
