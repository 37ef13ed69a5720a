import Foundation
import InMemoryModels
import JobQueue
import ScanModel
import Testing

/// What must hold whatever goes wrong, short of a slot that dies: its work is the reaper's to return.
@Suite("Simulated slots")
struct SimulationTests {
  /// More than any seed needs many times over: a livelock, not a slow run.
  private static let steps = 200_000

  @Test("every scan ends, counts its tree exactly once, and leaves nothing behind", arguments: 0..<600)
  func endsExactly(seed: UInt64) {
    let world = Simulation(seed: seed)
    for library in world.libraries.keys.sorted() { world.request(library, on: "default") }
    var mischief = Mischief(in: world)
    var steps = 0
    while mischief.go(on: world) || !world.isQuiet {
      steps += 1
      guard steps < Self.steps else {
        Issue.record("no end after \(world.now): \(world.standing)")
        return
      }
      advance(world)
    }
    stopAll(world)
    expectScansDone(in: world)
    #expect(world.queue.allLocks.isEmpty, "locks are left")
    #expect(world.slotIDs.allSatisfy { world.inflight(of: $0).isEmpty }, "jobs are left in flight")
  }

  private func advance(_ world: Simulation) {
    guard let slot = world.step() else { return }
    if case .work(let claim) = slot.action {
      let running = world.catalog.slices(of: claim.slice.scan).count { $0.state == .running }
      #expect(running <= claim.rules.maxParallel, "\(running) slices at work at once")
    }
    if slot.isStopping {
      #expect(slot.actionsSinceStop < 12, "a slot does not stop")
    }
    if slot.action == .stop { replace(slot, in: world) }
  }

  /// A new incarnation takes a stopped slot's place. What a stop amid faults left in flight is returned, as
  /// the reaper will do when the locks' time to live is over.
  private func replace(_ slot: SimulatedSlot, in world: Simulation) {
    leave(slot, world)
    world.slots.removeAll { $0 === slot }
    world.startSlot(slot.id.index, on: slot.host)
  }

  private func leave(_ slot: SimulatedSlot, _ world: Simulation) {
    let (jobs, locks) = (world.inflight(of: slot.id), world.locks(of: slot.id))
    #expect(slot.queueFailedStop || (jobs.isEmpty && locks.isEmpty), "\(slot.id) stopped with work in hand")
    for lock in locks { world.queue.expireLock(token: lock) }
    let queue = world.queue.slot(slot.id, queues: Simulation.queues)
    for job in jobs {
      #expect(throws: Never.self) { try queue.handBack(job, lock: nil, to: .front) }
    }
  }

  private func stopAll(_ world: Simulation) {
    for slot in world.slots { slot.stop() }
    while let slot = world.step() {
      #expect(slot.actionsSinceStop < 12, "a slot does not stop")
      guard slot.action == .stop else { continue }
      leave(slot, world)
      world.slots.removeAll { $0 === slot }
    }
  }

  private func expectScansDone(in world: Simulation) {
    for scan in world.scans {
      let tree = world.tree(of: scan.library)
      #expect(scan.status == .completed)
      #expect(scan.counters.directoriesSeen == Int64(tree.directories.count))
      #expect(scan.counters.filesSeen == tree.files)
      #expect(scan.counters.bytesSeen == Decimal(tree.bytes))
      #expect(world.catalog.slices(of: scan.id).isEmpty)
      let shared = world.catalog.shares(of: scan.id).values.reduce(0) { $0 + $1.entries }
      #expect(shared == Int64(tree.directories.count) + tree.files, "the workers' shares are not the whole")
    }
    #expect(Set(world.scans.map(\.library)).count == world.libraries.count)
  }
}
