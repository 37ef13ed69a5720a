/// Why a call on Postgres failed. Descriptions are one line and never hold the password.
public enum PostgresError: Error, Sendable, CustomStringConvertible {
  /// libpq cannot read the connection string.
  case badConnectionString(String)
  /// No connection could be made, or it was lost: an open transaction is undone, but what ran when it was lost
  /// (a COMMIT, a statement outside a transaction) may have been done.
  case unreachable(String)
  /// The server does not accept this user or password (SQLSTATE class 28, or libpq had no password to give).
  case authentication(String)
  /// The database does not exist (3D000).
  case databaseMissing(String)
  /// The server answered with an error; the connection is still good, but after 25006 (read-only) it is closed.
  case server(sqlState: String, message: String, detail: String?, constraint: String?, statement: String)
  /// Nothing came for so long; the server was asked to cancel and the connection was thrown away. As with a lost
  /// connection the statement may have been done.
  case deadline(statement: String, after: Duration)
  /// A value is not of the type that the caller asked for, or cannot be sent as the type that it says it is.
  case decoding(String)

  public var sqlState: String? {
    switch self {
    case .server(let sqlState, _, _, _, _): sqlState
    case .databaseMissing: "3D000"
    case .badConnectionString, .unreachable, .authentication, .deadline, .decoding: nil
    }
  }

  /// Postgres is away or refuses everybody: wait and try again, the statement is not to blame.
  ///
  /// A deadline is none: a statement that is too slow for good would be tried for ever. A server that truly
  /// hangs is `unreachable` at the next connection.
  public var isOutage: Bool {
    switch self {
    case .unreachable: true
    case .server(let sqlState, _, _, _, _):
      // 57014 is a cancel that somebody asked for or a statement_timeout.
      sqlState == "25006" || (["08", "53", "57"].contains(sqlState.prefix(2)) && sqlState != "57014")
    case .badConnectionString, .authentication, .databaseMissing, .deadline, .decoding: false
    }
  }

  /// The transaction lost against another one, or waited too long for its locks (55P03), and may be run again as
  /// it is.
  public var isRetryable: Bool { sqlState.map { ["40001", "40P01", "55P03"].contains($0) } ?? false }

  public var description: String {
    switch self {
    case .badConnectionString(let reason):
      "the Postgres connection string cannot be read: \(reason); give a postgresql:// URL or key=value pairs"
    case .unreachable(let reason): "Postgres cannot be reached: \(reason)"
    case .authentication(let reason):
      "Postgres refuses the login: \(reason); check user and password of the connection string and pg_hba.conf"
    case .databaseMissing(let reason): "\(reason); create it (createdb) or name another in the connection string"
    case .server(let sqlState, let message, let detail, _, let statement):
      "Postgres refused \(statement): \(message)\(detail.map { " (\($0))" } ?? "") [\(sqlState)]"
    case .deadline(let statement, let limit): "Postgres gave no answer to \(statement) within \(limit)"
    case .decoding(let reason): reason
    }
  }
}

extension String {
  /// libpq's messages end in newlines and some have several lines; a log line and a terminal want one.
  var onOneLine: String {
    split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
  }
}
