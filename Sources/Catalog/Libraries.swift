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

/// What became of a library's rules.
public struct RulesSet: Sendable, Equatable {
  public let before: LibraryRules
  public let after: LibraryRules
  /// The scan that is active and goes on under the rules that it began with.
  public let activeScan: ScanID?
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

  /// Changes some of a library's rules, for the scans that are admitted from now on; `nil` where there is no such
  /// library.
  public func setRules(of name: String, _ changes: RuleChanges) throws(CatalogError) -> RulesSet? {
    try connect()
    return try wrap { () throws(PostgresError) in
      let patch = try Self.json(changes)
      let rows = try connection.execute(
        Statements.librarySet, [.text(name), .json(patch), .json(try Self.json(LibraryRules()))])
      guard let row = rows.first else { return nil }
      return RulesSet(
        before: try Self.rules(try row.text(0)), after: try Self.rules(try row.text(1)),
        activeScan: try row.optionalInt64(2).map { ScanID($0) })
    }
  }

  public func library(rootPath: String) throws(CatalogError) -> LibraryRecord? {
    try libraries(name: nil, rootPath: rootPath).first
  }

  private func libraries(name: String?, rootPath: String?) throws(CatalogError) -> [LibraryRecord] {
    let rows = try execute(
      Statements.libraryList, [name.map { .text($0) } ?? .null, rootPath.map { .text($0) } ?? .null])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in try LibraryRecord(row) }
    }
  }

  static func json(_ rules: some Encodable) throws(PostgresError) -> String {
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
    let bytes = try row.text(9)
    guard let bytesSeen = Decimal(string: bytes) else { throw .decoding("bytes_seen \"\(bytes)\" is not a number") }
    lastScan = LastScan(
      id: ScanID(scan), status: try decode(try row.text(6)), requestedAt: try row.timestamp(7),
      filesSeen: try row.int64(8), bytesSeen: bytesSeen)
  }
}
