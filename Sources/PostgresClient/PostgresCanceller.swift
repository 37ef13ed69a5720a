import CLibPQ
import Foundation
import Synchronization

/// Asks the server to cancel what a connection is running. It follows the connection through reconnects and may be
/// used from any thread at any time.
public final class PostgresCanceller: Sendable {
  private let target = Mutex<CancelRequest?>(nil)

  /// The statement that runs, if any, fails with 57014. Without a connection, or when nothing runs, nothing happens.
  ///
  /// Returns at once: a server that is frozen takes no request either, and whoever cancels is in a hurry.
  public func cancel() { target.withLock { $0 }?.send() }

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

  /// From a thread of its own: PQcancel has no limit, and may hang as the statement did.
  func send() {
    Thread.detachNewThread {
      var reason = [CChar](repeating: 0, count: 256)
      // A courtesy to the server: a request that does not arrive leaves things as they are.
      _ = PQcancel(self.request, &reason, Int32(reason.count))
    }
  }
}
