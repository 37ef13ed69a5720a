import Foundation

/// What lies on a queue: a scan request from a producer, or a pointer to a slice. Anything else is
/// garbage, which is buried with the reason.
public enum QueueMessage: Sendable, Equatable {
  case request(ScanRequest)
  case pointer(SliceID)

  /// A longer message is buried unread.
  public static let maximumBytes = 65_536

  /// Why a message cannot be read; one line, which goes to the dead list.
  public struct Garbage: Error, Equatable {
    public let reason: String
  }

  /// The exact bytes of a slice's pointer. Two pointers to one slice are byte-identical.
  public static func pointerBytes(_ slice: SliceID) -> [UInt8] {
    Array(#"{"v":1,"slice":"\#(slice)"}"#.utf8)
  }

  public static func parse(_ bytes: [UInt8]) throws(Garbage) -> QueueMessage {
    if let slice = canonicalPointer(bytes) { return .pointer(slice) }
    guard bytes.count <= maximumBytes else {
      throw Garbage(reason: "message of \(bytes.count) bytes, more than \(maximumBytes)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Garbage(reason: "message is not valid UTF-8")
    }
    // JSON never holds one; the parser would take it for a sign of UTF-16.
    guard !bytes.contains(0) else { throw Garbage(reason: "message holds a NUL byte") }
    let json: Any
    do {
      json = try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
    } catch {
      throw Garbage(reason: bytes.isEmpty ? "message is empty" : "message is not valid JSON")
    }
    guard let object = json as? [String: Any] else { throw Garbage(reason: "message is not a JSON object") }
    return try parse(Fields(object))
  }

  private static func parse(_ fields: Fields) throws(Garbage) -> QueueMessage {
    if let version = try fields.integer("v"), version != 1 {
      throw Garbage(reason: "unknown message version \(version); this program knows 1")
    }
    if let text = try fields.string("slice") {
      guard let slice = SliceID(text) else { throw Garbage(reason: "field \"slice\" is not <scan>/<number>") }
      return .pointer(slice)
    }
    return .request(try ScanRequest(fields))
  }

  /// Reads a pointer in the form that `pointerBytes` writes, without a JSON parser.
  private static func canonicalPointer(_ bytes: [UInt8]) -> SliceID? {
    let head = #"{"v":1,"slice":""#.utf8
    let tail = #""}"#.utf8
    guard bytes.count > head.count + tail.count, bytes.count < 64, bytes.starts(with: head),
      bytes.suffix(tail.count).elementsEqual(tail)
    else { return nil }
    return SliceID(String(decoding: bytes[head.count..<(bytes.count - tail.count)], as: UTF8.self))
  }

  /// The known fields of a message with their types checked; unknown ones are ignored, `null` is absent.
  struct Fields {
    private let object: [String: Any]
    init(_ object: [String: Any]) { self.object = object }

    func string(_ name: String, atMost limit: Int = .max) throws(Garbage) -> String? {
      guard let value = object[name], !(value is NSNull) else { return nil }
      guard let text = value as? String else { throw Garbage(reason: "field \"\(name)\" is not a string") }
      guard text.utf8.count <= limit else { throw Garbage(reason: "field \"\(name)\" is longer than \(limit) bytes") }
      guard !text.isEmpty else { throw Garbage(reason: "field \"\(name)\" is empty") }
      guard !text.unicodeScalars.contains("\0") else {
        throw Garbage(reason: "field \"\(name)\" holds a NUL character")
      }
      return text
    }

    func integer(_ name: String) throws(Garbage) -> Int? {
      guard let value = object[name], !(value is NSNull) else { return nil }
      guard let number = value as? NSNumber, !Self.isBoolean(number), let integer = Int(exactly: number.doubleValue)
      else { throw Garbage(reason: "field \"\(name)\" is not an integer") }
      return integer
    }

    /// Foundation's `is Bool` holds for the numbers 0 and 1 too; JSON's `true` and `false` alone are kept as
    /// a C char, the type whose encoding is `c`.
    private static func isBoolean(_ number: NSNumber) -> Bool {
      // A type's encoding is a C string that lives as long as the process.
      unsafe number.objCType.pointee == CChar(bitPattern: UInt8(ascii: "c"))
    }
  }
}

/// A request for a scan, as any language may LPUSH it.
public struct ScanRequest: Sendable, Equatable {
  /// The longest `request_id` and `requested_by`, in bytes.
  public static let maximumWordBytes = 1_024

  /// Which library a request means.
  public enum Target: Sendable, Equatable {
    case name(String)
    case rootPath(String)
  }

  public var target: Target
  /// Two requests with the same id are one.
  public var requestID: String?
  public var requestedBy: String?
  public var mode: ScanMode

  public init(target: Target, requestID: String? = nil, requestedBy: String? = nil, mode: ScanMode = .full) {
    self.target = target
    self.requestID = requestID
    self.requestedBy = requestedBy
    self.mode = mode
  }

  init(_ fields: QueueMessage.Fields) throws(QueueMessage.Garbage) {
    switch (try fields.string("library"), try fields.string("root_path")) {
    case (let name?, nil): target = .name(name)
    case (nil, let path?): target = .rootPath(path)
    case (.some, .some):
      throw QueueMessage.Garbage(reason: "message names both \"library\" and \"root_path\"")
    case (nil, nil):
      throw QueueMessage.Garbage(reason: "message names no \"library\", \"root_path\" or \"slice\"")
    }
    requestID = try fields.string("request_id", atMost: Self.maximumWordBytes)
    requestedBy = try fields.string("requested_by", atMost: Self.maximumWordBytes)
    let text = try fields.string("mode") ?? ScanMode.full.rawValue
    guard let mode = ScanMode(rawValue: text) else {
      let known = ScanMode.allCases.map(\.rawValue).joined(separator: ", ")
      throw QueueMessage.Garbage(reason: "unknown mode \(Self.quoted(text)); known are \(known)")
    }
    self.mode = mode
  }
  /// The beginning of a stranger's text, on one line.
  private static func quoted(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(64))).debugDescription
  }
}
