extension PostgresConnection {
  /// Runs SQL that may have to wait long, as `script` does. The server gives it `patience` (rounded to milliseconds,
  /// more than zero), whatever it waits for, instead of the session's `lock_timeout` and `statement_timeout`, and then
  /// fails it with 57014. Afterwards the session has its own timeouts again.
  ///
  /// Throws `server` with 25001 when a transaction is open: its end could undo either change of the timeouts.
  public func script(_ sql: String, patience: Duration) throws(PostgresError) {
    if inTransaction { throw Self.misuse("25001", "a transaction is open", "script") }
    let timeouts = try execute(Self.timeouts)[0]
    let own: [PostgresParameter] = [.text(try timeouts.text(0)), .text(try timeouts.text(1))]
    // A session whose timeouts cannot be set right is not used again; the SQL was done or failed all the same.
    defer { if isConnected { do { _ = try execute(Self.setTimeouts, own) } catch { close() } } }
    _ = try execute(Self.setTimeouts, [.text("0"), .text("\(patience.milliseconds)ms")])
    try run("script", deadline: patience + options.statementDeadline) { (session, patience) throws(PostgresError) in
      try session.sendScript(sql)
      try session.collect(&patience)
    }
  }

  private static let timeouts = PostgresStatement(
    name: "timeouts", sql: "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
  private static let setTimeouts = PostgresStatement(
    name: "set timeouts",
    sql: "SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false)")
}
