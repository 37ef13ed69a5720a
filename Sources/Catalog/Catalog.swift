import Logging
import PostgresClient

/// A connection to the catalogue: the only door to Postgres. One thread owns it. It connects when it is
/// first used and after a loss, and checks the schema each time.
///
/// Postgres says what is true: which scans there are, which of their slices are done, which files. Redis
/// only wakes workers. A slice's life, each arrow one transaction:
///
///     ready ──settle──► queued ──claim──► running ──┬─ fence, rows, settle ──► done
///                          ▲    (epoch + 1)         │
///                          └── release, fail, refuse ┘
///
/// Whoever writes for a slice proves in the same transaction that it is still `running` under that epoch
/// and claim (`fence_slice`, else RC001), and that the scan goes on (`settle_slice`, else RC002): a worker
/// that was given up for dead can change nothing. Locks are taken in the order slice, catalogue rows, scan.
/// A checkpoint (`checkpoint_slice`) and a batch of removals commit in the same way, and leave the slice
/// `running` with what is left of its work.
public final class Catalog {
  let connection: PostgresConnection
  let logger: Logger
  private var checkedBackend: Int32?

  /// Nothing is connected yet.
  ///
  /// - Parameters:
  ///   - url: any libpq connection string or URL.
  ///   - applicationName: what `pg_stat_activity` shows.
  ///   - deadline: the longest that one statement may take.
  ///   - isReadOnly: the server refuses all that would write (`default_transaction_read_only`); a standby will do.
  public init(url: String, applicationName: String, deadline: Duration, isReadOnly: Bool = false, logger: Logger) {
    let access = isReadOnly ? ["default_transaction_read_only": "on"] : [:]
    let options = PostgresOptions(
      conninfo: url, applicationName: applicationName, statementDeadline: deadline, lockTimeout: deadline / 2,
      sessionSettings: Self.sessionSettings.merging(access) { $1 })
    connection = PostgresConnection(options: options, logger: logger)
    self.logger = logger
  }

  /// Connects where there is no connection, and makes sure that this program knows the schema.
  public func connect() throws(CatalogError) {
    if connection.isConnected, let pid = connection.backendPID, pid == checkedBackend { return }
    try wrap { () throws(PostgresError) in try connection.connect() }
    try checkSchema()
    checkedBackend = connection.backendPID
  }

  /// The server notices within a minute that a client's host is gone, and frees its locks. And it waits
  /// for a slice whose transaction is as idle as the disk that it walks is slow.
  private static let sessionSettings = [
    "tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "0",
  ]

  /// Answers where the catalogue answers and takes writes, and its schema is one that this program knows.
  func ping() throws(CatalogError) {
    try connect()
    try checkSchema()
    _ = try execute(Statements.ping)
  }

  /// For another thread: cancels the statement under way, if there is one. Never blocks.
  public var interrupt: @Sendable () -> Void {
    let canceller = connection.canceller
    return { canceller.cancel() }
  }

  private func checkSchema() throws(CatalogError) {
    do {
      try checkSchema(try connection.execute(Statements.schemaVersion))
    } catch .postgres(let error) where error.sqlState == SQLState.undefinedTable {
      throw .schemaMissing
    }
  }

  /// Judges the rows of `schema_version`. After a mismatch the next `connect` looks again.
  func checkSchema(_ rows: @autoclosure () throws(PostgresError) -> PostgresRows) throws(CatalogError) {
    let found = try wrap { () throws(PostgresError) in Int(try rows()[0].int32(0)) }
    let known = Migrations.all.count
    guard found != known else { return }
    checkedBackend = nil
    if found == 0 { throw .schemaMissing }
    throw found < known ? .schemaOlder(found: found, needed: known) : .schemaNewer(found: found, known: known)
  }

  /// Runs one prepared statement.
  func execute(_ statement: PostgresStatement, _ parameters: [PostgresParameter] = []) throws(CatalogError)
    -> PostgresRows
  {
    try connect()
    return try wrap { () throws(PostgresError) in try connection.execute(statement, parameters) }
  }
}

/// Runs `body` with Postgres's errors as the catalogue's.
func wrap<R>(_ body: () throws(PostgresError) -> R) throws(CatalogError) -> R {
  do { return try body() } catch {
    switch error.sqlState {
    case SQLState.fenced, SQLState.scanEnded: throw .fenced
    default: throw .postgres(error)
    }
  }
}

/// SQLSTATEs that decide something here: Postgres's own (Appendix A of its manual) and the schema's.
enum SQLState {
  static let undefinedTable = "42P01"
  static let uniqueViolation = "23505"
  static let queryCanceled = "57014"
  static let fenced = "RC001"
  static let scanEnded = "RC002"
}
