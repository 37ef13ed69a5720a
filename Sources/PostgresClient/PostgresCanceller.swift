import CLibPQ
import Foundation
import Synchronization

/// Asks the server to cancel what a connection is running. It follows the connection through reconnects and may be
/// used from any thread at any time.
public final class PostgresCanceller: Sendable {
  private let target = Mutex<CancelRequest?>(nil)

  /// The statement that runs, if any, fails with 57014. To cancel what has just ended does nothing.
  ///
  /// Blocks until the server has taken the request; libpq sets no limit but the connection's `tcp_user_timeout`.
  /// Throws `unreachable` when there is no connection or the request cannot be delivered.
  public func cancel() throws(PostgresError) {
    // The lock is not held while libpq waits: the connection's own thread takes it to connect and to close.
    guard let request = target.withLock({ $0 }) else { throw .unreachable("there is no connection to cancel") }
    try request.send()
  }

  func aim(at request: CancelRequest?) { target.withLock { $0 = request } }
}

/// Owns a `PGcancel`: the address and secret key of one server session.
///
/// Unchecked: the pointer never changes, and PQcancel only reads what it points to (libpq: "thread-safe").
final class CancelRequest: @unchecked Sendable {
  private let request: OpaquePointer

  init?(of connection: OpaquePointer) {
    guard let request = PQgetCancel(connection) else { return nil }
    self.request = request
  }

  deinit { PQfreeCancel(request) }

  func send() throws(PostgresError) {
    var reason = [CChar](repeating: 0, count: 256)
    guard PQcancel(request, &reason, Int32(reason.count)) == 1 else {
      let text = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw .unreachable("cancel: \(String(decoding: text, as: UTF8.self).onOneLine)")
    }
  }

  /// For a connection that is being given up: PQcancel may hang as the statement did, so it gets a thread of its own.
  func sendFromAnotherThread() {
    Thread.detachNewThread {
      try? self.send()  // A courtesy to the server; the connection is closed whatever comes of it.
    }
  }
}
