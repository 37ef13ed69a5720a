import CLibPQ

/// Many statements in one round trip. Statements that are not prepared yet are prepared within the pipeline, each
/// just before its first use, so that a batch may create the table that its next statement fills.
extension Session {
  func pipeline(
    _ batch: [(statement: PostgresStatement, parameters: EncodedParameters)], _ patience: inout Patience
  ) throws(PostgresError) -> [PostgresRows] {
    guard PQenterPipelineMode(connection) == 1 else { throw lost }
    let replies = try send(batch)
    try queued(PQpipelineSync(connection))
    let rows = try readReplies(replies, patience.limit)
    guard PQexitPipelineMode(connection) == 1 else { throw lost }
    return try rows.get()
  }

  /// What the server will answer, in order.
  private enum Reply {
    case prepared(PreparedStatements.Variant, PostgresStatement)
    case executed(PostgresStatement)

    var statement: PostgresStatement {
      switch self {
      case .prepared(_, let statement), .executed(let statement): statement
      }
    }
  }

  private func send(
    _ batch: [(statement: PostgresStatement, parameters: EncodedParameters)]
  ) throws(PostgresError) -> [Reply] {
    var expected = prepared  // as it will be if all goes well
    var replies: [Reply] = []
    for (statement, parameters) in batch {
      let known = expected.variant(of: statement, accepting: parameters.types)
      let variant = known ?? expected.newVariant(of: statement, types: parameters.types)
      if known == nil {
        try queued(sendPrepare(statement, variant))
        expected.insert(variant, of: statement)
        replies.append(.prepared(variant, statement))
      }
      try queued(send(variant, parameters))
      replies.append(.executed(statement))
    }
    return replies
  }

  /// Reads every reply and the sync, whatever fails; the first error is the batch's.
  private func readReplies(
    _ replies: [Reply], _ limit: Duration
  ) throws(PostgresError) -> Result<[PostgresRows], PostgresError> {
    var rows: [PostgresRows] = []
    var failure: PostgresError?
    for reply in replies {
      var patience = Patience(reply.statement.name, limit)
      do {
        let outcome = try collect(&patience)
        guard failure == nil else { continue }  // skipped by the server
        switch reply {
        case .prepared(let variant, let statement): prepared.insert(variant, of: statement)
        case .executed: rows.append(outcome.rows)
        }
      } catch {
        // Anything but the server's own word leaves replies unread: give up.
        guard case .server = error else { throw failure ?? error }
        failure = failure ?? error
      }
    }
    let late = try readSync(limit)
    failure = failure ?? late
    return failure.map { .failure($0) } ?? .success(rows)
  }

  /// A deferred constraint fails only here, where the implicit transaction commits.
  private func readSync(_ limit: Duration) throws(PostgresError) -> PostgresError? {
    var patience = Patience("the pipeline's commit", limit)
    var failure: PostgresError?
    while true {
      // nil only separates a failure from the sync.
      guard let result = try nextResult(&patience) else { continue }
      if result.status == PGRES_PIPELINE_SYNC { return failure }
      guard let error = result.error(of: patience.statement), case .server = error else { throw lost }
      failure = error
    }
  }
}
