import JobQueue
import ScanModel

/// Stands in for the reaper: returns what dead workers have in flight, and pushes pointers anew of open
/// slices that nobody has.
final class SimulatedReaper {
  private static let sweepInterval = Duration.seconds(2)

  private unowned let world: Simulation
  private(set) var readyAt = Duration.zero
  /// What a live worker has without a lock, as the last sweep saw it.
  private var unlocked: Set<String> = []
  /// Slices without lock or entry, as the last sweep saw them.
  private var stray: Set<SliceID> = []

  init(_ world: Simulation) { self.world = world }

  func step() {
    readyAt = world.now + Self.sweepInterval
    guard (try? world.call(.queue, {})) != nil else { return }
    returnOrphans()
    repairStrays()
  }

  private func returnOrphans() {
    var seen: Set<String> = []
    for slot in world.slotsWithJobs {
      for job in world.inflight(of: slot) {
        let isAlive = world.queue.isAlive(slot.worker, job.queue)
        guard isReturnable(job, isAlive: isAlive) else { continue }
        let name = "\(slot) \(job.queue) \(job.payload)"
        seen.insert(name)
        if !isAlive || unlocked.contains(name) { giveBack(job, of: slot) }
      }
    }
    unlocked = seen
  }

  private func isReturnable(_ job: TakenJob, isAlive: Bool) -> Bool {
    do throws(QueueMessage.Garbage) {
      switch try QueueMessage.parse(job.payload) {
      case .pointer(let slice): return world.queue.lock(slice, job.queue) == nil
      case .request: return !isAlive
      }
    } catch {
      return !isAlive
    }
  }

  private func giveBack(_ job: TakenJob, of slot: SlotID) {
    let queue = world.queue.slot(slot, queues: Simulation.queues)
    do { try queue.handBack(job, lock: nil, to: .front) } catch {
      preconditionFailure("the model does not fail: \(error)")
    }
  }

  private func repairStrays() {
    let active = world.activeScans.filter { $0.status != .paused }
    guard !active.isEmpty else { return stray = [] }
    let entries =
      Simulation.queues.flatMap { world.queue.waiting($0) }
      + world.slotsWithJobs.flatMap { world.inflight(of: $0).map(\.payload) }
    let known = Set(entries)
    var seen: Set<SliceID> = []
    for scan in active {
      for row in world.catalog.slices(of: scan.id) where row.state == .queued || row.state == .running {
        let slice = SliceID(scan: scan.id, number: row.number)
        let isLocked = Simulation.queues.contains { world.queue.lock(slice, $0) != nil }
        guard !isLocked, !known.contains(QueueMessage.pointerBytes(slice)) else { continue }
        seen.insert(slice)
        if stray.contains(slice) { world.queue.push(QueueMessage.pointerBytes(slice), to: scan.queue) }
      }
    }
    stray = seen
  }
}
