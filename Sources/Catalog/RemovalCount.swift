import PostgresClient
import ScanModel

/// Counts the live files that would go with what a scan has staged as missing, once what it has staged as
/// excluded is gone: the files themselves, and all below the directories, none twice. Not by the directories' own
/// counts: those are of listings, and a row may be live that its directory's last listing did not have.
///
/// On its way it looks for each of them among what the scan has found, and stages what has moved (`MoveSearch`): that
/// is counted too, and left out by the verdict.
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
    /// What was under names that bear other files now: nothing to count.
    case replaced(after: ReplacedFile)
    case end
  }

  public private(set) var files: Int64 = 0
  private let claim: SliceClaim
  private let scan: PostgresParameter
  private let library: PostgresParameter
  private var part = Part.directories(after: 0)
  /// Staged, or below staged ones; the next one is the last.
  private var directories: [Directory] = []
  /// Of directories whose files are counted those that are not looked for, of the first one after a name.
  private var unsought: (directories: [Int64], after: [UInt8])?
  private var search: MoveSearch

  /// How many files may have moved, by now.
  public var moves: Int64 { search.moves }

  public init(_ claim: SliceClaim) {
    self.claim = claim
    search = MoveSearch(claim)
    scan = .int64(claim.slice.scan.rawValue)
    library = .int64(claim.library.rawValue)
  }

  /// Counts a part; false when there was none left.
  /// Throws `fenced` where the claim is superseded.
  public mutating func step(on catalog: PostgresSlotCatalog) throws(CatalogError) -> Bool {
    try catalog.finalising(claim) { () throws(CatalogError) in
      try catalog.catalog.connect()
      let connection = catalog.catalog.connection
      return try wrap { () throws(PostgresError) in
        if try search.begin(on: connection) { return true }
        return try step(on: connection)
      }
    }
  }

  private mutating func step(on connection: PostgresConnection) throws(PostgresError) -> Bool {
    if let page = unsought {
      unsought = try search.match(below: page.directories, after: page.after, on: connection)
      return true
    }
    guard directories.isEmpty else {
      try countBelow(on: connection)
      return true
    }
    switch part {
    case .directories(let last): try takeStaged(after: last, on: connection)
    case .files(let last): try countStaged(after: last, on: connection)
    case .replaced(let last):
      part = try search.match(replacedAfter: last, on: connection).map { .replaced(after: $0) } ?? .end
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

  private mutating func countStaged(after previous: Int64, on connection: PostgresConnection) throws(PostgresError) {
    let rows = try connection.execute(
      Statements.removalsSingle, [scan, library, .int64(previous), .int64(Self.pageRows)])
    guard let row = rows.first, let last = try row.optionalInt64(0) else {
      part = .replaced(after: .first)
      return
    }
    try search.match(stagedAfter: previous, limit: Self.pageRows, on: connection)
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
    unsought = (isBegun ? Array(ids.dropFirst()) : ids, [])
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
