import BlockingThread
import Synchronization

/// A worker's way to its end, in two steps: slots stop at their next seam; a second later those that are
/// still in the middle of a directory or a statement throw their uncommitted work away and hand it back. So
/// a worker ends within two seconds, whatever it walks (R26).
final class WorkerStop: Sendable {
  private let requested = StopSignal()
  private let urgent = StopSignal()
  private let interrupts: Mutex<[@Sendable () -> Void]> = Mutex([])

  var isRequested: Bool { requested.isSet }
  var isUrgent: Bool { urgent.isSet }

  func request() { requested.set() }

  /// `interrupt` ends the call in which a slot may stand; it is called on another thread.
  func whenUrgent(_ interrupt: @escaping @Sendable () -> Void) { interrupts.withLock { $0.append(interrupt) } }

  func hurry() {
    urgent.set()
    for interrupt in interrupts.withLock({ $0 }) { interrupt() }
  }

  /// Waits for `duration`, or until a stop is requested.
  func wait(for duration: Duration) { requested.wait(for: duration) }

  /// Waits for the request, and then hurries unless everything is `over` within `grace`.
  func hurryUnless(_ over: StopSignal, within grace: Duration) {
    requested.wait()
    if !over.wait(for: grace) { hurry() }
  }
}
