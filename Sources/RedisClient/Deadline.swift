/// A moment on the monotonic clock after which a call gives up.
struct Deadline {
  private let end: ContinuousClock.Instant

  init(in limit: Duration) { end = ContinuousClock.now + limit }

  /// For poll(2): whole milliseconds, rounded up so that a wait never ends too early; 0 when it is past.
  var remainingMilliseconds: Int32 {
    let left = end - ContinuousClock.now
    guard left > .zero else { return 0 }
    let (seconds, attoseconds) = left.components
    guard seconds < 1_000_000 else { return 1_000_000_000 }
    return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
