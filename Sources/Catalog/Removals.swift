import PostgresClient
import ScanModel

/// A row whose name the scan has found missing, and confirmed to be gone; it goes unless the second look
/// finds it, or too many went with it.
public struct StagedRemoval: Sendable, Equatable {
  /// A directory, which goes with all that lies below it.
  public let isDirectory: Bool
  /// Of the row in `directories` or `files`.
  public let row: Int64
  /// The directory in which the name is missing.
  public let directory: Int64
  public let name: [UInt8]

  public var place: StagedPlace { StagedPlace(isDirectory: isDirectory, row: row) }
}

/// A place in the order of what a scan has staged: directories first, each sort by its ids.
public struct StagedPlace: Sendable, Equatable {
  public let isDirectory: Bool
  public let row: Int64

  public init(isDirectory: Bool, row: Int64) { (self.isDirectory, self.row) = (isDirectory, row) }

  fileprivate var parameters: [PostgresParameter] { [.text(isDirectory ? "d" : "f"), .int64(row)] }
}

/// Some of what a scan has staged, and how to reach it.
public struct StagedPage: Sendable {
  /// In the order of their places.
  public let removals: [StagedRemoval]
  /// The directories in which the names are missing, with all that lie above them.
  public let frontier: SliceFrontier
}

/// What becomes of what a scan misses. From its verdict on a scan is neither paused nor cancelled.
public enum RemovalVerdict: String, Sendable {
  case apply
  /// Nothing that is missing is removed: the scan ends `partial` and says why.
  case hold
}

/// What a `finalise` slice has before it.
public enum RemovalStanding: Sendable, Equatable {
  /// Nothing is staged, or all that was is removed: the scan can end.
  case settled
  /// Nothing is missing, but other files were found under known names: what was there before may have moved.
  case replaced
  /// - excludes: whether anything is staged as excluded, which goes before the verdict.
  /// - lookedUpTo: how far the second look has come, if it can go on there.
  case undecided(excludes: Bool, lookedUpTo: StagedPlace?)
  case decided(RemovalVerdict)
}

/// What one batch of removals did.
public struct RemovalBatch: Sendable, Equatable {
  /// Files that became tombstones.
  public let files: Int64
  /// Whether the scan has more staged.
  public let isLeft: Bool
}

/// The steps of a `finalise` slice before its `end`. Each may be repeated, and those that write throw
/// `fenced` and write nothing where the claim is superseded or the scan has ended.
extension PostgresSlotCatalog {
  public func removalStanding(_ claim: SliceClaim) throws(CatalogError) -> RemovalStanding {
    let rows = try catalog.execute(
      Statements.removalsStanding, [.int64(claim.slice.scan.rawValue), .int32(claim.slice.number)])
    guard let row = rows.first else { throw .fenced }
    return try wrap { () throws(PostgresError) in
      let verdict = try row.optionalText(0)
      // What was confirmed is looked at and decided on once more, also where nothing of it is left.
      let isConfirmed = verdict == "confirm"
      let isStaged = try row.boolean(1)
      guard isConfirmed || isStaged else { return try row.boolean(5) ? .replaced : .settled }
      if let verdict, !isConfirmed { return .decided(try decode(verdict)) }
      let excludes = try row.boolean(2)
      guard let isDirectory = try row.optionalBoolean(3) else { return .undecided(excludes: excludes, lookedUpTo: nil) }
      let looked = StagedPlace(isDirectory: isDirectory, row: try row.int64(4))
      return .undecided(excludes: excludes, lookedUpTo: looked)
    }
  }

  /// The next of what the scan has staged as missing, at most `limit`, after `last`; from the beginning after
  /// `nil`.
  public func stagedRemovals(
    _ claim: SliceClaim, after last: StagedPlace?, limit: Int32
  ) throws(CatalogError) -> StagedPage {
    let beginning: [PostgresParameter] = [.text(""), .int64(0)]
    let rows = try catalog.execute(
      Statements.removalsPage,
      [.int64(claim.slice.scan.rawValue)] + (last?.parameters ?? beginning) + [.int32(limit)])
    let removals = try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in
        StagedRemoval(
          isDirectory: try row.boolean(0), row: try row.int64(1), directory: try row.int64(2), name: try row.bytes(3))
      }
    }
    let directories = Set(removals.map(\.directory)).sorted()
    let chains = try catalog.execute(
      Statements.directoriesAbove, [.int64(claim.library.rawValue), .int64Array(directories)])
    return try wrap { () throws(PostgresError) in
      StagedPage(removals: removals, frontier: try SliceFrontier(chains))
    }
  }

  /// Commits a page of the second look, which ends at `last`: takes off the list what was `present`, or could
  /// not be told of. The slice's attempts begin anew, and its next claim goes on after `last`.
  ///
  /// - Parameter errors: what kept it from being told; without a place in the catalogue.
  public func commitLook(
    _ claim: SliceClaim, upTo last: StagedPlace, present: [StagedRemoval], errors: SliceErrors = SliceErrors()
  ) throws(CatalogError) {
    let (directories, files) = (present.filter(\.isDirectory), present.filter { !$0.isDirectory })
    let rows: [PostgresParameter] = [.int64Array(directories.map(\.row)), .int64Array(files.map(\.row))]
    let look = (Statements.removalsLooked, claim.fence + last.parameters + rows)
    let scan: PostgresParameter = .int64(claim.slice.scan.rawValue)
    try finalising(claim) { () throws(CatalogError) in
      guard !errors.rows.isEmpty else { return _ = try catalog.execute(look.0, look.1) }
      try catalog.connect()
      try wrap { () throws(PostgresError) in
        try catalog.connection.transaction { () throws(PostgresError) in
          _ = try catalog.connection.pipeline([
            look, (Statements.errorsSettle, [scan] + errors.settled), (Statements.errorsAdd, [scan] + errors.added),
          ])
        }
      }
    }
  }

  /// Removes one batch of what is staged as excluded, at most `limit` files and as many directories, in one
  /// transaction: before the verdict, which is about what is missing. The slice's attempts begin anew.
  public func excludeStaged(_ claim: SliceClaim, limit: Int32) throws(CatalogError) -> RemovalBatch {
    try batch(Statements.removalsExclude, claim, limit)
  }

  /// Sets the verdict by the limits in the scan's rules, or `apply` where somebody has confirmed it; or returns the
  /// one that was set before. Nothing that is excluded is staged any more.
  ///
  /// - Parameter files: that would go, by a `RemovalCount` under this claim.
  public func decideRemovals(_ claim: SliceClaim, files: Int64) throws(CatalogError) -> RemovalVerdict {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.removalsDecide, claim.fence + [.int64(files)])
    }
    return try wrap { () throws(PostgresError) in try decode(try rows[0].text(0)) }
  }

  /// Removes one batch of what is staged as missing, at most `limit` files and as many directories, in one
  /// transaction. The slice's attempts begin anew.
  public func applyRemovals(_ claim: SliceClaim, limit: Int32) throws(CatalogError) -> RemovalBatch {
    try batch(Statements.removalsApply, claim, limit)
  }

  private func batch(
    _ statement: PostgresStatement, _ claim: SliceClaim, _ limit: Int32
  ) throws(CatalogError) -> RemovalBatch {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(statement, claim.fence + [.int32(limit)])
    }
    return try wrap { () throws(PostgresError) in
      RemovalBatch(files: try rows[0].int64(0), isLeft: try rows[0].boolean(1))
    }
  }

  /// Whether the slice has failed, or lost its workers, as often as it may.
  public func hasUsedItsAttempts(_ claim: SliceClaim) -> Bool { claim.attempts >= attemptLimit.ofScan(claim.kind) }

  /// Ends the scan of a `finalise` slice that has used its attempts up: as failed before its verdict, with
  /// the rest of its removals held after it.
  public func giveUp(_ claim: SliceClaim) throws(CatalogError) -> ScanStatus {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.finaliseGiveUp, claim.fence)
    }
    return try wrap { () throws(PostgresError) in try decode(try rows[0].text(0)) }
  }
}
