import PostgresClient
import ScanModel

/// What one batch of moves did.
public struct MoveBatch: Sendable, Equatable {
  /// Files that are at their new places.
  public let files: Int64
  /// Whether the scan has more staged.
  public let isLeft: Bool
}

extension PostgresSlotCatalog {
  /// Puts one batch of the files that have moved, at most `limit`, to their new places, in one transaction: after the
  /// verdict, whatever it is, and before the removals. The slice's attempts begin anew. Throws `fenced`, and has done
  /// nothing, where the claim is superseded or the scan has ended.
  public func applyMoves(_ claim: SliceClaim, limit: Int32) throws(CatalogError) -> MoveBatch {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.movesApply, claim.fence + [.int32(limit)])
    }
    return try wrap { () throws(PostgresError) in
      MoveBatch(files: try rows[0].int64(0), isLeft: try rows[0].boolean(1))
    }
  }
}

/// A row under whose name a scan has found another file; in the order in which they are looked for.
struct ReplacedFile: Sendable {
  /// Before all of them.
  static let first = ReplacedFile(scan: 0, row: 0)

  let scan: Int64
  let row: Int64
}

/// Looks among what a scan has found for what it misses, and stages what has only moved. It begins anew with every
/// claim; each call commits a page by itself, fenced.
struct MoveSearch: Sendable {
  /// Rows that one call looks for.
  private static let pageRows: Int64 = 4_096
  /// Rows of an earlier search that one call deletes.
  private static let deletedRows: Int32 = 50_000

  private enum State {
    /// What an earlier claim has staged is still there.
    case notBegun
    case searching
    /// There is nothing to look among.
    case idle
  }

  /// That may have moved: some turn out to be ambiguous.
  private(set) var moves: Int64 = 0
  private let fence: [PostgresParameter]
  private var state = State.notBegun

  init(_ claim: SliceClaim) { fence = claim.fence }

  /// Makes room; false when it is done.
  mutating func begin(on connection: PostgresConnection) throws(PostgresError) -> Bool {
    guard case .notBegun = state else { return false }
    let row = try connection.execute(Statements.movesBegin, fence + [.int32(Self.deletedRows)])[0]
    let (isLeft, isFound) = (try row.boolean(0), try row.boolean(1))
    if !isLeft { state = isFound ? .searching : .idle }
    return true
  }

  private var isSearching: Bool { if case .searching = state { true } else { false } }

  /// Looks for the files that are staged after a row, up to the page's last one.
  mutating func match(stagedAfter last: Int64, limit: Int64, on connection: PostgresConnection) throws(PostgresError) {
    guard isSearching else { return }
    moves += try connection.execute(Statements.movesStaged, fence + [.int64(last), .int64(limit)])[0].int64(1)
  }

  /// Looks for a page of the files of many directories, of the first one those after a name. The rest: directories,
  /// and a name in the first of them; `nil` when there is none.
  mutating func match(
    below directories: [Int64], after name: [UInt8], on connection: PostgresConnection
  ) throws(PostgresError) -> (directories: [Int64], after: [UInt8])? {
    guard isSearching, !directories.isEmpty else { return nil }
    let row = try connection.execute(
      Statements.movesBelow, fence + [.int64Array(directories), .bytes(name), .int64(Self.pageRows)])[0]
    moves += try row.int64(2)
    guard let place = try row.optionalInt64(0) else { return nil }
    return (Array(directories[Int(place - 1)...]), try row.bytes(1))
  }

  /// Looks for what was under names that bear other files now, after a row; the last one of the page, `nil` when there
  /// are no more.
  mutating func match(
    replacedAfter last: ReplacedFile, on connection: PostgresConnection
  ) throws(PostgresError) -> ReplacedFile? {
    guard isSearching else { return nil }
    let row = try connection.execute(
      Statements.movesReplaced, fence + [.int64(last.scan), .int64(last.row), .int64(Self.pageRows)])[0]
    moves += try row.int64(2)
    guard let scan = try row.optionalInt64(0) else { return nil }
    return ReplacedFile(scan: scan, row: try row.int64(1))
  }
}
