import JobQueue
import ScanModel
import Synchronization

/// Where slots note which locks they hold, and the heartbeat finds which to renew.
///
/// The mutex is held while locks are renewed. A slot leaves the board before it finishes, hands back or
/// buries its job, and so waits for a renewal under way: none can come after, and bring back a lock that
/// is done with.
final class HeartbeatBoard: Sendable {
  struct Entry: Sendable {
    let job: TakenJob
    let slot: SlotID
    let lock: HeldLock
    let since: ContinuousClock.Instant
    fileprivate let activity: SlotActivity
    /// Known once the slice is claimed in Postgres.
    fileprivate(set) var library: String?
    fileprivate(set) var kind: SliceKind?
  }

  private let entries: Mutex<[Int: Entry]> = Mutex([:])

  func enter(_ job: TakenJob, _ lock: HeldLock, activity: SlotActivity) {
    activity.isLockLost = false
    let entry = Entry(job: job, slot: activity.slot, lock: lock, since: .now, activity: activity)
    entries.withLock { $0[entry.slot.index] = entry }
  }

  func describe(slot: SlotID, library: String, kind: SliceKind) {
    entries.withLock {
      $0[slot.index]?.library = library
      $0[slot.index]?.kind = kind
    }
  }

  func leave(slot: SlotID) { entries.withLock { $0[slot.index] = nil } }

  func entry(of slot: SlotID) -> Entry? { entries.withLock { $0[slot.index] } }

  /// Renews what is on the board while nobody can leave it. `renew` gets the entries whose locks are not
  /// lost, in the order of their slots, and returns the slots whose locks turn out to be: they give up.
  func renew<Failure: Error>(_ renew: ([Entry]) throws(Failure) -> [SlotID]) throws(Failure) {
    try entries.withLock { (entries) throws(Failure) in
      let held = entries.values.filter { !$0.activity.isLockLost }.sorted { $0.slot.index < $1.slot.index }
      guard !held.isEmpty else { return }
      for slot in try renew(held) { entries[slot.index]?.activity.isLockLost = true }
    }
  }
}
