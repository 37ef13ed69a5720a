import Foundation
import PostgresClient
import ScanModel

extension Catalog {
  /// Removes a library with all that was ever known of it; refused while a scan of it is active. Each step
  /// can be repeated: a removal that was interrupted is ended by the next.
  ///
  /// No reader waits for it; it waits for them, for slices under way (of other libraries too) and for other
  /// removals. After five minutes it gives up and says for whom.
  public func removeLibrary(_ id: LibraryID) throws(CatalogError) {
    try removeLibrary(id, patience: .seconds(300))
  }

  func removeLibrary(_ id: LibraryID, patience: Duration) throws(CatalogError) {
    let closed = try execute(Statements.libraryClose, [.int64(id.rawValue)])
    let active = try wrap { () throws(PostgresError) in try closed[0].optionalInt64(0) }
    if let active { throw .libraryActive(scan: active) }
    let removal = LibraryRemoval(library: id, connection: connection, end: .now + patience)
    try wrap { () throws(PostgresError) in try removal.run() }
  }
}

/// The steps after a library was closed to admission.
///
/// DETACH CONCURRENTLY locks no reader out of the parent, but waits for all who use it now, and leaves the
/// partition pending when it is interrupted. While one is, no other can be detached: so removals take turns,
/// and each first ends what it finds pending, whosever it is.
private struct LibraryRemoval {
  let library: LibraryID
  let connection: PostgresConnection
  let end: ContinuousClock.Instant

  func run() throws(PostgresError) {
    try lock()
    // The lock goes with the session at the latest: a connection that was lost holds none.
    defer { if connection.isConnected { _ = try? connection.execute(Statements.libraryUnlock) } }
    for table in ["scan_changes", "files", "directories"] { try dropPartition(of: table) }
    for rows in [Statements.libraryUnstage, Statements.libraryErrors] { try delete(rows) }
    _ = try connection.execute(Statements.libraryForget, [.int64(library.rawValue)])
  }

  /// In batches: each statement has its deadline.
  private func delete(_ batch: PostgresStatement) throws(PostgresError) {
    while try connection.execute(batch, [.int64(library.rawValue)])[0].int64(0) > 0 {}
  }

  private func lock() throws(PostgresError) {
    while try !connection.execute(Statements.libraryLock)[0].boolean(0) {
      guard .now < end else { throw try heldUp(at: []) }
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  /// Names are made of a constant and a number, or quoted by the server: nothing of a user's reaches the SQL text.
  private func dropPartition(of table: String) throws(PostgresError) {
    let leaf = "\(table)_\(library)"
    for row in try connection.execute(Statements.libraryPartitions, [.text(table), .text(leaf)]) {
      let (partition, isPending) = (try row.text(0), try row.boolean(1))
      try patiently(
        "ALTER TABLE \(table) DETACH PARTITION \(partition) \(isPending ? "FINALIZE" : "CONCURRENTLY")",
        on: [table, partition])
    }
    try patiently("DROP TABLE IF EXISTS \(leaf)", on: [leaf])
  }

  private func patiently(_ sql: String, on tables: [String]) throws(PostgresError) {
    let left = ContinuousClock.now.duration(to: end)
    guard left > .zero else { throw try heldUp(at: tables) }
    do { try connection.script(sql, patience: left) } catch {
      throw error.sqlState == SQLState.queryCanceled ? try heldUp(at: tables) : error
    }
  }

  private func heldUp(at tables: [String]) throws(PostgresError) -> PostgresError {
    let rows = try connection.execute(Statements.libraryHoldup, [.textArray(tables)])
    let holder = try rows.first.map { (row) throws(PostgresError) in try row.text(0) } ?? "a session that is gone now"
    return .server(
      sqlState: SQLState.lockNotAvailable,
      message: "it waits for \(holder); once that has ended, the same command ends the removal",
      detail: nil, constraint: nil, statement: "the removal of library \(library)")
  }
}

extension SQLState {
  fileprivate static let lockNotAvailable = "55P03"
}
