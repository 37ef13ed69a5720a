import ScanModel

/// What the reaper needs of the queues, and no more: one of the two narrow protocols through which its
/// steps reach the world. Every call may fail after the deed was done, and every call may be repeated;
/// several reapers may be at it at once. Each reads and writes a bounded portion. One thread owns it.
public protocol SweepQueue: AnyObject {
  /// Sets the reaper's marker anew.
  ///
  /// - Returns: whether it was still there; if not, Redis has lost its data, or this is the first call.
  func mark(for ttl: Duration) throws(QueueError) -> Bool

  /// Ends the marker.
  func unmark() throws(QueueError)

  /// Looks through a portion of all keys for queues that are in use, and registers the workers of in-flight
  /// lists that no registration names.
  ///
  /// - Parameter cursor: of the portion before; `nil` for the first.
  func discover(from cursor: ScanCursor?) throws(QueueError) -> Discovery

  /// A portion of the workers that are registered in a queue; it may name one twice.
  func workers(of queue: String, from cursor: ScanCursor?) throws(QueueError) -> WorkerPage

  /// The oldest entries of some slots' in-flight lists.
  func inflight(of slots: [SlotID], in queue: String) throws(QueueError) -> [InflightEntry]

  /// Returns an entry to the front of its queue, unless its slice's lock or, for an entry of a dead worker,
  /// the worker's heartbeat is there.
  func reap(_ entry: InflightEntry, as reason: ReapReason) throws(QueueError) -> ReapOutcome

  /// Ends the registration of a worker without heartbeat whose slots' in-flight lists are all empty.
  ///
  /// - Returns: whether it is not registered (any more).
  func forget(_ worker: WorkerID, slots: Int, in queue: String) throws(QueueError) -> Bool

  /// Those of some slices that have no lock and no pointer on the queue; in-flight lists are not looked at.
  func missing(_ slices: [SliceID], from queue: String) throws(QueueError) -> [SliceID]

  /// Puts the slices' pointers at the back of a queue, in order. Not all may be there after an error.
  func push(_ slices: [SliceID], to queue: String) throws(QueueError)
}

/// Where a reading in portions stands.
public struct ScanCursor: Sendable, Hashable {
  /// Redis's own, which is to be sent back as it came.
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }
}

public struct Discovery: Sendable, Equatable {
  /// Queues that have workers or in-flight lists.
  public let queues: Set<String>
  /// `nil`: that was all.
  public let next: ScanCursor?

  public init(queues: Set<String>, next: ScanCursor?) {
    self.queues = queues
    self.next = next
  }
}

public struct WorkerPage: Sendable, Equatable {
  public let workers: [SweptWorker]
  /// `nil`: that was all.
  public let next: ScanCursor?

  public init(workers: [SweptWorker], next: ScanCursor?) {
    self.workers = workers
    self.next = next
  }
}

/// A registered worker as the reaper sees it.
public struct SweptWorker: Sendable, Hashable {
  public let worker: WorkerID
  /// 0 where its registration cannot be read.
  public let slots: Int
  /// Whether it has a heartbeat.
  public let isAlive: Bool

  public init(worker: WorkerID, slots: Int, isAlive: Bool) {
    self.worker = worker
    self.slots = slots
    self.isAlive = isAlive
  }
}

/// An entry of an in-flight list as the reaper sees it.
public struct InflightEntry: Sendable, Hashable {
  public let queue: String
  public let slot: SlotID
  /// The exact bytes.
  public let payload: [UInt8]
  /// `nil` for what is no slice's pointer: a request, or garbage.
  public let slice: SliceID?
  /// Whether somebody holds the slice's lock.
  public let isLocked: Bool

  public init(queue: String, slot: SlotID, payload: [UInt8], slice: SliceID?, isLocked: Bool) {
    self.queue = queue
    self.slot = slot
    self.payload = payload
    self.slice = slice
    self.isLocked = isLocked
  }
}

public enum ReapReason: String, Sendable {
  /// The slot's worker has no heartbeat.
  case dead
  /// It has, and the entry's slice was seen without a lock on two sweeps.
  case unlocked
}

public enum ReapOutcome: String, Sendable {
  /// The entry is at the front of its queue.
  case returned
  /// The lock or the heartbeat is there (again).
  case alive
  /// The entry is not in the in-flight list (any more).
  case gone
}
