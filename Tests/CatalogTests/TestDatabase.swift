import Catalog
import Logging
import PostgresClient
import TestSupport

/// A database of a test's own, dropped with the last reference.
final class TestDatabase: Sendable {
  let url: String
  private let name = TestServers.uniqueName()

  init(migrated: Bool = true) throws {
    let server = try TestServers.postgresURL()
    // Of two settings in a connection string the later one counts.
    url = "\(server) dbname=\(name)"
    try Self.connection(server).script("CREATE DATABASE \(name)")
    if migrated { _ = try catalog().migrate() }
  }

  deinit {
    // A database that is left behind harms no other test.
    try? Self.connection(TestServers.postgresURL()).script("DROP DATABASE \(name) WITH (FORCE)")
  }

  func catalog(deadline: Duration = .seconds(60)) -> Catalog {
    Catalog(url: url, applicationName: "CatalogTests", deadline: deadline, logger: quietLogger)
  }

  /// A connection beside the catalogue's, to look and to interfere.
  func connection() -> PostgresConnection { Self.connection(url) }

  private static func connection(_ url: String) -> PostgresConnection {
    PostgresConnection(
      options: PostgresOptions(conninfo: url, applicationName: "CatalogTests", statementDeadline: .seconds(60)),
      logger: quietLogger)
  }
}

let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

extension PostgresConnection {
  /// Runs SQL under a name made from itself.
  @discardableResult
  func query(_ sql: String, _ parameters: [PostgresParameter] = []) throws(PostgresError) -> PostgresRows {
    let name = "\(sql.prefix(40)) \(UInt32(truncatingIfNeeded: sql.hashValue))"
    return try execute(PostgresStatement(name: name, sql: sql), parameters)
  }

  func number(_ sql: String, _ parameters: [PostgresParameter] = []) throws(PostgresError) -> Int64 {
    try query(sql, parameters)[0].int64(0)
  }

  func texts(_ sql: String, _ parameters: [PostgresParameter] = []) throws(PostgresError) -> [String] {
    try query(sql, parameters).map { (row) throws(PostgresError) in try row.text(0) }
  }
}

/// The catalogue's error that `body` throws; nil where it throws none.
func failure<R>(_ body: () throws(CatalogError) -> R) -> CatalogError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// Tries once more where the connection turns out to have been ended, as a takeover does with a former
/// holder's.
func afterTakeover<R>(_ deed: () throws -> R) throws -> R {
  do {
    return try deed()
  } catch let error as CatalogError where error.isConnectionLoss {
    return try deed()
  }
}

extension CatalogError {
  var isFenced: Bool { if case .fenced = self { true } else { false } }

  var sqlState: String? { if case .postgres(let error) = self { error.sqlState } else { nil } }
}
