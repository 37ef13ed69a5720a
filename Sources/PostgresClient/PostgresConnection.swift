import Logging

/// One connection to Postgres, owned by one thread.
///
/// It connects at the first call and again at the next call after a loss: one attempt a call, the caller paces them.
/// All values travel as binary parameters of prepared statements. Every call ends: whatever stands still for
/// `statementDeadline` is cancelled, its connection thrown away, and the call throws `deadline`.
///
/// A transaction is never continued on another connection:
///
/// ```
///            call                    begin
///   down ──────────► ready ────────────────────────► inTransaction
///    ▲ ▲               │     ◄──────────────────────      │
///    │ └───── lost ────┘       commit, rollback           │ lost
///    └───────────────── rollback ──────────── transactionLost
/// ```
///
/// In `transactionLost` every call throws `unreachable` until `rollback()` (or `close()`) has acknowledged the loss.
public final class PostgresConnection {
  private enum Link {
    case down
    case ready(Session)
    case inTransaction(Session)
    /// The reason of the loss.
    case transactionLost(String)
  }

  let options: PostgresOptions
  private let logger: Logger
  private var link = Link.down

  /// Cancels what this connection runs; for other threads. The same one for the connection's whole life.
  public let canceller = PostgresCanceller()

  public init(options: PostgresOptions, logger: Logger) {
    self.options = options
    self.logger = logger
  }

  deinit { canceller.aim(at: nil) }

  /// Connects if there is no connection.
  public func connect() throws(PostgresError) { _ = try connectedSession() }

  /// As far as libpq knows: a loss shows at the next call.
  public var isConnected: Bool { session?.isConnected ?? false }

  /// The process id of this connection's server process, nil without a connection.
  public var backendPID: Int32? { session?.backendPID }

  /// True between a successful BEGIN and its end, also when a statement has failed in between; false after a loss.
  public var inTransaction: Bool {
    if case .inTransaction = link { true } else { false }
  }

  /// Closes the connection, and with it gives up an open transaction. The next call connects anew.
  public func close() {
    canceller.aim(at: nil)
    link = .down
  }

  /// Runs one prepared statement.
  public func execute(
    _ statement: PostgresStatement, _ parameters: [PostgresParameter] = []
  ) throws(PostgresError) -> PostgresRows {
    let encoded = try EncodedParameters(parameters)
    return try run(statement.name) { (session, patience) throws(PostgresError) in
      try session.execute(statement, encoded, &patience)
    }
  }

  /// Runs SQL of several statements, without parameters, in the simple protocol: for migrations. Without a BEGIN of
  /// its own it is one transaction. The deadline is each statement's.
  public func script(_ sql: String) throws(PostgresError) {
    try run("script") { (session, patience) throws(PostgresError) in
      try session.sendScript(sql)
      try session.collect(&patience)
    }
  }

  /// Runs a batch in one round trip. Outside a transaction it is a transaction of its own: all or nothing.
  ///
  /// Throws the first error; what follows it is not run. When the batch holds a BEGIN, or runs in a transaction, that
  /// transaction has then failed and waits for `rollback()`. COPY cannot be pipelined.
  public func pipeline(_ batch: [(PostgresStatement, [PostgresParameter])]) throws(PostgresError) -> [PostgresRows] {
    var encoded: [(statement: PostgresStatement, parameters: EncodedParameters)] = []
    for (statement, parameters) in batch { encoded.append((statement, try EncodedParameters(parameters))) }
    guard !encoded.isEmpty else { return [] }
    return try run("pipeline") { (session, patience) throws(PostgresError) in
      try session.pipeline(encoded, &patience)
    }
  }

  // MARK: Transactions

  /// Throws `server` with 25001 when a transaction is open.
  public func begin() throws(PostgresError) {
    if inTransaction { throw Self.misuse("25001", "a transaction is open already", "BEGIN") }
    try runCommand("BEGIN")
  }

  /// Throws 25P01 when no transaction is open, and 25P02 when the server rolled it back because a statement in it had
  /// failed; it has ended then. After `unreachable` and `deadline` it may have been committed or not.
  public func commit() throws(PostgresError) {
    if case .ready = link { throw Self.misuse("25P01", "no transaction is open", "COMMIT") }
    if case .down = link { throw Self.misuse("25P01", "no transaction is open", "COMMIT") }
    guard try runCommand("COMMIT") == "COMMIT" else {
      throw Self.misuse("25P02", "the transaction had failed and was rolled back", "COMMIT")
    }
  }

  /// Whatever happens, no transaction is open afterwards, which is why it does not throw: when the server cannot be
  /// told, the connection is closed, and the server rolls back by itself. Without a transaction it does nothing.
  public func rollback() {
    switch link {
    case .down, .ready: return
    case .transactionLost: link = .down
    case .inTransaction:
      do {
        try runCommand("ROLLBACK")
      } catch {
        logger.debug("closing a connection that could not roll back", metadata: ["error": "\(error)"])
        close()
      }
    }
  }

  /// BEGIN, `body`, COMMIT; ROLLBACK when `body` or COMMIT throws.
  public func transaction<R>(_ body: () throws(PostgresError) -> R) throws(PostgresError) -> R {
    try begin()
    do {
      let value = try body()
      try commit()
      return value
    } catch {
      rollback()
      throw error
    }
  }

  /// Answers with the command that the server says it has done.
  @discardableResult
  private func runCommand(_ command: String) throws(PostgresError) -> String {
    try run(command) { (session, patience) throws(PostgresError) in
      try session.sendScript(command)
      return try session.collect(&patience).command
    }
  }

  static func misuse(_ sqlState: String, _ message: String, _ statement: String) -> PostgresError {
    .server(sqlState: sqlState, message: message, detail: nil, constraint: nil, statement: statement)
  }

  // MARK: The link

  /// Runs a call on the session, connecting if need be. `deadline` is the options' unless given.
  func run<R>(
    _ statement: String, deadline: Duration? = nil, _ body: (Session, inout Patience) throws(PostgresError) -> R
  ) throws(PostgresError) -> R {
    try settling(try connectedSession(), Patience(statement, deadline ?? options.statementDeadline), body)
  }

  /// The same for a call that hands bytes or rows to a reader with errors of its own.
  func runForReader(_ statement: String, _ body: (Session, inout Patience) throws -> Void) throws {
    try settling(try connectedSession(), Patience(statement, options.statementDeadline), body)
  }

  /// Judges after the call what has become of the link.
  private func settling<R, E: Error>(
    _ session: Session, _ limit: Patience, _ body: (Session, inout Patience) throws(E) -> R
  ) throws(E) -> R {
    var patience = limit
    do {
      let value = try body(session, &patience)
      settle(session, patience.statement)
      return value
    } catch {
      settle(session, "\(error)", isReadOnly: (error as? PostgresError)?.sqlState == "25006")
      throw error
    }
  }

  private var session: Session? {
    switch link {
    case .ready(let session), .inTransaction(let session): session
    case .down, .transactionLost: nil
    }
  }

  private func connectedSession() throws(PostgresError) -> Session {
    switch link {
    case .ready(let session), .inTransaction(let session): return session
    case .transactionLost(let reason): throw .unreachable("the transaction's connection was lost: \(reason)")
    case .down:
      let session = try options.openSession(logger: logger)
      logger.debug("connected to Postgres", metadata: ["backend_pid": "\(session.backendPID)"])
      canceller.aim(at: session.canceller)
      link = .ready(session)
      return session
    }
  }

  /// A session that is lost, or has anything left under way (a deadline, a stream that its reader left), is dropped.
  /// So is one whose server refuses to write: it is a primary no more, and connecting finds the new one.
  private func settle(_ session: Session, _ reason: @autoclosure () -> String, isReadOnly: Bool = false) {
    if session.isClean, !isReadOnly {
      link = session.isInTransaction ? .inTransaction(session) : .ready(session)
      return
    }
    if session.isConnected, !session.isClean { session.canceller.send() }
    canceller.aim(at: nil)
    link = inTransaction ? .transactionLost(reason()) : .down
  }
}
