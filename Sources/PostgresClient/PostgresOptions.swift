/// Where a connection leads and how long it may take.
public struct PostgresOptions: Sendable {
  /// A libpq connection string: a `postgresql://` URL or `key=value` pairs. It may hold a password: never log it.
  public let conninfo: String
  /// What `pg_stat_activity.application_name` shows; it replaces one that is given in `conninfo`.
  public let applicationName: String
  /// For connecting and then again for the session's settings. The resolver's part is not in it: libpq resolves host
  /// names in one blocking call.
  public let connectTimeout: Duration
  /// How long a call may stand still: a statement without its result, a COPY without a byte moved.
  public let statementDeadline: Duration
  /// The session's `lock_timeout`; nil leaves the server's.
  public let lockTimeout: Duration?
  /// Other settings of the session by name, as `SET` would make them.
  public let sessionSettings: [String: String]

  public init(
    conninfo: String, applicationName: String, connectTimeout: Duration = .seconds(5),
    statementDeadline: Duration, lockTimeout: Duration? = nil, sessionSettings: [String: String] = [:]
  ) {
    self.conninfo = conninfo
    self.applicationName = applicationName
    self.connectTimeout = connectTimeout
    self.statementDeadline = statementDeadline
    self.lockTimeout = lockTimeout
    self.sessionSettings = sessionSettings
  }

  /// All settings of the session, in an order that does not change from run to run.
  var settings: [(name: String, value: String)] {
    var all = sessionSettings
    if let lockTimeout { all["lock_timeout"] = "\(lockTimeout.milliseconds)ms" }
    return all.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }
}

extension Duration {
  /// Rounded up, so that a wait never ends just before its deadline.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
