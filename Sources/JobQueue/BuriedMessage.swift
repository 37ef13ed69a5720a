import Foundation
import ScanModel

/// An entry of the dead list, one line of JSON.
public struct BuriedMessage: Sendable, Equatable, Codable {
  /// By which people name the entry while the list moves; entries of the first releases have none.
  let id: String?
  public let reason: String
  /// RFC 3339, UTC.
  public let time: Date
  public let worker: String
  /// The message as text, where it is UTF-8 and not larger than a request may be; people read no more.
  public private(set) var payload: String?
  /// The message's exact bytes.
  let payload_base64: Data

  init(_ payload: [UInt8], reason: String, worker: WorkerID, time: Date = .now) {
    id = DeadEntryID.random()
    self.reason = reason
    self.time = time
    self.worker = worker.description
    self.payload = Self.text(of: payload)
    payload_base64 = Data(payload)
  }

  /// `nil` for what this program did not write.
  init?(json: [UInt8]) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    // Why it is unreadable does not matter: people may write to the list, and are told that it is.
    guard let read = try? decoder.decode(Self.self, from: Data(json)) else { return nil }
    self = read
    // What people read is what a retry sends, whatever else stands in the entry.
    payload = Self.text(of: Array(payload_base64))
  }

  private static func text(of payload: [UInt8]) -> String? {
    payload.count <= QueueMessage.maximumBytes ? String(validating: payload, as: UTF8.self) : nil
  }
}

/// The ids of the dead list's entries.
enum DeadEntryID {
  private static let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz")
  private static let length = 10

  /// 51 bits of chance: among as many entries as the list keeps, two of the same are no concern.
  static func random() -> String { String((0..<length).map { _ in alphabet.randomElement() ?? "0" }) }

  /// Whether `id` can have come from `random`.
  static func isOwn(_ id: String) -> Bool { id.count == length && id.allSatisfy { alphabet.contains($0) } }

  /// For an entry without an id of its own: FNV-1a, 64 bits, of its exact bytes.
  static func derived(from bytes: [UInt8]) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let hex = String(hash, radix: 16)
    return "x" + String(repeating: "0", count: 16 - hex.count) + hex
  }
}

/// Encodes a value as one line of JSON with its keys in order.
func jsonLine(_ value: some Encodable, for operation: @autoclosure () -> String) throws(QueueError) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.dateEncodingStrategy = .iso8601
  do {
    return Array(try encoder.encode(value))
  } catch {
    throw .json(operation: operation(), reason: "\(error)")
  }
}
