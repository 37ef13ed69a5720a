import Foundation
import PostgresClient
import ScanModel

/// A file-level error that was open in a scan (R14).
public struct ScanErrorRecord: Sendable {
  /// The same in every scan in which it is open.
  public let id: Int64
  /// The scan that was asked for.
  public let scan: ScanID
  /// Relative to the root; empty for the root itself.
  public let path: [UInt8]
  public let type: String
  public let operation: String?
  public let errno: Int32?
  public let message: String
  public let firstSeen: Date
  /// When the last scan ended in which it was open.
  public let lastSeen: Date
  /// The first scan in which it was not open any more; `nil`: it is.
  public let resolvedScan: ScanID?
  public let resolvedAt: Date?
}

/// The errors of one type in a scan.
public struct ScanErrorTotal: Sendable, Equatable {
  public let type: String
  public let total: Int64
  /// How many of them have rows.
  public let rows: Int64
}

extension Catalog {
  /// The errors of a scan that have rows, newest first, one at a time: memory does not grow with their number.
  public func eachError(of scan: ScanID, _ body: (ScanErrorRecord) throws -> Void) throws {
    try connect()
    try connection.stream(Statements.scanErrors, [.int64(scan.rawValue)]) { row in
      try body(
        ScanErrorRecord(
          id: row.int64(0), scan: ScanID(row.int64(1)), path: row.bytes(2), type: row.text(3),
          operation: row.optionalText(4), errno: row.optionalInt64(5).map { Int32(truncatingIfNeeded: $0) },
          message: row.text(6), firstSeen: row.timestamp(7), lastSeen: row.timestamp(8),
          resolvedScan: row.optionalInt64(9).map { ScanID($0) }, resolvedAt: row.optionalTimestamp(10)))
    }
  }

  /// The errors of a scan by type, those first of which there are most.
  public func errorTotals(of scan: ScanID) throws(CatalogError) -> [ScanErrorTotal] {
    let rows = try execute(Statements.scanErrorTotals, [.int64(scan.rawValue)])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in
        ScanErrorTotal(type: try row.text(0), total: try row.int64(1), rows: try row.int64(2))
      }
    }
  }
}
