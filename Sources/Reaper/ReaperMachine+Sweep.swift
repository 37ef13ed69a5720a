import Catalog
import JobQueue
import ScanModel

/// The sweep: which entries of in-flight lists go back.
extension ReaperMachine {
  mutating func discovered(_ discovery: Discovery, _ now: Duration) {
    if found.count < Self.mostKept { found.formUnion(discovery.queues) }
    discoveredQueues.formUnion(discovery.queues)
    portions += 1
    guard let next = discovery.next else {
      discoveredQueues = found
      found = []
      search = .due(at: lateSearch ?? now + pace.cleanup)
      lateSearch = nil
      return
    }
    search = .under(next)
    if portions < Self.portionsPerRound { agenda.append(.discover(next)) }
  }

  mutating func looked(_ queue: String, _ page: WorkerPage, _ now: Duration) {
    if let next = page.next { agenda.append(.look(queue: queue, next)) }
    let isDoubtful = doubtfulUntil.map { now < $0 } ?? false
    for worker in page.workers {
      let worker = SweptWorker(
        worker: worker.worker, slots: worker.slots, isAlive: worker.isAlive || isDoubtful)
      if !worker.isAlive { agenda.append(.forget(worker, queue: queue)) }
      for first in stride(from: 0, to: worker.slots, by: Self.slotsPerRead).reversed() {
        let indices = first..<min(first + Self.slotsPerRead, worker.slots)
        agenda.append(.read(worker, indices.map { SlotID(worker: worker.worker, index: $0) }, queue: queue))
      }
    }
  }

  mutating func read(_ action: Action, _ worker: SweptWorker, _ queue: String, _ entries: [InflightEntry]) {
    if inflight.count < Self.mostKept { inflight.formUnion(entries.compactMap(\.slice)) }
    let free = entries.filter { !$0.isLocked }
    guard worker.isAlive else {
      let times = lastRead.flatMap { $0.lists == action ? $0.times : nil } ?? 0
      let isStuck = times > 0 && lastRead?.returned == 0
      lastRead = (action, times + 1, 0)
      guard !free.isEmpty, !isStuck else { return }
      // A read shows the oldest entries: there may be more.
      if times + 1 < Self.readsPerTurn { agenda.append(action) } else { unread.append(action) }
      agenda += free.reversed().map { .reap($0, .dead) }
      return
    }
    for entry in free {
      guard let slice = entry.slice else { continue }
      let sighting = Sighting(queue: queue, slot: entry.slot, slice: slice)
      if sightings.last.contains(sighting) {
        agenda.append(.reap(entry, .unlocked))
      } else if sightings.now.count < Self.mostKept {
        sightings.now.insert(sighting)
      }
    }
  }

  mutating func reaped(_ entry: InflightEntry, _ reason: ReapReason, _ outcome: ReapOutcome) {
    guard outcome == .returned else { return }
    lastRead?.returned += 1
    guard let slice = entry.slice, returned.count < Self.mostKept else { return }
    returned.append(ReturnedSlice(slice: slice, slot: entry.slot, reason: reason.rawValue))
  }
}
