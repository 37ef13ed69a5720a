import JobQueue
import ScanModel
import Synchronization

/// What one slot is doing, for the heartbeat to tell. The slot's thread writes, the heartbeat's reads;
/// each number stands alone, so that relaxed order suffices.
final class SlotActivity: Sendable {
  let slot: SlotID
  /// Entries listed since the worker started.
  private let entries = Atomic<Int64>(0)
  /// Entries listed in the slice at work.
  private let sliceEntries = Atomic<Int64>(0)
  /// Nanoseconds of the process's clock.
  private let lastProgress = Atomic<Int64>(0)
  /// The heartbeat found the lock in another's hands: the slot gives its slice up.
  private let lockLost = Atomic<Bool>(false)
  private let origin = ContinuousClock.now

  init(slot: SlotID) { self.slot = slot }

  var totalEntries: Int64 { entries.load(ordering: .relaxed) }
  var currentEntries: Int64 { sliceEntries.load(ordering: .relaxed) }

  /// How long ago the slot last got somewhere.
  var idleTime: Duration {
    let now = Self.nanoseconds(ContinuousClock.now - origin)
    return .nanoseconds(now - lastProgress.load(ordering: .relaxed))
  }

  var isLockLost: Bool {
    get { lockLost.load(ordering: .relaxed) }
    set { lockLost.store(newValue, ordering: .relaxed) }
  }

  func beginSlice() {
    sliceEntries.store(0, ordering: .relaxed)
    noteProgress()
  }

  func note(entries count: Int64) {
    entries.wrappingAdd(count, ordering: .relaxed)
    sliceEntries.wrappingAdd(count, ordering: .relaxed)
    noteProgress()
  }

  func noteProgress() {
    lastProgress.store(Self.nanoseconds(ContinuousClock.now - origin), ordering: .relaxed)
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
  }
}
