import BlockingThread
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite("The heartbeat's board")
struct HeartbeatBoardTests {
  private struct Broken: Error {}

  private let board = HeartbeatBoard()
  private let worker = WorkerID(name: "anna", suffix: "1")
  private let lock = HeldLock(slice: .seven, claim: ClaimID())

  private func slot(_ index: Int) -> SlotActivity { SlotActivity(slot: SlotID(worker: worker, index: index)) }

  private func renewed() -> [Int] {
    var slots: [Int] = []
    board.renew { (entries) throws(Never) in
      slots = entries.map(\.slot.index)
      return []
    }
    return slots
  }

  @Test("what is on it is renewed, in the order of the slots, until it leaves")
  func renews() {
    let activities = (0..<3).map(slot)
    for activity in activities.reversed() { board.enter(.pointer, lock, activity: activity) }
    #expect(renewed() == [0, 1, 2])
    board.leave(slot: activities[1].slot)
    #expect(renewed() == [0, 2])
    board.leave(slot: activities[1].slot)
    #expect(renewed() == [0, 2])
  }

  @Test("an empty board asks nobody")
  func empty() throws {
    try board.renew { (_) throws(Broken) in throw Broken() }
  }

  @Test("a lost lock is told to its slot alone, and not renewed until the slot has another")
  func lost() {
    let (first, second) = (slot(0), slot(1))
    board.enter(.pointer, lock, activity: first)
    board.enter(.pointer, lock, activity: second)
    board.renew { (_) throws(Never) in [first.slot] }
    #expect(first.isLockLost && !second.isLockLost)
    #expect(renewed() == [1])
    board.enter(.pointer, lock, activity: first)
    #expect(!first.isLockLost)
    #expect(renewed() == [0, 1])
  }

  @Test("a renewal that fails loses nothing")
  func failedRenewal() {
    let activity = slot(0)
    board.enter(.pointer, lock, activity: activity)
    #expect(throws: Broken.self) { try board.renew { (_) throws(Broken) in throw Broken() } }
    #expect(!activity.isLockLost)
    #expect(renewed() == [0])
  }

  @Test("an entry tells what its slot is at, once that is known")
  func describes() throws {
    let activity = slot(0)
    board.describe(slot: activity.slot, library: "media", kind: .walk)
    #expect(board.entry(of: activity.slot) == nil)
    board.enter(.pointer, lock, activity: activity)
    #expect(try #require(board.entry(of: activity.slot)).kind == nil)
    board.describe(slot: activity.slot, library: "media", kind: .walk)
    let entry = try #require(board.entry(of: activity.slot))
    #expect(entry.library == "media" && entry.kind == .walk && entry.lock == lock && entry.job == .pointer)
  }

  /// Otherwise a renewal on its way could set the lock again after the job's end has deleted it:
  ///
  ///     heartbeat   renew ────────────────────── sets the lock ─ end
  ///     slot               leave ─ finish: deletes the lock
  @Test("whoever leaves waits for the renewal under way")
  func leaveWaits() throws {
    let activity = slot(0)
    board.enter(.pointer, lock, activity: activity)
    let (renewing, leaving, mayEnd) = (StopSignal(), StopSignal(), StopSignal())
    let (renewalIsOver, leftAfterwards) = (StopSignal(), StopSignal())
    let board = board
    let renewal = try BlockingThread(name: "heartbeat") {
      board.renew { (_) throws(Never) in
        renewing.set()
        mayEnd.wait()
        renewalIsOver.set()
        return []
      }
    }
    let leave = try BlockingThread(name: "slot") {
      renewing.wait()
      leaving.set()
      board.leave(slot: activity.slot)
      if renewalIsOver.isSet { leftAfterwards.set() }
    }
    leaving.wait()
    // Nothing tells that a thread stands at a mutex; one that does not wait is through by then.
    mayEnd.wait(for: .milliseconds(50))
    mayEnd.set()
    renewal.join()
    leave.join()
    #expect(leftAfterwards.isSet)
  }
}
