import Catalog
import Foundation

/// An event of a scan as `--json` shows it: one object, its keys in order.
struct EventDocument {
  private struct Head: Encodable {
    @OrNull var actor: String?
    let at: Date
  }

  private struct Tail: Encodable {
    let event: String
    let id: Int64
  }

  private let record: ScanEventRecord

  init(_ record: ScanEventRecord) { self.record = record }

  /// The detail is what Postgres wrote, to the letter: no number of its, of any size, survives a reading into Swift's.
  func json() throws -> [UInt8] {
    let head = try JSONOutput.element(Head(actor: record.actor, at: record.at)).dropLast()
    let tail = try JSONOutput.element(Tail(event: record.event, id: record.id)).dropFirst()
    return head + Array(",\"detail\":\(record.detail ?? "null"),".utf8) + tail
  }
}
