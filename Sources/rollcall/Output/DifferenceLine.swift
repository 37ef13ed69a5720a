import ScanModel
import Worker

extension Difference.Sort {
  /// As listings call it.
  var word: String {
    switch self {
    case .unknown: "unknown"
    case .missing: "missing"
    case .excluded: "excluded"
    case .changed: "changed"
    case .unreadable: "unreadable"
    case .mountMissing: "mount_missing"
    }
  }
}

/// One difference for people, in one line. Listings can be long, so that the columns have fixed widths: nothing is held
/// back to align it.
enum DifferenceLine {
  static func text(_ difference: Difference) -> String {
    let path = difference.path.isEmpty ? "(the root)" : EscapedPath(difference.path).terminal
    let more = detail(difference).map { "  (\($0))" } ?? ""
    return "\(padded(difference.sort.word, to: 13))  \(padded(difference.kind.rawValue, to: 9))  \(path)\(more)"
  }

  private static func detail(_ difference: Difference) -> String? {
    switch difference.sort {
    case .unknown: nil
    case .missing(let files), .excluded(let files): difference.kind == .directory ? catalogued(files) : nil
    case .changed(let columns): columns.map(text).joined(separator: ", ")
    case .unreadable(_, _, let message): terminalSafe(message)
    case .mountMissing(let message, let files): "\(catalogued(files)): \(terminalSafe(message))"
    }
  }

  private static func catalogued(_ files: Int64) -> String { "\(Humane.count(files)) file\(files == 1 ? "" : "s")" }

  /// The catalogue's value, then the tree's.
  private static func text(_ column: ColumnDifference) -> String {
    let (catalogued, found) = (text(column.catalogued, column.column), text(column.found, column.column))
    return column.column == .signature ? "signature" : "\(column.column.rawValue) \(catalogued) → \(found)"
  }

  private static func text(_ value: ColumnDifference.Value, _ column: ColumnDifference.Column) -> String {
    switch value {
    case .none: "none"
    case .integer(let mode) where column == .mode: "0" + String(UInt32(truncatingIfNeeded: mode), radix: 8)
    case .integer(let inode) where column == .inode: "\(UInt64(bitPattern: inode))"
    case .integer(let number): "\(number)"
    case .text(let text): text
    case .boolean(let isTrue): "\(isTrue)"
    }
  }
}
