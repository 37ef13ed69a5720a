import PostgresClient
import ScanModel

/// What the catalogue has of a directory that tells whether it has changed since it was listed.
public struct StampedDirectory: Sendable, Equatable {
  public let id: Int64
  public let inode: UInt64
  /// `nil` where it is still to be listed.
  public let mtime_ns: Int64?
  public let ctime_ns: Int64?
}

/// How far a `finalise` slice has come with comparing stamps.
public struct RewalkStanding: Sendable, Equatable {
  /// The id up to which directories are compared.
  public let compared: Int64
  /// When the scan began, in nanoseconds since 1970; `nil` once it has listed directories again.
  public let began_ns: Int64?
}

/// Some of a library's directories, and how to reach them.
public struct StampedPage: Sendable {
  /// In the order of their ids.
  public let directories: [StampedDirectory]
  /// Leads to them, and to all that lie above; it visits none.
  public let frontier: SliceFrontier
  /// Of them and of those above the ones that the scan has staged: it has not listed them, nor what lies below.
  public let staged: Set<Int64>
}

/// The first steps of a `finalise` slice: which directories are to be listed again, as they have changed since.
extension PostgresSlotCatalog {
  /// How far the slice has compared stamps; `nil` where it is not to.
  public func rewalkStanding(_ claim: SliceClaim) throws(CatalogError) -> RewalkStanding? {
    let rows = try catalog.execute(
      Statements.rewalkStanding,
      [.int64(claim.slice.scan.rawValue), .int32(claim.slice.number)])
    guard let row = rows.first else { return nil }
    return try wrap { () throws(PostgresError) in
      RewalkStanding(compared: try row.int64(0), began_ns: try row.optionalInt64(1))
    }
  }

  /// The next live directories, at most `limit`, after the id `last`.
  public func stampedDirectories(
    _ claim: SliceClaim, after last: Int64, limit: Int64
  ) throws(CatalogError) -> StampedPage {
    let library = PostgresParameter.int64(claim.library.rawValue)
    let rows = try catalog.execute(Statements.rewalkPage, [library, .int64(last), .int64(limit)])
    let directories = try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in
        StampedDirectory(
          id: try row.int64(0), inode: UInt64(bitPattern: try row.int64(1)), mtime_ns: try row.optionalInt64(2),
          ctime_ns: try row.optionalInt64(3))
      }
    }
    let chains = try catalog.execute(Statements.directoriesAbove, [library, .int64Array(directories.map(\.id))])
    let frontier = try wrap { () throws(PostgresError) in try SliceFrontier(chains) }
    let staged = try catalog.execute(
      Statements.stagedDirectories,
      [.int64(claim.slice.scan.rawValue), .int64Array(frontier.directories.map(\.id))])
    return try wrap { () throws(PostgresError) in
      StampedPage(
        directories: directories, frontier: frontier,
        staged: Set(try staged.map { (row) throws(PostgresError) in try row.int64(0) }))
    }
  }

  /// Commits a page, whose last directory is `last`: which of its directories are to be listed again, or for the
  /// first time. The slice's attempts begin anew, and its next claim goes on after `last`. Throws `fenced` as every step
  /// of the slice.
  public func noteStale(_ claim: SliceClaim, upTo last: Int64, _ directories: [StampedDirectory]) throws(CatalogError) {
    let ids = directories.map(\.id)
    let again = directories.filter { $0.mtime_ns != nil }.map(\.id)
    _ = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.rewalkStale, claim.fence + [.int64(last), .int64Array(ids), .int64Array(again)])
    }
  }

  /// Ends the slice where anything is to be listed again; the slices that are now queued and want a pointer, the last
  /// of which is followed by another `finalise` slice. `nil` where there is nothing, and this slice goes on.
  public func beginRewalk(_ claim: SliceClaim) throws(CatalogError) -> [SliceID]? {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.rewalkBegin, claim.fence)
    }
    return try wrap { () throws(PostgresError) in
      guard try rows[0].boolean(0) else { return nil }
      var queued: [SliceID] = []
      for row in rows {
        guard let number = try row.optionalInt64(1) else { continue }
        queued.append(SliceID(scan: claim.slice.scan, number: Int32(truncatingIfNeeded: number)))
      }
      return queued
    }
  }
}
