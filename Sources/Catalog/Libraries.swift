import Foundation
import PostgresClient
import ScanModel

/// A library, with its active or last scan in short.
public struct LibraryRecord: Sendable {
  public struct LastScan: Sendable {
    public let id: ScanID
    public let status: ScanStatus
    public let requestedAt: Date
    public let filesSeen: Int64
    public let bytesSeen: Decimal
  }

  public let id: LibraryID
  public let name: String
  public let rootPath: String
  public let rules: LibraryRules
  /// A removal was begun and did not end; `removeLibrary` again ends it.
  public let isRemoving: Bool
  public let lastScan: LastScan?
}

extension Catalog {
  /// Adds a library with its partitions; it can be scanned at once.
  public func addLibrary(name: String, rootPath: String, rules: LibraryRules) throws(CatalogError) -> LibraryID {
    try connect()
    do {
      let rows = try connection.transaction { () throws(PostgresError) in
        try connection.execute(Statements.libraryAdd, [.text(name), .text(rootPath), .json(try Self.json(rules))])
      }
      return LibraryID(try rows[0].int64(0))
    } catch let error where error.sqlState == SQLState.uniqueViolation {
      if case .server(_, _, _, let constraint, _) = error, constraint == "libraries_root_path_key" {
        throw .libraryRootTaken(rootPath)
      }
      throw .libraryNameTaken(name)
    } catch {
      throw .postgres(error)
    }
  }

  /// Newest first.
  public func libraries() throws(CatalogError) -> [LibraryRecord] { try libraries(name: nil, rootPath: nil) }

  public func library(named name: String) throws(CatalogError) -> LibraryRecord? {
    try libraries(name: name, rootPath: nil).first
  }

  public func library(rootPath: String) throws(CatalogError) -> LibraryRecord? {
    try libraries(name: nil, rootPath: rootPath).first
  }

  /// Removes a library with all that was ever known of it; refused while a scan of it is active. Each step
  /// can be repeated: a removal that was interrupted is ended by the next.
  public func removeLibrary(_ id: LibraryID) throws(CatalogError) {
    let closed = try execute(Statements.libraryClose, [.int64(id.rawValue)])
    let active = try wrap { () throws(PostgresError) in try closed[0].optionalInt64(0) }
    if let active { throw .libraryActive(scan: active) }

    for (table, leaf) in [("files", "files_\(id)"), ("directories", "directories_\(id)")] {
      try dropPartition(leaf, of: table)
    }
    _ = try execute(Statements.libraryForget, [.int64(id.rawValue)])
  }

  /// DETACH CONCURRENTLY locks no reader out of the parent; it cannot run inside a transaction. Names are
  /// made of a constant and a number: nothing of a user's reaches the SQL text.
  private func dropPartition(_ leaf: String, of table: String) throws(CatalogError) {
    let found = try execute(Statements.libraryPartitions, [.textArray([leaf])])
    try wrap { () throws(PostgresError) in
      guard let partition = found.first else { return }
      if try partition.boolean(2) {
        try connection.script("ALTER TABLE \(table) DETACH PARTITION \(leaf) FINALIZE")
      } else if try partition.boolean(1) {
        try connection.script("ALTER TABLE \(table) DETACH PARTITION \(leaf) CONCURRENTLY")
      }
      try connection.script("DROP TABLE IF EXISTS \(leaf)")
    }
  }

  private func libraries(name: String?, rootPath: String?) throws(CatalogError) -> [LibraryRecord] {
    let rows = try execute(
      Statements.libraryList, [name.map { .text($0) } ?? .null, rootPath.map { .text($0) } ?? .null])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in try LibraryRecord(row) }
    }
  }

  static func json(_ rules: LibraryRules) throws(PostgresError) -> String {
    do { return String(decoding: try JSONEncoder().encode(rules), as: UTF8.self) } catch {
      throw .decoding("rules cannot be written as JSON: \(error)")
    }
  }

  static func rules(_ json: String) throws(PostgresError) -> LibraryRules {
    do { return try JSONDecoder().decode(LibraryRules.self, from: Data(json.utf8)) } catch {
      throw .decoding("rules cannot be read: \(error)")
    }
  }
}

extension LibraryRecord {
  init(_ row: PostgresRow) throws(PostgresError) {
    id = LibraryID(try row.int64(0))
    name = try row.text(1)
    rootPath = try row.text(2)
    rules = try Catalog.rules(try row.text(3))
    isRemoving = try row.boolean(4)
    guard let scan = try row.optionalInt64(5) else {
      lastScan = nil
      return
    }
    lastScan = LastScan(
      id: ScanID(scan), status: try decode(try row.text(6)), requestedAt: try row.timestamp(7),
      filesSeen: try row.int64(8), bytesSeen: Decimal(string: try row.text(9)) ?? .nan)
  }
}
