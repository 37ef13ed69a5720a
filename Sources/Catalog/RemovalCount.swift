import PostgresClient
import ScanModel

/// Counts the live files that would go with what a scan has staged as missing, once what it has staged as
/// excluded is gone: the files themselves, and all below the directories, none twice. Not by the directories' own counts: those are of listings, and a row may be live
/// that its directory's last listing did not have.
///
/// A part at a time, so that no statement is long and whoever counts can be told to stop, however much is
/// staged. What is in memory is the way down and a page of siblings at each level. The count begins anew with
/// every claim: nothing else changes the rows meanwhile.
public struct RemovalCount: Sendable {
  /// Directories whose files one statement counts.
  private static let directoriesPerStep = 1_000
  /// Child directories of one answer, and staged rows of another.
  private static let pageRows: Int64 = 4_096

  private struct Directory {
    let id: Int64
    /// Its files are counted, and of its directories those up to this name.
    var after: [UInt8]?
  }

  private enum Part {
    /// Those after this row.
    case directories(after: Int64)
    case files(after: Int64)
    case end
  }

  public private(set) var files: Int64 = 0
  private let scan: PostgresParameter
  private let library: PostgresParameter
  private var part = Part.directories(after: 0)
  /// Staged, or below staged ones; the next one is the last.
  private var directories: [Directory] = []

  public init(_ claim: SliceClaim) {
    scan = .int64(claim.slice.scan.rawValue)
    library = .int64(claim.library.rawValue)
  }

  /// Counts a part; false when there was none left.
  public mutating func step(on catalog: PostgresSlotCatalog) throws(CatalogError) -> Bool {
    try catalog.catalog.connect()
    let connection = catalog.catalog.connection
    return try wrap { () throws(PostgresError) in try step(on: connection) }
  }

  private mutating func step(on connection: PostgresConnection) throws(PostgresError) -> Bool {
    guard directories.isEmpty else {
      try countBelow(on: connection)
      return true
    }
    switch part {
    case .directories(let last): try takeStaged(after: last, on: connection)
    case .files(let last): try countStaged(after: last, on: connection)
    case .end: return false
    }
    return true
  }

  private mutating func takeStaged(after last: Int64, on connection: PostgresConnection) throws(PostgresError) {
    let page = try connection.execute(Statements.removalsRoots, [scan, library, .int64(last), .int64(Self.pageRows)])
    for row in page where try row.boolean(1) { directories.append(Directory(id: try row.int64(0))) }
    part = .directories(after: try page.last?.int64(0) ?? last)
    if page.count < Self.pageRows { part = .files(after: 0) }
  }

  private mutating func countStaged(after last: Int64, on connection: PostgresConnection) throws(PostgresError) {
    let rows = try connection.execute(Statements.removalsSingle, [scan, library, .int64(last), .int64(Self.pageRows)])
    guard let row = rows.first, let last = try row.optionalInt64(0) else {
      part = .end
      return
    }
    files += try row.int64(1)
    part = .files(after: last)
  }

  /// The files of the next directories, and some of their directories.
  private mutating func countBelow(on connection: PostgresConnection) throws(PostgresError) {
    // One that was begun comes first, as only the first one's children can be asked for from a name on.
    let isBegun = directories.last?.after != nil
    var taken: [Directory] = []
    while taken.count < Self.directoriesPerStep, let next = directories.last, next.after == nil || taken.isEmpty {
      taken.append(directories.removeLast())
    }
    let ids = taken.map(\.id)
    let replies = try connection.pipeline([
      (Statements.removalsFiles, [library, .int64Array(isBegun ? Array(ids.dropFirst()) : ids)]),
      (
        Statements.removalsBelow,
        [scan, library, .int64Array(ids), .bytes(taken[0].after ?? []), .int64(Self.pageRows)]
      ),
    ])
    files += try replies[0][0].int64(0)
    let children = replies[1]
    if children.count == Self.pageRows, let last = children.last {
      // The files of all are counted; the directories of those after the last one are still to come.
      let place = Int(try last.int64(0)) - 1
      directories += taken[(place + 1)...].reversed().map { Directory(id: $0.id, after: []) }
      directories.append(Directory(id: ids[place], after: try last.bytes(2)))
    }
    for child in children where try !child.boolean(3) { directories.append(Directory(id: try child.int64(1))) }
  }
}
