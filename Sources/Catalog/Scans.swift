import Foundation
import PostgresClient
import ScanModel

/// Something that happened to a scan: a transition, a recovery, a refusal.
public struct ScanEventRecord: Sendable {
  public let id: Int64
  public let at: Date
  public let event: String
  /// Who or what did it.
  public let actor: String?
  /// A JSON object.
  public let detail: String?
}

/// Reading scans.
extension Catalog {
  public func scan(_ id: ScanID) throws(CatalogError) -> ScanRecord? {
    try scans(Statements.scanByID, [.int64(id.rawValue)]).first
  }

  /// The library's active scan or, where it has none, its last one.
  public func currentScan(of library: LibraryID) throws(CatalogError) -> ScanRecord? {
    try scans(Statements.scanOfLibrary, [.int64(library.rawValue)]).first
  }

  /// Of every library that was ever scanned its active or else its last scan, newest first.
  public func currentScans() throws(CatalogError) -> [ScanRecord] {
    try scans(Statements.scansCurrent, [])
  }

  /// Newest first; of one library or of all.
  public func history(of library: LibraryID?, limit: Int64) throws(CatalogError) -> [ScanRecord] {
    try scans(Statements.scanHistory, [library.map { .int64($0.rawValue) } ?? .null, .int64(limit)])
  }

  /// The slots that hold a slice of a scan now, as `<worker>/<slot>`.
  public func workers(of scan: ScanID) throws(CatalogError) -> [String] {
    let rows = try execute(Statements.scanWorkers, [.int64(scan.rawValue)])
    return try wrap { () throws(PostgresError) in try rows.map { (row) throws(PostgresError) in try row.text(0) } }
  }

  /// The events of a scan, newest first, one at a time: memory does not grow with their number.
  public func eachEvent(of scan: ScanID, _ body: (ScanEventRecord) throws -> Void) throws {
    try connect()
    try connection.stream(Statements.scanEvents, [.int64(scan.rawValue)]) { row in
      try body(
        ScanEventRecord(
          id: row.int64(0), at: row.timestamp(1), event: row.text(2), actor: row.optionalText(3),
          detail: row.optionalText(4)))
    }
  }

  private func scans(_ statement: PostgresStatement, _ parameters: [PostgresParameter]) throws(CatalogError)
    -> [ScanRecord]
  {
    let rows = try execute(statement, parameters)
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in try ScanRecord(row) }
    }
  }
}
