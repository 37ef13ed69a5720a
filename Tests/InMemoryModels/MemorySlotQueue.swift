import JobQueue
import ScanModel

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
    server.bury(BuriedJob(payload: job.payload, reason: reason, worker: slot.worker), job.queue)
    return true
  }

  func isAlive(_ worker: WorkerID, queue: String) throws(QueueError) -> Bool { server.isAlive(worker, queue) }

  func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError) {
    for pointer in pointers { server.put(pointer, on: queue, at: .back) }
  }
}
