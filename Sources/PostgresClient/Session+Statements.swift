import CLibPQ

/// Statements one at a time: send, read every result, keep the first error.
extension Session {
  /// Prepares the statement if it must, runs it and reads all of its result.
  func execute(
    _ statement: PostgresStatement, _ parameters: EncodedParameters, _ patience: inout Patience
  ) throws(PostgresError) -> PostgresRows {
    let variant = try prepare(statement, parameters.types, &patience)
    try queued(send(variant, parameters))
    return try collect(&patience).rows
  }

  func prepare(
    _ statement: PostgresStatement, _ types: [UInt32], _ patience: inout Patience
  ) throws(PostgresError) -> PreparedStatements.Variant {
    if let variant = prepared.variant(of: statement, accepting: types) { return variant }
    let variant = prepared.newVariant(of: statement, types: types)
    try queued(sendPrepare(statement, variant))
    _ = try collect(&patience)
    prepared.insert(variant, of: statement)
    return variant
  }

  func sendPrepare(_ statement: PostgresStatement, _ variant: PreparedStatements.Variant) -> Int32 {
    PQsendPrepare(connection, variant.name, statement.sql, Int32(variant.types.count), variant.types)
  }

  func send(_ variant: PreparedStatements.Variant, _ parameters: EncodedParameters) -> Int32 {
    parameters.withPointers { count, values, lengths, formats in
      PQsendQueryPrepared(connection, variant.name, count, values, lengths, formats, /* binary results: */ 1)
    }
  }

  /// Sends SQL through the simple protocol; it may hold several statements.
  func sendScript(_ sql: String) throws(PostgresError) { try queued(PQsendQuery(connection, sql)) }

  /// Reads all results of what was sent; the last one's rows and command, or the first error.
  @discardableResult
  func collect(_ patience: inout Patience) throws(PostgresError) -> Outcome {
    var outcome = Outcome()
    var failure: PostgresError?
    while let result = try nextResult(&patience) {
      try refuseCopy(result, patience.statement)
      if let error = result.error(of: patience.statement) {
        failure = failure ?? error
      } else {
        outcome = Outcome(rows: result.rows(of: patience.statement), command: String(result.command))
      }
    }
    if let failure { throw noted(failure) }
    return outcome
  }

  /// A statement that the server does not know (DISCARD, DEALLOCATE) is prepared again at its next use.
  func noted(_ error: PostgresError) -> PostgresError {
    if error.sqlState == "26000" { prepared.removeAll() }
    return error
  }

  /// A COPY that nobody feeds would never end.
  private func refuseCopy(_ result: borrowing ResultHandle, _ statement: String) throws(PostgresError) {
    switch result.status {
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      throw .decoding("\(statement) is a COPY: run it with copyIn or copyOut")
    default: break
    }
  }
}

struct Outcome {
  var rows = PostgresRows(affected: 0, table: CellTable(types: [], rows: 0, cells: [], bytes: [], statement: ""))
  var command = ""
}
