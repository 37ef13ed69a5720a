import ScanModel

/// When the reaper does what.
public struct ReaperPace: Sendable, Equatable {
  /// From one sweep over all in-flight lists to the next.
  public let sweep: Duration
  /// From one comparison of Redis with Postgres to the next.
  public let reconcile: Duration
  /// From one look through all of Redis's keys to the next.
  public let cleanup: Duration
  /// How long locks and heartbeats live.
  public let lockTTL: Duration

  /// - Parameter sweep: is cut to a third of `lockTTL`, or work would lie longer than its lock says.
  public init(sweep: Duration, reconcile: Duration, cleanup: Duration, lockTTL: Duration) {
    self.sweep = min(sweep, lockTTL / 3)
    self.reconcile = reconcile
    self.cleanup = cleanup
    self.lockTTL = lockTTL
  }

  /// After Redis was away or slow for this long, heartbeats may be gone whose workers live.
  var doubt: Duration { lockTTL / 3 }

  /// How long those workers then have to beat again before anybody counts as dead.
  var grace: Duration { min(lockTTL, .seconds(2)) }

  /// How long after the first look at a slice without pointer the second comes. A running one may only
  /// wait for its worker's next renewal, which comes within half of the lock's time.
  func patience(for state: SliceState) -> Duration { state == .running ? max(sweep, lockTTL / 2) : sweep }
}
