import JobQueue
import ScanModel

@testable import Worker

/// A worker's process under simulation: its slots, its heartbeat and the gate between its slots.
final class SimulatedWorker {
  private enum Life {
    case alive
    /// Stopped by a signal; it knows nothing of it.
    case frozen(until: Duration)
    case dead
  }

  static let renewInterval = Duration.seconds(3)

  let id: WorkerID
  let host: String
  private(set) var slots: [SimulatedSlot] = []
  private unowned let world: Simulation
  private var life = Life.alive
  private var nextBeat = Duration.zero
  private var inside: Set<Int> = []
  /// The slot that is alone at work, where one has to be.
  private(set) var solo: Int?
  private var waitingSolo: Set<Int> = []

  init(_ id: WorkerID, host: String, slots: Int, in world: Simulation) {
    self.id = id
    self.host = host
    self.world = world
    for index in 0..<slots {
      self.slots.append(SimulatedSlot(SlotID(worker: id, index: index), of: self, in: world))
    }
    // Nothing is taken before.
    world.beat(self)
    nextBeat = world.now + Self.renewInterval
  }

  var isAlive: Bool { if case .alive = life { true } else { false } }
  var isDead: Bool { if case .dead = life { true } else { false } }
  var isStopped: Bool { slots.allSatisfy { $0.action == .stop } }
  var isStopping: Bool { slots.contains { $0.isStopping } }

  /// The process is gone, whatever it was doing.
  func die() {
    world.record.deaths.append(SimulationRecord.Death(slots: slots.map(\.id), at: world.now))
    life = .dead
    slots = []
  }

  /// Nothing of the process runs until then, its heartbeat included.
  func freeze(for duration: Duration) { if isAlive { life = .frozen(until: world.now + duration) } }

  func stop() { for slot in slots { slot.stop() } }

  /// When something of this process happens next.
  var readyAt: Duration? {
    let earliest = slots.filter { $0.action != .stop }.map(\.readyAt).min().map { min($0, nextBeat) }
    switch life {
    case .alive: return earliest
    case .frozen(let until): return earliest.map { max($0, until) }
    case .dead: return nil
    }
  }

  /// Lets happen what is due; the slot that took a step.
  func step() -> SimulatedSlot? {
    life = .alive
    if nextBeat <= world.now { beat() }
    guard let slot = slots.filter({ $0.action != .stop }).min(by: { $0.readyAt < $1.readyAt }),
      slot.readyAt <= world.now
    else { return nil }
    slot.step()
    return slot
  }

  /// A beat renews the locks of the slots' jobs, as the board has them, and any of it may be lost.
  private func beat() {
    nextBeat = world.now + Self.renewInterval
    guard (try? world.call(.queue, {})) != nil else { return }
    world.beat(self)
    for slot in slots {
      guard let (job, lock) = slot.held, !world.happens(world.faults.lostReply) else { continue }
      let renewed = world.queue.renew(LockedJob(slot: slot.id, lock: lock, payload: job.payload), in: job.queue)
      if renewed == .lost { slot.loseLock() } else { world.touch(slot.id, lock) }
    }
  }

  // MARK: The gate, as `SoloGate` has it

  func mayEnter(_ slot: Int, alone: Bool) -> Bool {
    if alone { waitingSolo.insert(slot) }
    guard solo == nil, alone ? inside.isEmpty : waitingSolo.isEmpty else { return false }
    inside.insert(slot)
    if alone { solo = slot }
    waitingSolo.remove(slot)
    return true
  }

  func leaveGate(_ slot: Int) {
    inside.remove(slot)
    waitingSolo.remove(slot)
    if solo == slot { solo = nil }
  }

  /// Slots at work while another is alone.
  var isCrowded: Bool { solo != nil && inside.count > 1 }
}
