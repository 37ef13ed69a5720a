import BlockingThread

/// A worker's way to its end, in two steps: slots stop at their next seam; a second later those that are
/// still in the middle of a directory throw their uncommitted work away and hand it back. So a worker ends
/// within two seconds, whatever it walks (R26).
final class WorkerStop: Sendable {
  private let requested = StopSignal()
  private let urgent = StopSignal()

  var isRequested: Bool { requested.isSet }
  var isUrgent: Bool { urgent.isSet }

  func request() { requested.set() }
  func hurry() { urgent.set() }

  /// Waits for `duration`, or until a stop is requested.
  func wait(for duration: Duration) { requested.wait(for: duration) }

  /// Waits for the request, and then hurries unless everything is `over` within `grace`.
  func hurryUnless(_ over: StopSignal, within grace: Duration) {
    requested.wait()
    if !over.wait(for: grace) { hurry() }
  }
}
