import ScanModel

/// A slot's view of the queues that its worker serves: what the slot's steps need, and no more.
///
///     queue ──take──► in flight ──claim──► in flight, locked ──finish──► nothing, or the next pointers
///       ▲                 │                       │
///       └───hand back─────┴───────────────────────┤
///                                                 └──bury──► dead
///
/// Every call may fail after the deed was done (a lost reply), and every call may be repeated. After a
/// failed `take` the job may lie in the slot's own in-flight list: an idle slot asks `ownInflight` first.
/// One thread owns a slot's queue; the calls block it, `take` for at most a second plus a deadline.
public protocol SlotQueue: AnyObject {
  /// The oldest job that this slot has taken and not yet finished, from any of its queues; it stays where
  /// it is.
  func ownInflight() throws(QueueError) -> TakenJob?

  /// Moves the next job into this slot's in-flight list: from the first queue, in the given order, that
  /// has one; else from whichever queue is waited on, for at most `wait` and at most 1 s.
  func take(wait: Duration) throws(QueueError) -> TakenJob?

  /// Takes or refreshes the slice's lock for a job that is in flight here.
  func claim(_ job: TakenJob, slice: SliceID, claim: ClaimID) throws(QueueError) -> ClaimOutcome

  /// Ends a job and pushes the pointers that follow from it to the back of the job's queue, which happens
  /// also if the job's entry is not there (any more).
  ///
  /// - Parameter lock: what `claim` got, to be released.
  /// - Returns: whether an entry was there.
  @discardableResult
  func finish(_ job: TakenJob, lock: HeldLock?, pushing pointers: [[UInt8]]) throws(QueueError) -> Bool

  /// Returns a job to its queue; costs no attempt.
  ///
  /// - Returns: whether an entry was there; only then one was put back.
  @discardableResult
  func handBack(_ job: TakenJob, lock: HeldLock?, to end: QueueEnd) throws(QueueError) -> Bool

  /// Moves a job that nobody can do to the dead list, with the reason (one line) and its exact bytes.
  ///
  /// - Returns: whether an entry was there; only then one was buried.
  @discardableResult
  func bury(_ job: TakenJob, lock: HeldLock?, reason: String) throws(QueueError) -> Bool

  /// Whether a worker's heartbeat is in `queue`: one that serves the queue and gives no sign is dead.
  func isAlive(_ worker: WorkerID, queue: String) throws(QueueError) -> Bool

  /// Puts pointers at the back of a queue, in order. Not all of them may be there after an error.
  func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError)
}

extension SlotQueue {
  @discardableResult
  public func finish(_ job: TakenJob, lock: HeldLock?) throws(QueueError) -> Bool {
    try finish(job, lock: lock, pushing: [])
  }
}

/// An entry of a slot's in-flight list.
public struct TakenJob: Sendable, Equatable {
  /// The queue that it came from.
  public let queue: String
  /// The exact bytes, by which the entry is found again.
  public let payload: [UInt8]

  public init(queue: String, payload: [UInt8]) {
    self.queue = queue
    self.payload = payload
  }
}

/// The lock of a slice under one claim of it; with the slot, the whole of the lock's token.
public struct HeldLock: Sendable, Equatable {
  public let slice: SliceID
  public let claim: ClaimID

  public init(slice: SliceID, claim: ClaimID) {
    self.slice = slice
    self.claim = claim
  }
}

public enum ClaimOutcome: String, Sendable {
  /// The lock is this claim's, for the lock's whole time to live from now on.
  case claimed
  /// Another claim holds the lock. The job has left this slot's in-flight list.
  case held
  /// The job is not in this slot's in-flight list (any more). Nothing has changed.
  case gone
}

/// Where a job that is handed back goes.
public enum QueueEnd: String, Sendable {
  /// It is taken next.
  case front
  /// It is taken after all that is waiting now.
  case back
}
