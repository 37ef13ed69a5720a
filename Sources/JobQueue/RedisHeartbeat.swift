import RedisClient
import ScanModel

/// A worker's signs of life in every queue that it serves. The heartbeat's thread owns it, and through it
/// a connection of its own, so that no slot's work can starve it.
public final class RedisHeartbeat {
  private let connection: RedisConnection
  private let prefix: String
  private let worker: WorkerID
  private let queues: [String]

  public init(connection: RedisConnection, prefix: String, worker: WorkerID, queues: [String]) {
    self.connection = connection
    self.prefix = prefix
    self.worker = worker
    self.queues = queues
  }

  /// Registers the worker and writes its heartbeat, in every queue. Comes before the worker's first take,
  /// so that its in-flight lists can be found whatever happens to it. What is wrong with one queue's keys is thrown
  /// after the others have been written.
  ///
  /// - Parameters:
  ///   - json: one line of JSON for people and tools.
  ///   - ttl: after which, without another beat, the worker counts as dead.
  public func beat(json: [UInt8], registration: WorkerRegistration, ttl: Duration) throws(QueueError) {
    let entry = try jsonLine(registration, for: "register worker \(worker)")
    try inEachQueue { (queue) throws(QueueError) in
      let keys = keys(queue)
      try attempting("write the heartbeat to queue \(queue)") { () throws(RedisError) in
        _ = try connection.run(
          JobScripts.beat, keys: [keys.workers, keys.worker(worker)],
          arguments: [worker.field, RedisArgument(entry), RedisArgument(json), RedisArgument(ttl.milliseconds)])
      }
    }
  }

  /// Extends the locks of the jobs that slots of this worker run in one queue, and sets again what Redis
  /// has forgotten.
  ///
  /// - Returns: one outcome for each job, in order.
  public func renew(_ jobs: [LockedJob], in queue: String, lockTTL: Duration) throws(QueueError) -> [RenewOutcome] {
    guard !jobs.isEmpty else { return [] }
    let keys = keys(queue)
    let names = jobs.flatMap { [keys.inflight($0.slot), keys.lock($0.lock.slice)] }
    let words = jobs.flatMap { [$0.lock.token(of: $0.slot), RedisArgument($0.payload)] }
    return try attempting("renew the locks in queue \(queue)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.renew, keys: names, arguments: [RedisArgument(lockTTL.milliseconds)] + words)
      let outcomes = (reply.array ?? []).compactMap { $0.text.flatMap(RenewOutcome.init) }
      guard outcomes.count == jobs.count else { throw connection.unexpected(reply, from: JobScripts.renew) }
      return outcomes
    }
  }

  /// Ends the worker's registration, after its last job was settled. Where an entry is still in flight the
  /// registration stays, so that the entry can be found; the worker is dead either way.
  ///
  /// - Parameter slots: how many slots it had, as in `WorkerRegistration`.
  /// - Returns: whether the worker is registered nowhere any more.
  @discardableResult
  public func unregister(slots: Int) throws(QueueError) -> Bool {
    var left = true
    try inEachQueue { (queue) throws(QueueError) in
      let keys = keys(queue)
      let lists = (0..<slots).map { keys.inflight(SlotID(worker: worker, index: $0)) }
      let reply = try attempting("end the registration in queue \(queue)") { () throws(RedisError) in
        try connection.run(
          JobScripts.leave, keys: [keys.workers, keys.worker(worker)] + lists, arguments: [worker.field])
      }
      left = left && reply == .integer(1)
    }
    return left
  }

  /// An outage ends it at once: it would be waited for in each queue.
  private func inEachQueue(_ body: (String) throws(QueueError) -> Void) throws(QueueError) {
    var refusal: QueueError?
    for queue in queues {
      do { try body(queue) } catch {
        guard !error.isOutage else { throw error }
        refusal = refusal ?? error
      }
    }
    if let refusal { throw refusal }
  }

  private func keys(_ queue: String) -> QueueKeys { QueueKeys(prefix: prefix, queue: queue) }
}

/// A job that a slot runs under a lock, as the heartbeat's board has it.
public struct LockedJob: Sendable, Equatable {
  public let slot: SlotID
  public let lock: HeldLock
  public let payload: [UInt8]

  public init(slot: SlotID, lock: HeldLock, payload: [UInt8]) {
    self.slot = slot
    self.lock = lock
    self.payload = payload
  }
}

public enum RenewOutcome: String, Sendable {
  /// The lock was still this claim's, and lives on.
  case renewed
  /// Redis had forgotten the lock; it is set again, and the job is in flight.
  case restored
  /// Another claim has the lock: the slot gives up without committing.
  case lost
}
