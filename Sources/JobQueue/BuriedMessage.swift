import Foundation
import ScanModel

/// An entry of the dead list, one line of JSON.
struct BuriedMessage: Codable {
  let reason: String
  /// RFC 3339, UTC.
  let time: Date
  let worker: String
  /// The message as text, where it is UTF-8 and not larger than a request may be; people read no more.
  let payload: String?
  /// The message's exact bytes.
  let payload_base64: Data

  init(_ payload: [UInt8], reason: String, worker: WorkerID, time: Date = .now) {
    self.reason = reason
    self.time = time
    self.worker = worker.description
    self.payload = payload.count <= QueueMessage.maximumBytes ? String(validating: payload, as: UTF8.self) : nil
    payload_base64 = Data(payload)
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
