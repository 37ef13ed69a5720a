import Catalog
import Foundation
import InMemoryModels
import JobQueue
import ScanModel
import Testing

/// What must hold whatever goes wrong.
@Suite("Simulated slots")
struct SimulationTests {
  /// More than any seed needs many times over: a livelock, not a slow run.
  private static let steps = 200_000
  /// How long an entry of a dead worker may lie in flight when neither its heartbeat nor a lock keeps it there: some
  /// rounds of a reaper.
  private static let recovery = Duration.seconds(10)
  /// When nothing goes wrong any more, the longest time in which nobody claims a slice: a pointer that is lost
  /// waits for the next comparison.
  private static let stall = Duration.seconds(60)

  @Test("every scan ends, counts its tree exactly once, and leaves nothing behind", arguments: 0..<600)
  func endsExactly(seed: UInt64) {
    let world = Simulation(seed: seed)
    for library in world.libraries.keys.sorted() { world.request(library, on: "default") }
    var mischief = Mischief(in: world)
    var steps = 0
    var calmSince = Duration.zero
    while true {
      if mischief.go(on: world) { calmSince = world.now } else if steps % 8 == 0, world.isQuiet { break }
      steps += 1
      guard steps < Self.steps, steps % 8 != 0 || goesOn(world, calmSince: calmSince) else {
        Issue.record("no end after \(world.now): \(world.standing)")
        return
      }
      advance(world)
      // A raw request that Redis forgot is for its producer to repeat.
      if steps % 500 == 0 { requestAgain(world) }
    }
    stopAll(world)
    expectScansDone(in: world)
    expectNoNeedlessRecovery(in: world)
    #expect(world.queue.allLocks.isEmpty, "locks are left")
    #expect(world.queue.inflightLists.isEmpty, "jobs are left in flight")
  }

  private func advance(_ world: Simulation) {
    guard let slot = world.step() else { return }
    if case .work(let claim) = slot.action {
      let running = world.catalog.slices(of: claim.slice.scan).count { $0.state == .running }
      #expect(running <= claim.rules.maxParallel, "\(running) slices at work at once")
    }
    #expect(world.workers.allSatisfy { !$0.isCrowded }, "a slice that failed before is not alone")
    #expect(world.record.crowded == 0, "a slice that failed before is not alone")
    if slot.isStopping {
      #expect(slot.actionsSinceStop < 12, "a slot does not stop")
    }
  }

  private func requestAgain(_ world: Simulation) {
    let known = Set(world.scans.map(\.library))
    for library in world.libraries.keys.sorted() where !known.contains(library) {
      world.request(library, on: "default")
    }
  }

  private func stopAll(_ world: Simulation) {
    world.isClosing = true
    for worker in world.workers { worker.stop() }
    while !world.workers.isEmpty {
      guard let slot = world.step() else { continue }
      #expect(slot.actionsSinceStop < 12, "a slot does not stop")
    }
  }

  private func expectScansDone(in world: Simulation) {
    for scan in world.scans {
      if scan.errorMessage?.hasPrefix("pre-flight failed: no room") == true {
        expectRejected(scan, in: world)
        continue
      }
      let tree = world.tree(of: scan.library)
      let visible = tree.visible
      #expect(scan.status == (visible.leftOut.isEmpty ? .completed : .partial))
      #expect((world.leftOut[scan.library] ?? []).sorted() == visible.leftOut.sorted())
      #expect(scan.counters.errors == Int64(visible.leftOut.count))
      #expect(scan.counters.directoriesSeen == visible.directories)
      #expect(scan.counters.filesSeen == visible.files)
      #expect(scan.counters.bytesSeen == Decimal(visible.bytes))
      #expect(world.catalog.slices(of: scan.id).isEmpty)
      let shared = world.catalog.shares(of: scan.id).values.reduce(0) { $0 + $1.entries }
      #expect(shared == visible.directories + visible.files, "the workers' shares are not the whole")
    }
    #expect(Set(world.scans.map(\.library)).count == world.libraries.count)
  }

  /// Nothing of the scan was done.
  private func expectRejected(_ scan: ScanRecord, in world: Simulation) {
    #expect(scan.status == .failed && world.severity != .peace)
    #expect(scan.counters.directoriesSeen == 0 && scan.counters.filesSeen == 0)
    #expect(world.catalog.slices(of: scan.id).isEmpty)
    #expect(world.catalog.shares(of: scan.id).isEmpty)
  }

  // MARK: Recovery

  /// Whether what died is made up for in time.
  private func goesOn(_ world: Simulation, calmSince: Duration) -> Bool {
    if world.severity == .deaths {
      world.noteStranded()
      if let (slot, since) = world.record.stranded.first(where: { $0.value + Self.recovery < world.now }) {
        Issue.record("what \(slot) had is left in flight since \(since)")
        return false
      }
    }
    guard world.now - max(world.record.lastProgress, calmSince) > Self.stall else { return true }
    return !world.scans.contains { $0.status.isActive }
  }

  /// Nothing is made up for that has not gone wrong.
  private func expectNoNeedlessRecovery(in world: Simulation) {
    let record = world.record
    let redone = world.scans.reduce(0) { $0 + $1.counters.slicesRedone }
    switch world.severity {
    case .peace:
      #expect(record.repairs == 0)
      #expect(record.returned == [])
      #expect(record.mostAttempts == 0 && record.failures == 0)
      #expect(redone == 0)
    case .deaths:
      let dead = record.deadSlots
      #expect(dead.isSuperset(of: record.returned), "something was taken from a living worker")
      #expect(Set(record.attempts).isSubset(of: dead.map(\.description)))
      #expect(Set(record.attempts).count == record.attempts.count, "one death cost two attempts")
      #expect(redone <= Int64(dead.count + record.failures))
      #expect(record.repairs <= record.deaths.count * Simulation.mostParallel)
    case .everything:
      let silent = record.missedBeats.union(record.deadSlots.map(\.worker)).map(\.description)
      for slot in record.attempts {
        #expect(silent.contains(SlotID.worker(in: slot).description), "\(slot) lived, and cost an attempt")
      }
    }
  }
}
