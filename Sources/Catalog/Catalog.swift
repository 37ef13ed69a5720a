import Logging
import PostgresClient

/// A connection to the catalogue: the only door to Postgres. One thread owns it. It connects when it is
/// first used and after a loss, and checks the schema each time.
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
  public init(url: String, applicationName: String, deadline: Duration, logger: Logger) {
    let options = PostgresOptions(
      conninfo: url, applicationName: applicationName, statementDeadline: deadline, lockTimeout: deadline / 2)
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

  public func close() { connection.close() }

  /// Cancels the statement under way; may be called from any thread.
  public var canceller: PostgresCanceller { connection.canceller }

  private func checkSchema() throws(CatalogError) {
    let found: Int
    do {
      found = Int(try connection.execute(Statements.schemaVersion)[0].int32(0))
    } catch  where error.sqlState == SQLState.undefinedTable {
      throw .schemaMissing
    } catch {
      throw .postgres(error)
    }
    let known = Migrations.all.count
    if found == 0 { throw .schemaMissing }
    if found < known { throw .schemaOlder(found: found, needed: known) }
    if found > known { throw .schemaNewer(found: found, known: known) }
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
  static let fenced = "RC001"
  static let scanEnded = "RC002"
}
