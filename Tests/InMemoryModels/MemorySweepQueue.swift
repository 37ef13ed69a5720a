import JobQueue
import ScanModel

/// A reaper's view of the model. Its portions are small, so that reading in several is tried.
final class MemorySweepQueue: SweepQueue {
  private let server: MemoryQueueServer
  private let reaper: String

  init(server: MemoryQueueServer, reaper: String) {
    self.server = server
    self.reaper = reaper
  }

  func mark(for ttl: Duration) throws(QueueError) -> Bool { !server.markers.insert(reaper).inserted }

  func unmark() throws(QueueError) { server.markers.remove(reaper) }

  func discover(from cursor: ScanCursor?) throws(QueueError) -> Discovery {
    for list in server.inflightLists
    where list.slot.index >= server.registrations[list.queue]?[list.slot.worker] ?? 0 {
      server.register(list.slot.worker, slots: list.slot.index + 1, list.queue)
    }
    return Discovery(queues: Set(server.registrations.filter { !$0.value.isEmpty }.keys), next: nil)
  }

  func workers(of queue: String, from cursor: ScanCursor?) throws(QueueError) -> WorkerPage {
    let all = server.registrations[queue, default: [:]].sorted { $0.key.description < $1.key.description }
    let rest = all.drop { cursor != nil && Array($0.key.description.utf8) != cursor?.bytes }
    let swept = rest.prefix(2).map {
      SweptWorker(worker: $0.key, slots: $0.value, isAlive: server.isAlive($0.key, queue))
    }
    let next = rest.dropFirst(2).first.map { ScanCursor(bytes: Array($0.key.description.utf8)) }
    return WorkerPage(workers: swept, next: next)
  }

  func inflight(of slots: [SlotID], in queue: String) throws(QueueError) -> [InflightEntry] {
    slots.flatMap { slot in
      server.inflight(slot, queue).suffix(10).reversed().map { payload in
        let slice: SliceID? = if case .pointer(let slice)? = try? QueueMessage.parse(payload) { slice } else { nil }
        let isLocked = slice.map { server.lock($0, queue) != nil } ?? false
        return InflightEntry(queue: queue, slot: slot, payload: payload, slice: slice, isLocked: isLocked)
      }
    }
  }

  func reap(_ entry: InflightEntry, as reason: ReapReason) throws(QueueError) -> ReapOutcome {
    if let slice = entry.slice, server.lock(slice, entry.queue) != nil { return .alive }
    if reason == .dead, server.isAlive(entry.slot.worker, entry.queue) { return .alive }
    guard server.remove(TakenJob(queue: entry.queue, payload: entry.payload), entry.slot) else { return .gone }
    server.put(entry.payload, on: entry.queue, at: .front)
    return .returned
  }

  func forget(_ worker: WorkerID, slots: Int, in queue: String) throws(QueueError) -> Bool {
    let lists = (0..<slots).map { server.inflight(SlotID(worker: worker, index: $0), queue) }
    guard !server.isAlive(worker, queue), lists.allSatisfy(\.isEmpty) else { return false }
    server.registrations[queue]?[worker] = nil
    return true
  }

  func missing(_ slices: [SliceID], from queue: String) throws(QueueError) -> [SliceID] {
    slices.filter {
      server.lock($0, queue) == nil && !server.waiting(queue).contains(QueueMessage.pointerBytes($0))
    }
  }

  func push(_ slices: [SliceID], to queue: String) throws(QueueError) {
    for slice in slices { server.put(QueueMessage.pointerBytes(slice), on: queue, at: .back) }
  }
}
