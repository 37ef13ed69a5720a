import Foundation
import JobQueue

/// An entry of a dead list as `--json` shows it.
struct DeadEntryDocument: Encodable {
  let id: String
  let queue: String
  /// Whether there is a message in it that can be retried. Anybody can write to the list.
  let readable: Bool
  @OrNull var reason: String?
  @OrNull var time: Date?
  @OrNull var worker: String?
  @OrNull var payload: String?
  @OrNull var payloadBase64: String?
  /// The exact bytes of an entry that is not readable.
  @OrNull var entryBase64: String?

  init(_ entry: DeadEntry) {
    id = entry.id
    queue = entry.queue
    readable = entry.message != nil
    reason = entry.message?.reason
    time = entry.message?.time
    worker = entry.message?.worker
    payload = entry.message?.payload
    payloadBase64 = entry.payload.map { Data($0).base64EncodedString() }
    entryBase64 = readable ? nil : Data(entry.bytes).base64EncodedString()
  }

  private enum CodingKeys: String, CodingKey {
    case id, queue, readable, reason, time, worker, payload
    case payloadBase64 = "payload_base64"
    case entryBase64 = "entry_base64"
  }
}

/// An entry of a dead list for people. Lists can be long, so that the columns have fixed widths: nothing is held back
/// to align it.
struct DeadEntryLine {
  static let heading = row("ID", "QUEUE", "BURIED", "REASON", "MESSAGE")
  private static let (idWidth, queueWidth, timeWidth, reasonWidth, messageWidth) = (17, 10, 14, 44, 60)

  private let entry: DeadEntry

  init(_ entry: DeadEntry) { self.entry = entry }

  var text: String {
    let time = entry.message.map { Humane.relative($0.time, to: Date()) } ?? "-"
    let reason = entry.message?.reason ?? "no entry of Rollcall's: drop it"
    return Self.row(entry.id, entry.queue, time, reason, shownMessage)
  }

  /// The beginning is enough to know it by, and a message can be of any size.
  private var shownMessage: String {
    let bytes = entry.payload ?? entry.bytes
    let beginning = EscapedPath(Array(bytes.prefix(4 * Self.messageWidth))).terminal
    return bytes.isEmpty ? "(empty)" : beginning
  }

  private static func row(_ id: String, _ queue: String, _ time: String, _ reason: String, _ message: String) -> String
  {
    let cells = [
      cell(id, idWidth), cell(queue, queueWidth), cell(time, timeWidth), cell(reason, reasonWidth),
      shortened(terminalSafe(message), to: messageWidth),
    ]
    return cells.joined(separator: "  ")
  }

  private static func cell(_ text: String, _ width: Int) -> String {
    padded(shortened(terminalSafe(text), to: width), to: width)
  }
}
