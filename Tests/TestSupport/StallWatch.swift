import Foundation
import Synchronization

/// Notices when this machine runs nobody for a while: a host that is overcommitted may stand still for seconds, and
/// then workers that live count as dead, and rightly so. It ends with its last reference.
public final class StallWatch: Sendable {
  private static let interval = Duration.milliseconds(50)

  /// By how much the watch's own waits were longer than they should have been.
  private struct Stalls {
    var longest = Duration.zero
    var total = Duration.zero
  }

  private let stalls = Mutex(Stalls())

  public init() {
    Thread.detachNewThread { [weak self] in
      while true {
        let began = ContinuousClock.now
        Thread.sleep(forTimeInterval: Self.interval / .seconds(1))
        guard let self else { return }
        note(.now - began - Self.interval)
      }
    }
  }

  private func note(_ stall: Duration) {
    stalls.withLock { stalls in
      stalls.longest = max(stalls.longest, stall)
      stalls.total += stall
    }
  }

  /// For how long this process stood still at most, since this was last asked.
  public func longestStall() -> Duration {
    stalls.withLock { stalls in
      defer { stalls.longest = .zero }
      return stalls.longest
    }
  }

  /// For how long it did all in all, be it that it only waited for its turn.
  public func lostTime() -> Duration {
    // The wait under way may be one that takes long.
    Thread.sleep(forTimeInterval: Self.interval * 2 / .seconds(1))
    return stalls.withLock(\.total)
  }
}
