import PostgresClient
import ScanModel

/// What a scan has done to one file (R17): to an entry that is no directory.
public struct FileChange: Sendable, Equatable {
  public enum Change: Sendable, Equatable {
    /// New, or there again.
    case added
    case updated
    /// Gone, or no longer admitted by the library's rules.
    case removed(isExcluded: Bool)
  }

  public let change: Change
  public let kind: FileKind
  /// Of the row in `catalog_files`.
  public let id: Int64
  /// Relative to the root: the name that the file had, in the directory as the catalogue knows it now.
  public let path: [UInt8]
}

extension Catalog {
  /// What a scan has changed so far, one at a time: memory does not grow with their number. First what was known
  /// before: added again, removed, updated, excluded, each sort by its ids; then what is new, as it lies in the
  /// catalogue. Of each sort they are as many as the scan has counted.
  ///
  /// It is read from one snapshot, which the catalogue keeps for as long as `body` takes.
  public func eachChange(of scan: ScanRecord, _ body: (FileChange) throws -> Void) throws {
    try connect()
    let library = PostgresParameter.int64(scan.libraryID.rawValue)
    var directories = DirectoryNames(library: library)
    try connection.begin()
    // Nothing was written.
    defer { connection.rollback() }
    try connection.script(String(decoding: PackageResources.changes_begin_sql, as: UTF8.self))
    _ = try connection.execute(Statements.changesOpen, [library, .int64(scan.id.rawValue)])
    while true {
      let page = try connection.execute(Statements.changesFetch)
      guard page.count > 0 else { return }
      try directories.load(page.map { (row) throws(PostgresError) in try row.int64(3) }, on: connection)
      for row in page {
        try body(
          FileChange(
            change: FileChange.Change(code: row.text(0)), kind: row.kind(1), id: row.int64(2),
            path: directories.path(of: row.bytes(4), in: row.int64(3))))
      }
    }
  }
}

extension FileChange.Change {
  /// From the letter that `scan_changes.change` holds.
  fileprivate init(code: String) throws(PostgresError) {
    switch code {
    case "a": self = .added
    case "r": self = .removed(isExcluded: false)
    case "u": self = .updated
    case "x": self = .removed(isExcluded: true)
    default: throw .decoding("there is no change \"\(code)\" of a file")
    }
  }
}

/// The names of directories on the ways to some files: as many as are of use, not as many as a library has.
private struct DirectoryNames {
  private struct Directory {
    /// `nil` for the root.
    let parent: Int64?
    let name: [UInt8]
  }

  /// When there are more, they are forgotten before the next are loaded.
  private static let mostDirectories = 16_384

  private let library: PostgresParameter
  private var directories: [Int64: Directory] = [:]

  init(library: PostgresParameter) { self.library = library }

  /// Loads those that are not known yet, with all above them, in one query.
  mutating func load(_ wanted: [Int64], on connection: PostgresConnection) throws(PostgresError) {
    if directories.count > Self.mostDirectories { directories = [:] }
    let unknown = Set(wanted.filter { directories[$0] == nil })
    guard !unknown.isEmpty else { return }
    let rows = try connection.execute(Statements.directoriesAbove, [library, .int64Array(unknown.sorted())])
    for row in rows {
      directories[try row.int64(0)] = Directory(parent: try row.optionalInt64(1), name: try row.bytes(2))
    }
  }

  /// Relative to the root.
  func path(of name: [UInt8], in directory: Int64) throws(PostgresError) -> [UInt8] {
    var names = [name]
    var next: Int64? = directory
    while let id = next {
      guard let above = directories[id] else { throw .decoding("directory \(id) of a changed file is not known") }
      if above.parent != nil { names.append(above.name) }
      next = above.parent
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}
