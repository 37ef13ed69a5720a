import PostgresClient
import ScanModel

/// What the catalogue holds of one library, read as it is now: each question is a transaction of its own, so that
/// nobody waits for it however long its asker takes. Nothing is written. The catalogue's thread owns it.
public final class LibraryRows {
  /// Rows in one answer: some megabytes.
  private static let pageRows: Int64 = 8_192
  /// Directories whose rows one query counts.
  private static let directoriesPerCount = 1_024

  private let catalog: Catalog
  private let library: PostgresParameter

  public init(of library: LibraryRecord, in catalog: Catalog) {
    self.catalog = catalog
    self.library = .int64(library.id.rawValue)
  }

  /// Directories with all that lie above them, and what scans know of those that are live: nothing is known of a root
  /// that none has visited.
  public func frontier(of directories: [Int64]) throws(CatalogError) -> SliceFrontier {
    let rows = try catalog.execute(Statements.verifyFrontier, [library, .int64Array(directories)])
    return try wrap { () throws(PostgresError) in try SliceFrontier(rows) }
  }

  /// Some of the live directories below others, the nearest first.
  public func descendants(of directories: [Int64], limit: Int) throws(CatalogError) -> [Int64] {
    let rows = try catalog.execute(
      Statements.verifyDescendants, [library, .int64Array(directories), .int64(Int64(limit))])
    return try wrap { () throws(PostgresError) in try rows.map { (row) throws(PostgresError) in try row.int64(0) } }
  }

  /// After which row the next page begins.
  public struct Place {
    fileprivate var name: [UInt8] = []
    fileprivate var isDirectory = true

    /// Before the first row of a directory.
    public init() {}
  }

  /// The next live rows of what lies in directories, in the directories' order, and whether there may be more.
  ///
  /// - Parameter place: in the first directory; moved behind the last row of the page.
  public func entries(
    of directories: ArraySlice<Int64>, after place: inout Place
  ) throws(CatalogError) -> (page: CataloguedEntries, isLast: Bool) {
    let rows = try catalog.execute(
      Statements.verifyEntries,
      [
        library, .int64Array(Array(directories)), .bytes(place.name), .int64(Self.pageRows),
        .boolean(place.isDirectory && !place.name.isEmpty),
      ])
    let page = try wrap { () throws(PostgresError) in try CataloguedEntries(rows) }
    if let last = page.entries.last {
      place.name = page.withName(of: last) { Array($0) }
      place.isDirectory = last.isDirectory
    }
    return (page, rows.count < Self.pageRows)
  }

  /// The live rows of some names in a directory.
  public func entries(named names: [[UInt8]], in directory: Int64) throws(CatalogError) -> CataloguedEntries {
    let rows = try catalog.execute(Statements.verifyNamed, [library, .int64(directory), .bytesArray(names)])
    return try wrap { () throws(PostgresError) in try CataloguedEntries(rows) }
  }

  /// How many live files there are in a directory and below it.
  public func files(below directory: Int64) throws(CatalogError) -> Int64 {
    var waiting = [directory]
    var files: Int64 = 0
    while !waiting.isEmpty {
      let parents = Array(waiting.suffix(Self.directoriesPerCount))
      waiting.removeLast(parents.count)
      let rows = try catalog.execute(Statements.verifyBelow, [library, .int64Array(parents)])
      try wrap { () throws(PostgresError) in
        files += try rows[0].int64(0)
        waiting += try rows[0].int64Array(1)
      }
    }
    return files
  }

  /// Of the signatures that a scan under the library's present rules makes.
  public func signatureVersion() throws(CatalogError) -> Int32 {
    let rows = try catalog.execute(Statements.verifyRules, [library])
    return try wrap { () throws(PostgresError) in
      guard let row = rows.first else { throw .decoding("the library was removed meanwhile") }
      return DirectorySignature.version(rules: try row.int32(0))
    }
  }
}
