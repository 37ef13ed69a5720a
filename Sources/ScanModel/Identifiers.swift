/// A library's row in Postgres.
public struct LibraryID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }
  public var description: String { String(rawValue) }
}

/// A scan's row in Postgres.
public struct ScanID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }
  public var description: String { String(rawValue) }
}

/// A slice's row in Postgres: the scan and its number there, written `<scan>/<n>` on the queue and in keys.
public struct SliceID: Hashable, Sendable, CustomStringConvertible {
  public let scan: ScanID
  public let number: Int32

  public init(scan: ScanID, number: Int32) {
    self.scan = scan
    self.number = number
  }

  /// Reads `<scan>/<n>`; `nil` unless both are positive decimal numbers in canonical form.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let scan = Int64(parts[0]), let number = Int32(parts[1]), scan > 0, number > 0,
      "\(scan)/\(number)" == text
    else { return nil }
    self.init(scan: ScanID(scan), number: number)
  }

  public var description: String { "\(scan)/\(number)" }
}

/// One incarnation of a worker process: a name, and a random suffix that is new at every start, so that
/// whatever an earlier process of the same name left behind is recognisably not this one's.
public struct WorkerID: Hashable, Sendable, CustomStringConvertible {
  /// As keys and rows name it. Our own are UTF-8; anybody can write to Redis.
  public let bytes: [UInt8]

  /// Ill-formed UTF-8 is replaced by U+FFFD.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  public init(name: String, suffix: String) { self.init(description: "\(name)-\(suffix)") }

  /// A new incarnation of `name`.
  public init(name: String) {
    let hex = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    self.init(name: name, suffix: String(repeating: "0", count: 8 - hex.count) + hex)
  }

  /// A worker as a row names it.
  public init(description: String) { bytes = Array(description.utf8) }

  /// A worker as a key names it.
  public init(bytes: [UInt8]) { self.bytes = bytes }
}

/// One thread of a worker, which runs one job at a time; written `<worker>/<slot>`. Slots count from 0.
public struct SlotID: Hashable, Sendable, CustomStringConvertible {
  public let worker: WorkerID
  public let index: Int

  public init(worker: WorkerID, index: Int) {
    self.worker = worker
    self.index = index
  }

  public var description: String { "\(worker)/\(index)" }

  /// The worker of a slot that is written so.
  public static func worker(in description: String) -> WorkerID {
    let end = description.lastIndex(of: "/") ?? description.endIndex
    return WorkerID(description: String(description[..<end]))
  }
}

/// The UUID of one claim of a slice, in lower case. With the epoch it fences the claim's commit.
public struct ClaimID: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  /// A claim as a key or a row names it.
  public init(description: String) { self.description = description }

  /// A new random (version 4) UUID, RFC 9562.
  public init() {
    let hex = Array("0123456789abcdef")
    var text = ""
    for index in 0..<32 {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      switch index {
      case 12: text.append("4")
      case 16: text.append(hex[Int.random(in: 8...11)])
      default: text.append(hex[Int.random(in: 0...15)])
      }
    }
    description = text
  }
}
