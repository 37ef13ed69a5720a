/// A moment on the monotonic clock after which a call gives up. Every MiB that has gone or come puts it off
/// by a second, or a large message could never pass: a slow line is no hung peer.
struct Deadline {
  private static let bytesPerSecond = 1 << 20

  private let start = ContinuousClock.now
  private let base: Duration
  private var moved = 0

  init(in limit: Duration) { base = limit }

  /// How long the call may take, with what has moved so far.
  var limit: Duration { base + .seconds(moved / Self.bytesPerSecond) }

  mutating func allow(for bytes: Int) { moved += bytes }

  /// For poll(2): whole milliseconds, rounded up so that a wait never ends too early; 0 when it is past.
  var remainingMilliseconds: Int32 {
    let left = start + limit - ContinuousClock.now
    guard left > .zero else { return 0 }
    let (seconds, attoseconds) = left.components
    guard seconds < 1_000_000 else { return 1_000_000_000 }
    return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
