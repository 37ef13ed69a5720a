import Logging
import PostgresClient
import TestSupport

/// A connection to the tests' server; whatever a test creates there is temporary or bears a name of its own.
func testConnection(
  deadline: Duration = .seconds(30), lockTimeout: Duration? = nil, settings: [String: String] = [:],
  logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
) throws -> PostgresConnection {
  PostgresConnection(
    options: PostgresOptions(
      conninfo: try TestServers.postgresURL(), applicationName: "PostgresClientTests", statementDeadline: deadline,
      lockTimeout: lockTimeout, sessionSettings: settings),
    logger: logger)
}

/// A connection to somewhere else.
func connection(
  to conninfo: String, timeout: Duration = .seconds(5), deadline: Duration = .seconds(30)
) -> PostgresConnection {
  PostgresConnection(
    options: PostgresOptions(
      conninfo: conninfo, applicationName: "PostgresClientTests", connectTimeout: timeout, statementDeadline: deadline),
    logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
}

extension PostgresConnection {
  /// Runs SQL under a name made from itself.
  func query(_ sql: String, _ parameters: [PostgresParameter] = []) throws(PostgresError) -> PostgresRows {
    try execute(PostgresStatement(name: String(sql.prefix(60)), sql: sql), parameters)
  }

  func number(_ sql: String, _ parameters: [PostgresParameter] = []) throws(PostgresError) -> Int64 {
    try query(sql, parameters)[0].int64(0)
  }
}

/// Ends another connection's server process and waits until it is gone.
func terminate(_ pid: Int32) throws {
  _ = try testConnection().query("SELECT pg_terminate_backend($1, 10000)", [.int32(pid)])
}

/// The error that `body` throws, nil when it throws none.
func failure(_ body: () throws(PostgresError) -> Void) -> PostgresError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}

extension PostgresError {
  var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
}
