import Foundation
import ScanModel

@testable import JobQueue

/// The model of the queue: what the scripts' contracts say, in plain Swift. Not safe for several threads.
final class MemoryQueueServer: QueueWorld {
  /// The next job to be taken comes first.
  private var queues: [String: [[UInt8]]] = [:]
  /// The newest first, by queue and slot.
  private var lists: [String: [[UInt8]]] = [:]
  private var locks: [String: String] = [:]
  private var dead: [String: [BuriedMessage]] = [:]

  func slot(_ slot: SlotID, queues: [String]) -> any SlotQueue {
    MemorySlotQueue(server: self, slot: slot, queues: queues)
  }

  func waiting(_ queue: String) -> [[UInt8]] { queues[queue, default: []] }
  func inflight(_ slot: SlotID, _ queue: String) -> [[UInt8]] { lists["\(queue) \(slot)", default: []] }
  func buried(_ queue: String) -> [BuriedMessage] { dead[queue, default: []] }
  func lock(_ slice: SliceID, _ queue: String) -> String? { locks["\(queue) \(slice)"] }
  func setLock(_ slice: SliceID, _ queue: String, to token: String) { locks["\(queue) \(slice)"] = token }

  func forget() {
    queues = [:]
    lists = [:]
    locks = [:]
    dead = [:]
  }

  func take(_ queue: String, _ slot: SlotID) -> TakenJob? {
    guard let payload = queues[queue]?.first else { return nil }
    queues[queue]?.removeFirst()
    lists["\(queue) \(slot)", default: []].insert(payload, at: 0)
    return TakenJob(queue: queue, payload: payload)
  }

  /// Removes one copy and says whether there was one.
  func remove(_ job: TakenJob, _ slot: SlotID) -> Bool {
    guard let index = lists["\(job.queue) \(slot)"]?.firstIndex(of: job.payload) else { return false }
    lists["\(job.queue) \(slot)"]?.remove(at: index)
    return true
  }

  func release(_ lock: HeldLock?, _ queue: String, _ slot: SlotID) {
    guard let lock, self.lock(lock.slice, queue) == "\(slot)/\(lock.claim)" else { return }
    locks["\(queue) \(lock.slice)"] = nil
  }

  func put(_ payload: [UInt8], on queue: String, at end: QueueEnd) {
    switch end {
    case .front: queues[queue, default: []].insert(payload, at: 0)
    case .back: queues[queue, default: []].append(payload)
    }
  }

  func bury(_ message: BuriedMessage, _ queue: String) { dead[queue, default: []].insert(message, at: 0) }
}

/// A slot's view of the model. It never waits: nobody else could push meanwhile.
final class MemorySlotQueue: SlotQueue {
  private let server: MemoryQueueServer
  private let slot: SlotID
  private let queues: [String]

  init(server: MemoryQueueServer, slot: SlotID, queues: [String]) {
    self.server = server
    self.slot = slot
    self.queues = queues
  }

  func ownInflight() throws(QueueError) -> TakenJob? {
    for queue in queues {
      if let payload = server.inflight(slot, queue).last { return TakenJob(queue: queue, payload: payload) }
    }
    return nil
  }

  func take(wait: Duration) throws(QueueError) -> TakenJob? {
    for queue in queues {
      if let job = server.take(queue, slot) { return job }
    }
    return nil
  }

  func claim(_ job: TakenJob, slice: SliceID, claim: ClaimID) throws(QueueError) -> ClaimOutcome {
    guard server.inflight(slot, job.queue).contains(job.payload) else { return .gone }
    let token = "\(slot)/\(claim)"
    let holder = server.lock(slice, job.queue)
    if holder == nil || holder == token {
      server.setLock(slice, job.queue, to: token)
      return .claimed
    }
    _ = server.remove(job, slot)
    return .held
  }

  func finish(_ job: TakenJob, lock: HeldLock?, pushing pointers: [[UInt8]]) throws(QueueError) -> Bool {
    server.release(lock, job.queue, slot)
    try push(pointers, to: job.queue)
    return server.remove(job, slot)
  }

  func handBack(_ job: TakenJob, lock: HeldLock?, to end: QueueEnd) throws(QueueError) -> Bool {
    server.release(lock, job.queue, slot)
    guard server.remove(job, slot) else { return false }
    server.put(job.payload, on: job.queue, at: end)
    return true
  }

  func bury(_ job: TakenJob, lock: HeldLock?, reason: String) throws(QueueError) -> Bool {
    server.release(lock, job.queue, slot)
    guard server.remove(job, slot) else { return false }
    server.bury(BuriedMessage(job.payload, reason: reason, worker: slot.worker), job.queue)
    return true
  }

  func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError) {
    for pointer in pointers { server.put(pointer, on: queue, at: .back) }
  }
}
