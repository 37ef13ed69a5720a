import CLibPQ
import Glibc

/// Owns a connected, non-blocking `PGconn` and what its server session has prepared.
///
/// Every wait is a poll(2) with what is left of the call's patience. When a call throws anything but the server's
/// own error, or leaves results behind, the session is in doubt: `isClean` is false and its owner drops it.
final class Session {
  let connection: OpaquePointer
  let canceller: CancelRequest
  var prepared = PreparedStatements()
  private let notices: NoticeLog

  /// Takes over a `PGconn` whose status is CONNECTION_OK.
  init(_ connection: OpaquePointer, notices: NoticeLog) throws(PostgresError) {
    guard PQsetnonblocking(connection, 1) == 0, let canceller = CancelRequest(of: connection) else {
      let reason = libpqMessage(connection)
      PQfinish(connection)
      throw .unreachable(reason)
    }
    self.connection = connection
    self.canceller = canceller
    self.notices = notices
  }

  /// Closes the socket, which also undoes an open transaction on the server.
  deinit { PQfinish(connection) }

  var backendPID: Int32 { PQbackendPID(connection) }

  var isConnected: Bool { PQstatus(connection) == CONNECTION_OK }

  var isInTransaction: Bool {
    let status = PQtransactionStatus(connection)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// Nothing is under way: the next statement can be sent.
  var isClean: Bool {
    isConnected && PQpipelineStatus(connection) == PQ_PIPELINE_OFF
      && (isInTransaction || PQtransactionStatus(connection) == PQTRANS_IDLE)
  }

  /// For the `PQsend…` family, which answer 1 when the command was queued.
  func queued(_ answer: Int32) throws(PostgresError) {
    guard answer == 1 else { throw lost }
  }

  var lost: PostgresError { .unreachable(libpqMessage(connection)) }

  /// The next result of the running command, nil after its last.
  func nextResult(_ patience: inout Patience) throws(PostgresError) -> ResultHandle? {
    try flush(&patience)
    while PQisBusy(connection) == 1 { try receive(&patience) }
    guard let result = PQgetResult(connection) else { return nil }
    patience.progressed()
    return ResultHandle(result)
  }

  /// Sends all that libpq has buffered, and reads meanwhile, lest both sides wait for each other.
  func flush(_ patience: inout Patience) throws(PostgresError) {
    while true {
      switch PQflush(connection) {
      case 0: return
      case 1: break
      default: throw lost
      }
      let ready = try wait(for: POLLIN | POLLOUT, patience)
      if ready & POLLIN != 0 { try consume() }
      patience.progressed()
    }
  }

  /// Waits for bytes from the server and takes them in.
  func receive(_ patience: inout Patience) throws(PostgresError) {
    _ = try wait(for: POLLIN, patience)
    try consume()
  }

  private func consume() throws(PostgresError) {
    guard PQconsumeInput(connection) == 1 else { throw lost }
  }

  private func wait(for events: Int32, _ patience: Patience) throws(PostgresError) -> Int32 {
    try pollSocket(of: connection, for: events, patience)
  }
}

/// Waits until the connection's socket is ready; answers with how.
func pollSocket(of connection: OpaquePointer, for events: Int32, _ patience: Patience) throws(PostgresError) -> Int32 {
  var descriptor = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
  guard descriptor.fd >= 0 else { throw .unreachable(libpqMessage(connection)) }
  while true {
    guard let milliseconds = patience.remainingMilliseconds else { throw patience.exceeded }
    let count = poll(&descriptor, 1, milliseconds)
    if count > 0 { return Int32(descriptor.revents) }
    if count < 0, errno != EINTR { throw .unreachable("poll: \(String(cString: strerror(errno)))") }
  }
}

/// libpq's latest error of a connection; nil (out of memory) has one too.
func libpqMessage(_ connection: OpaquePointer?) -> String {
  let message = PQerrorMessage(connection).map { String(cString: $0).onOneLine } ?? ""
  return message.isEmpty ? "libpq gives no reason" : message
}
