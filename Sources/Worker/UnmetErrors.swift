import Catalog
import ScanModel

/// The open rows of a directory's entries that its listing has not met again.
struct UnmetErrors {
  private(set) var rows: [[UInt8]: [KnownError]]

  init(_ errors: [KnownError]) { rows = Dictionary(grouping: errors, by: \.name) }

  /// The row of an error that is met again, which it no longer is then.
  mutating func take(_ name: [UInt8], _ type: ScanErrorType) -> KnownError? {
    guard let index = rows[name]?.firstIndex(where: { $0.type == type }) else { return nil }
    return rows[name]?.remove(at: index)
  }

  /// Of the rows, in order.
  var ids: [Int64] { rows.values.joined().map(\.id).sorted() }
}
