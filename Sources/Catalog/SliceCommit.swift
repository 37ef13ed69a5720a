import CrashPoints
import PostgresClient
import ScanModel

/// The last short section of a slice's transaction: fence the slice, then the catalogue's rows, then the
/// scan, then COMMIT. One round trip, but where very many rows change. Any of them failing skips the rest.
struct SliceCommit {
  typealias Statement = (PostgresStatement, [PostgresParameter])

  /// Rows of one statement.
  private static let statementRows = 4_096
  /// Statements of one round trip that carry so many rows: what of them is in memory at once.
  private static let tripStatements = 8
  /// No slice's row holds more directories.
  private static let frontierRows = 4_096

  private let claim: SliceClaim
  private let results: SliceResults
  private let scan: PostgresParameter
  private let library: PostgresParameter
  private let fence: Statement
  /// What other slices go on with.
  private let handedOn: ArraySlice<Int64>
  /// The slice goes on with the rest.
  private let stays: Bool

  /// The end of a slice.
  init(_ claim: SliceClaim, _ results: SliceResults) {
    self.init(
      claim, results, fence: (Statements.sliceFence, claim.fence + [.int64(results.entries)]),
      handedOn: results.frontier[...], stays: false)
  }

  /// A part of a slice, which keeps so much of the frontier, or as much as a row holds.
  init(checkpoint claim: SliceClaim, _ results: SliceResults, keeping limit: Int) {
    let kept = Array(results.frontier.prefix(min(limit, Self.frontierRows)))
    self.init(
      claim, results,
      fence: (Statements.sliceCheckpoint, claim.fence + [.int64(results.entries), .int64Array(kept)]),
      handedOn: results.frontier.dropFirst(kept.count), stays: true)
  }

  private init(
    _ claim: SliceClaim, _ results: SliceResults, fence: Statement, handedOn: ArraySlice<Int64>, stays: Bool
  ) {
    self.claim = claim
    self.results = results
    scan = .int64(claim.slice.scan.rawValue)
    library = .int64(claim.library.rawValue)
    self.fence = fence
    self.handedOn = handedOn
    self.stays = stays
  }

  /// What a commit answers.
  struct Settled {
    let queued: PostgresRows
    /// The rows of the frontier that the slice has kept, where it goes on.
    let frontier: PostgresRows?
  }

  func run(on connection: PostgresConnection) throws(PostgresError) -> Settled {
    var batch: [Statement] = [fence]
    func add(_ count: Int, _ statement: (Range<Int>) -> Statement) throws(PostgresError) {
      for first in stride(from: 0, to: count, by: Self.statementRows) {
        if batch.count > Self.tripStatements {
          _ = try connection.pipeline(batch)
          batch = []
        }
        batch.append(statement(first..<min(first + Self.statementRows, count)))
      }
    }
    try add(results.moves.keptCount) { (Statements.directoriesKeep, [library] + results.moves.kept($0)) }
    try add(results.moves.vacatedCount) {
      (Statements.directoriesVacate, [scan, library] + results.moves.vacated($0))
    }
    try add(results.moves.count) { (Statements.directoriesMove, [scan, library] + results.moves.columns($0)) }
    if !results.moves.isEmpty {
      batch.append((Statements.movesSettle, [library, .int64Array(results.moves.parents)]))
    }
    try add(results.updates.count) { (Statements.filesUpdate, [scan, library] + results.updates.columns($0)) }
    try add(results.amendments.count) { (Statements.filesAmend, [scan, library] + results.amendments.columns($0)) }
    try add(results.passing.count) { (Statements.filesPassing, [scan, library] + results.passing.places($0)) }
    if !results.unstagedDirectories.isEmpty || !results.unstagedFiles.isEmpty {
      batch.append(
        (
          Statements.removalsUnstage,
          [scan, .int64Array(results.unstagedDirectories), .int64Array(results.unstagedFiles)]
        ))
    }
    try add(results.revivals.count) {
      (Statements.filesRevive, [scan, library] + results.revivals.columns($0) + [results.revivals.ids($0)])
    }
    try add(results.lost.count) { (Statements.identitiesLost, [scan, library] + results.lost.columns($0)) }
    try add(results.found.count) { (Statements.identitiesFound, [scan, library] + results.found.identities($0)) }
    try add(results.missing.count) { (Statements.removalsStage, [scan, library] + results.missing.columns($0)) }
    try add(results.revivedDirectories.count) {
      (Statements.directoriesRevive, [scan, library, .int64Array(Array(results.revivedDirectories[$0]))])
    }
    let version = PostgresParameter.int32(claim.signatureVersion)
    try add(results.visited.count) {
      (Statements.directoriesVisited, [scan, library, version] + Self.columns(results.visited[$0]))
    }
    try add(results.followed.count) {
      (Statements.directoriesFollow, [library, .int64Array(Array(results.followed[$0])), .boolean(true)])
    }
    try add(results.unfollowed.count) {
      (Statements.directoriesFollow, [library, .int64Array(Array(results.unfollowed[$0])), .boolean(false)])
    }
    try add(results.unsettled.count) {
      (Statements.directoriesUnsettle, [library, .int64Array(Array(results.unsettled[$0]))])
    }
    try add(results.unlisted.count) {
      (Statements.directoriesUnlisted, [library, .int64Array(Array(results.unlisted[$0]))])
    }
    try add(results.errors.unread.count) {
      let unread = results.errors.unread[$0]
      return (
        Statements.directoriesUnread,
        [library, .int64Array(unread.map(\.id)), .textArray(unread.map { $0.unread?.rawValue ?? "" })]
      )
    }
    let host: PostgresParameter = .text(claim.mounts.host)
    if !results.unmounted.isEmpty {
      batch.append((Statements.mountsForget, [library, host, .int64Array(results.unmounted), .int64Array([])]))
    }
    if !results.mounts.isEmpty { batch.append((Statements.mountsRecord, [library, host] + results.mounts.columns)) }
    if !results.vanished.isEmpty {
      batch.append((Statements.directoriesVanished, [scan, library, .int64Array(results.vanished)]))
    }
    let settled = batch.count
    let statements = batch + end
    #if CRASH_POINTS
      if CrashPoint.commitUnsent.isOrdered {
        _ = try connection.pipeline(statements.dropLast())
        crashPoint(.commitUnsent)
      }
    #endif
    let replies = try connection.pipeline(statements)
    return Settled(queued: replies[settled], frontier: stays ? replies[replies.count - 2] : nil)
  }

  /// From the first statement on, which returns the queued slices, the scan's row is held: what comes after it is
  /// exact. The last but one returns the frontier that is kept, where the slice goes on.
  private var end: [Statement] {
    var statements: [Statement] = [
      (
        Statements.sliceSettle,
        [
          scan, .int32(claim.slice.number), .int64Array(Array(handedOn)), .int64(results.directoriesSeen),
          .int64(results.filesSeen), .int64(results.filesAdded), .int64(results.filesUpdated),
          .int64(results.filesUnchanged), .int64(results.bytesSeen), .int64(0),  // errors: by the next statement
          .boolean(stays), .int64(results.categoriesFound), .int64(results.coursesFound),
          .int64(results.entriesIgnored), .boolean(results.hasChanges),
        ]
      ),
      (Statements.errorsSettle, [scan] + results.errors.settled),
    ]
    if !results.moves.isEmpty { statements.append((Statements.movesCount, [scan])) }
    if !results.errors.rows.isEmpty { statements.append((Statements.errorsAdd, [scan] + results.errors.added)) }
    if stays {
      statements.append((Statements.sliceFrontier, [scan, .int32(claim.slice.number), library]))
    }
    statements.append((PostgresStatement(name: "commit", sql: "COMMIT"), []))
    return statements
  }

  private static func columns(_ visited: ArraySlice<VisitedDirectory>) -> [PostgresParameter] {
    [
      .int64Array(visited.map(\.id)),
      .int64Array(visited.map { Int64(bitPattern: $0.attributes.device) }),
      .int64Array(visited.map { Int64(bitPattern: $0.attributes.inode) }),
      .int32Array(visited.map { Int32(bitPattern: $0.attributes.mode) }),
      .int64Array(visited.map(\.attributes.mtime_ns)),
      .int64Array(visited.map(\.attributes.ctime_ns)),
      .nullableInt64Array(visited.map(\.attributes.btime_ns)),
      .nullableInt64Array(visited.map { $0.isBoundary.map { $0 ? 1 : 0 } }),
      .nullableInt64Array(visited.map(\.files)),
      .nullableInt64Array(visited.map(\.bytes)),
      .bytesArray(visited.map { $0.signature?.bytes ?? [] }),
      .textArray(visited.map(\.errors.entries.json)),
      .textArray(visited.map { $0.errors.unread?.rawValue ?? "" }),
    ]
  }
}

extension SliceClaim {
  /// What every statement about a claimed slice is fenced by.
  var fence: [PostgresParameter] {
    [.int64(slice.scan.rawValue), .int32(slice.number), .int32(epoch), .uuid(claim.description)]
  }
}
