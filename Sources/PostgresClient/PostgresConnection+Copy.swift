extension PostgresConnection {
  /// Runs a whole `COPY … FROM STDIN` whose input is `buffer`; answers with the number of rows copied.
  ///
  /// The bytes go from `buffer` to libpq without another copy. The deadline starts anew with every piece sent.
  public func copyIn(_ sql: String, from buffer: UnsafeRawBufferPointer) throws(PostgresError) -> Int {
    try run("COPY") { (session, patience) throws(PostgresError) in
      try session.copyIn(sql, buffer, &patience)
    }
  }

  /// Runs a `COPY … TO STDOUT`. `body` gets each message's bytes, valid only during its call; in every format of
  /// Postgres 15 one message is one row, or in binary format the header or trailer.
  ///
  /// When `body` throws, the rest is not read: the connection is closed, and its transaction is lost.
  public func copyOut(_ sql: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try runForReader("COPY") { session, patience in try session.copyOut(sql, &patience, body) }
  }

  /// Runs a statement and hands over its rows as they come, so that memory does not grow with their number.
  ///
  /// When `body` throws, the rest is not read: the connection is closed, and its transaction is lost. `body` must not
  /// use this connection.
  public func stream(
    _ statement: PostgresStatement, _ parameters: [PostgresParameter] = [], _ body: (PostgresRow) throws -> Void
  ) throws {
    let encoded = try EncodedParameters(parameters)
    try runForReader(statement.name) { session, patience in try session.stream(statement, encoded, &patience, body) }
  }
}
