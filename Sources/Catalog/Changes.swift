import PostgresClient
import ScanModel

/// What a scan has done to one file (R17): to an entry that is no directory. Or to a directory, which can only be
/// moved here.
public struct FileChange: Sendable, Equatable {
  public enum Change: Sendable, Equatable {
    /// New, or there again.
    case added
    /// From that path, relative to the root, at which it was before the scan. With a directory all that lies in it,
    /// of which nothing else is told.
    case moved(from: [UInt8])
    case updated
    /// Gone, or no longer admitted by the library's rules.
    case removed(isExcluded: Bool)
  }

  public let change: Change
  public let kind: FileKind
  /// Of the row in `catalog_files`, or in `catalog_directories`.
  public let id: Int64
  /// Relative to the root: where it was when the scan ended, whatever later scans have moved.
  public let path: [UInt8]
}

extension Catalog {
  /// What a scan has changed so far, one at a time: memory does not grow with their number. First what was known
  /// before: added again, moved (directories first), removed, updated, excluded, each sort by its ids; then what is
  /// new, as it lies in the catalogue. Of each sort they are as many as the scan has counted.
  ///
  /// It is read from one snapshot, which the catalogue keeps for as long as `body` takes.
  public func eachChange(of scan: ScanRecord, _ body: (FileChange) throws -> Void) throws {
    try connect()
    let library = PostgresParameter.int64(scan.libraryID.rawValue)
    var before = DirectoryNames(library: library, before: scan.id)
    var after = DirectoryNames(library: library, before: ScanID(scan.id.rawValue + 1))
    try connection.begin()
    // Nothing was written.
    defer { connection.rollback() }
    try connection.script(String(decoding: PackageResources.changes_begin_sql, as: UTF8.self))
    _ = try connection.execute(Statements.changesOpen, [library, .int64(scan.id.rawValue)])
    while true {
      let page = try connection.execute(Statements.changesFetch)
      guard page.count > 0 else { return }
      try after.load(page.map { (row) throws(PostgresError) in try row.int64(3) }, on: connection)
      try before.load(page.compactMap { (row) throws(PostgresError) in try row.optionalInt64(5) }, on: connection)
      for row in page { try body(FileChange(row, before: before, after: after)) }
    }
  }
}

extension FileChange {
  /// Decodes a row of the cursor.
  fileprivate init(_ row: PostgresRow, before: DirectoryNames, after: DirectoryNames) throws(PostgresError) {
    let from = try row.optionalInt64(5).map { (directory) throws(PostgresError) in
      try before.path(of: row.bytes(6), in: directory)
    }
    self.init(
      change: try Change(code: row.text(0), from: from),
      kind: try row.text(1) == "d" ? .directory : row.kind(1), id: try row.int64(2),
      path: try after.path(of: row.bytes(4), in: row.int64(3)))
  }
}

extension FileChange.Change {
  /// From the letter that `scan_changes.change` holds.
  fileprivate init(code: String, from: [UInt8]?) throws(PostgresError) {
    switch (code, from) {
    case ("a", nil): self = .added
    case ("m", let from?): self = .moved(from: from)
    case ("r", nil): self = .removed(isExcluded: false)
    case ("u", nil): self = .updated
    case ("x", nil): self = .removed(isExcluded: true)
    default: throw .decoding("there is no change \"\(code)\" of a file")
    }
  }
}
