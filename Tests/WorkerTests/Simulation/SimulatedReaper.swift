import Catalog
import InMemoryModels
import JobQueue
import Reaper
import ScanModel

/// A reaper under simulation: its machine, and what performs the machine's actions on the models, as the
/// driver does on the servers.
final class SimulatedReaper {
  private var machine: ReaperMachine
  private let queue: any SweepQueue
  private let catalog: MemoryRepairCatalog
  private unowned let world: Simulation
  /// What is under way, and when it ends.
  private var action: ReaperMachine.Action
  private(set) var readyAt: Duration

  init(_ name: String, in world: Simulation) {
    self.world = world
    queue = world.queue.sweepQueue(of: name)
    catalog = world.catalog.repairCatalog { [unowned world] in world.now }
    let pace = ReaperPace(sweep: .seconds(2), reconcile: .seconds(30), cleanup: .seconds(300), lockTTL: Simulation.ttl)
    machine = ReaperMachine(pace: pace, queues: [Simulation.queues[0]], random: world.generator())
    action = machine.start(now: world.now)
    readyAt = world.now
  }

  /// Performs what is under way, and begins what comes next.
  func step() {
    let event = perform(action)
    action = machine.handle(event, now: world.now, stopping: false)
    if case .wait(let duration) = action {
      readyAt = world.now + duration
    } else {
      readyAt = world.now + world.duration(.milliseconds(1)...(.milliseconds(20)))
    }
  }

  private func perform(_ action: ReaperMachine.Action) -> ReaperMachine.Event {
    do {
      return try answer(action)
    } catch Simulation.Away.queue {
      return .queueAway
    } catch Simulation.Away.catalog {
      return .catalogAway
    } catch {
      preconditionFailure("the models do not fail: \(error)")
    }
  }

  private func answer(_ action: ReaperMachine.Action) throws -> ReaperMachine.Event {
    switch action {
    case .mark: return try onQueue { .marked(wasThere: try queue.mark(for: .seconds(3_600))) }
    case .discover(let cursor): return try onQueue { .discovered(try queue.discover(from: cursor)) }
    case .listQueues: return try onCatalog { .queues(try catalog.queues()) }
    case .look(let name, let cursor): return try onQueue { .workers(try queue.workers(of: name, from: cursor)) }
    case .read(_, let slots, let name): return try onQueue { .entries(try queue.inflight(of: slots, in: name)) }
    case .reap(let entry, let reason):
      return try onQueue {
        let outcome = try queue.reap(entry, as: reason)
        if outcome == .returned { world.record.returned.append(entry.slot) }
        return .reaped(outcome)
      }
    case .forget(let worker, let name):
      _ = try onQueue { try queue.forget(worker.worker, slots: worker.slots, in: name) }
    case .record(let returned): try onCatalog { try catalog.record(returned, by: "reaper") }
    case .pageSlices(let after):
      return try onCatalog { .openSlices(try catalog.openSlices(after: after, limit: ReaperMachine.page)) }
    case .suspect(let slices, let name), .confirm(let slices, let name):
      return try onQueue { .missing(try queue.missing(slices.map(\.slice), from: name)) }
    case .repair(let lost, _):
      return try onCatalog {
        let repaired = try catalog.repair(lost, by: "reaper")
        world.record.repairs += repaired.count
        return .repaired(repaired)
      }
    case .push(let slices, let name): try onQueue { try queue.push(slices, to: name) }
    case .pageScans(let after):
      return try onCatalog { .adrift(try catalog.scansAdrift(after: after, limit: ReaperMachine.page)) }
    case .mend(let scan):
      return try onCatalog {
        let repairs = try catalog.mend(scan, by: "reaper")
        world.record.repairs += repairs.count
        return .mended(repairs)
      }
    case .dropLeftSlices:
      _ = try onCatalog { try catalog.dropLeftSlices(limit: ReaperMachine.page, by: "reaper") }
    case .wait: return .waited
    case .stop: preconditionFailure("nothing to perform")
    }
    return .done
  }

  private func onQueue<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.queue, deed)
  }

  private func onCatalog<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.catalog, deed)
  }
}
