import Catalog
import InMemoryModels
import JobQueue
import ScanModel

@testable import Worker

/// A slot under simulation: its machine, and what performs the machine's actions on the models, as the
/// driver does on the servers.
final class SimulatedSlot {
  /// A slot waits for its turn.
  private struct NotYet: Error {}
  /// The process died in the middle of an action.
  private struct Died: Error {}

  let id: SlotID
  private var machine: SlotMachine
  private let queue: any SlotQueue
  private let catalog: MemorySlotCatalog
  private unowned let world: Simulation
  private unowned let worker: SimulatedWorker
  /// What is under way, and when it ends.
  private(set) var action: SlotMachine.Action
  private(set) var readyAt: Duration
  private(set) var isStopping = false
  private(set) var actionsSinceStop = 0
  /// What is on the heartbeat's board.
  private(set) var held: (job: TakenJob, lock: HeldLock)?
  private var isLockLost = false

  init(_ id: SlotID, of worker: SimulatedWorker, in world: Simulation) {
    self.id = id
    self.worker = worker
    self.world = world
    machine = SlotMachine(worker: id.worker, retryInterval: .seconds(2), random: world.generator())
    queue = world.queue.slot(id, queues: Simulation.queues)
    catalog = world.catalog.slotCatalog(for: id, host: worker.host, maxAttempts: Simulation.maxAttempts)
    action = machine.start()
    readyAt = world.now
  }

  /// A stop ends waits at once and work soon.
  func stop() {
    isStopping = true
    switch action {
    case .wait, .enter: readyAt = world.now
    case .work: readyAt = min(readyAt, world.now + .seconds(1))
    default: break
    }
  }

  func loseLock() { isLockLost = true }

  /// Performs what is under way, and begins what comes next.
  func step() {
    do {
      let event = try perform(action)
      action = machine.handle(event, stopping: isStopping)
      readyAt = world.now + duration(of: action)
      if isStopping { actionsSinceStop += 1 }
    } catch is NotYet {
      readyAt = world.now + .milliseconds(50)
    } catch {
      worker.die()
    }
  }

  private func duration(of action: SlotMachine.Action) -> Duration {
    switch action {
    case .wait where isStopping: .zero
    case .wait(let duration): duration
    case .work: world.duration(.milliseconds(50)...(.seconds(3)))
    case .take where Simulation.queues.allSatisfy { world.queue.waiting($0).isEmpty }: .seconds(1)
    default: world.duration(.milliseconds(1)...(.milliseconds(20)))
    }
  }

  private func perform(_ action: SlotMachine.Action) throws -> SlotMachine.Event {
    switch action {
    case .claim, .preflight, .work, .enter: break
    default: worker.leaveGate(id.index)
    }
    do {
      let event = try answer(action)
      if world.happens(world.faults.death) { throw Died() }
      return event
    } catch Simulation.Away.queue {
      return .queueAway
    } catch Simulation.Away.catalog {
      return .catalogAway
    }
  }

  private func answer(_ action: SlotMachine.Action) throws -> SlotMachine.Event {
    switch action {
    case .ping: return try onCatalog { .pinged }
    case .look:
      held = nil
      return try onQueue { .job(try queue.ownInflight()) }
    case .take: return try onQueue { .job(try queue.take(wait: .zero)) }
    case .admit(let request): return try onCatalog { .admitted(try catalog.admit(request)) }
    case .inspect(let slice): return try onCatalog { .standing(try catalog.standing(of: slice)) }
    case .lock(let job, let lock): return try self.lock(job, lock)
    case .findHolder(let worker, let queue):
      return try onQueue { .holder(isAlive: try self.queue.isAlive(worker, queue: queue)) }
    case .enter(_, let alone):
      if isStopping || isLockLost { return .entered(false) }
      guard worker.mayEnter(id.index, alone: alone) else {
        // As if another slot hung.
        if alone, world.happens(0.02) { return .gaveWay }
        throw NotYet()
      }
      return .entered(true)
    case .claim(let lock, let epoch, let holderDied):
      return try onCatalog { .claimed(try claim(lock, epoch, holderDied: holderDied)) }
    case .preflight(let claim): return try onCatalog { .preflighted(try preflight(claim)) }
    case .work(let claim): return try onCatalog { .worked(try work(claim)) }
    case .release(let claim): return try onCatalog { .ceded(try catalog.release(claim) ? .requeued : .fenced) }
    case .fail(let claim, let message):
      return try onCatalog {
        let verdict = try catalog.fail(claim, message: message)
        if verdict != .fenced { world.record.failures += 1 }
        return .ceded(verdict)
      }
    case .refuse(let claim, let message):
      let hosts = try onQueue { world.hosts }
      return try onCatalog { .ceded(try catalog.refuse(claim, hosts: hosts, message: message)) }
    case .reject(let claim, let findings): return try onCatalog { .ceded(try catalog.reject(claim, findings)) }
    case .finish(let job, let lock, let successors): try finish(job, lock, successors)
    case .handBack(let job, let lock, let end):
      held = nil
      try onQueue { try queue.handBack(job, lock: lock, to: end) }
    case .bury(let job, let reason):
      held = nil
      try onQueue { try queue.bury(job, lock: nil, reason: reason) }
    case .wait: return .waited
    case .stop: preconditionFailure("nothing to perform")
    }
    return .settled
  }

  private func lock(_ job: TakenJob, _ lock: HeldLock) throws -> SlotMachine.Event {
    let outcome = try onQueue { () throws -> ClaimOutcome in
      let outcome = try queue.claim(job, slice: lock.slice, claim: lock.claim)
      if outcome == .claimed { world.touch(id, lock) }
      return outcome
    }
    held = outcome == .claimed ? (job, lock) : nil
    isLockLost = false
    return .locked(outcome)
  }

  private func claim(_ lock: HeldLock, _ epoch: Int32, holderDied: Bool) throws -> SliceClaim? {
    let former = world.catalog.slices(of: lock.slice.scan).first { $0.number == lock.slice.number }
    guard let claim = try catalog.claim(lock.slice, epoch: epoch, as: lock.claim, holderDied: holderDied) else {
      return nil
    }
    world.record.lastProgress = world.now
    world.record.mostAttempts = max(world.record.mostAttempts, claim.attempts)
    if let former, claim.attempts > former.attempts { world.record.attempts.append(former.worker ?? "nobody") }
    return claim
  }

  private func finish(_ job: TakenJob, _ lock: HeldLock?, _ successors: SlotMachine.Successors) throws {
    held = nil
    let pointers = successors.slices.map(QueueMessage.pointerBytes)
    if successors.queue == job.queue || pointers.isEmpty {
      try onQueue { try queue.finish(job, lock: lock, pushing: pointers) }
    } else {
      try onQueue { try queue.push(pointers, to: successors.queue) }
      try onQueue { try queue.finish(job, lock: lock) }
    }
  }

  private func preflight(_ claim: SliceClaim) throws(CatalogError) -> [PreflightFinding] {
    if world.happens(world.faults.unready) {
      return [PreflightFinding(.postgresRoom, .failure(advice: "make room"), "no room")]
    }
    _ = try catalog.proveRoom(bytes: ScanPreflight.room)
    return []
  }

  private func work(_ claim: SliceClaim) throws -> SlotMachine.WorkOutcome {
    if claim.attempts > 0, worker.solo != id.index { world.record.crowded += 1 }
    guard world.canOpen(claim.libraryName, on: worker.host) else { return .rootUnavailable(message: "mount_missing") }
    if isStopping, world.happens(0.5) { return .interrupted }
    if isLockLost { return .superseded }
    if world.happens(world.faults.work) { return world.happens(0.5) ? .interrupted : .failed(message: "broken") }
    do {
      guard claim.kind == .walk else {
        _ = try catalog.end(claim)
        return .committed(queued: [])
      }
      if claim.isCareful, catalog.hasUsedItsAttempts(claim) { return .failed(message: "used its attempts up") }
      if claim.isCareful { return .committed(queued: try walkCarefully(claim)) }
      let results = try walk(claim, claim.frontier, entries: isStopping ? 1 : world.budget)
      return .committed(queued: try catalog.commit(claim, results))
    } catch CatalogError.fenced {
      catalog.abandon(claim)
      return .superseded
    }
  }

  private func walk(_ claim: SliceClaim, _ frontier: SliceFrontier, entries: Int64) throws -> SliceResults {
    try world.tree(of: claim.libraryName).walk(frontier, entries: entries) { name, parent in
      try catalog.sendDirectory(name: name, in: parent)
    }
  }

  /// As `CarefulWalk` does it; the process may die between any two commits.
  private func walkCarefully(_ first: SliceClaim) throws -> [SliceID] {
    var claim = first
    var queued: [SliceID] = []
    if let culprit = claim.culprit {
      let results = SliceResults(leavingOut: culprit, of: claim)
      let name = claim.frontier.directories.first { $0.id == culprit }?.name ?? []
      if results.frontier.isEmpty {
        queued = try catalog.commit(claim, results)
        world.leaveOut(SimulatedTree.number(name), of: claim.libraryName)
        return queued
      }
      (claim, queued) = try checkpoint(claim, results)
      world.leaveOut(SimulatedTree.number(name), of: first.libraryName)
    }
    let suspects = Set(claim.frontier.visits)
    var entries: Int64 = 0
    while let next = claim.frontier.visits.first {
      let frontier = SliceFrontier(directories: claim.frontier.directories, visits: [next])
      var results = try walk(claim, frontier, entries: 0)
      let rest = claim.frontier.visits.dropFirst()
      let waiting = rest.prefix { suspects.contains($0) }.count
      results.frontier = rest.prefix(waiting) + results.frontier + rest.dropFirst(waiting)
      entries += results.entries
      if results.frontier.isEmpty || entries >= world.budget || isStopping {
        return queued + (try end(claim, results, keeping: waiting))
      }
      let (goesOn, more) = try checkpoint(claim, results)
      (claim, queued) = (goesOn, queued + more)
    }
    return queued + (try catalog.commit(claim, SliceResults()))
  }

  private func end(_ claim: SliceClaim, _ results: SliceResults, keeping waiting: Int) throws -> [SliceID] {
    guard waiting > 0 else { return try catalog.commit(claim, results) }
    let checkpoint = try catalog.checkpoint(claim, results, keeping: waiting)
    if world.happens(world.faults.death) { throw Died() }
    guard try catalog.release(checkpoint.claim) else { throw CatalogError.fenced }
    return checkpoint.queued + [claim.slice]
  }

  private func checkpoint(_ claim: SliceClaim, _ results: SliceResults) throws -> (SliceClaim, [SliceID]) {
    let checkpoint = try catalog.checkpoint(claim, results)
    if world.happens(world.faults.death) { throw Died() }
    return (checkpoint.claim, checkpoint.queued)
  }

  @discardableResult
  private func onQueue<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.queue, deed)
  }

  private func onCatalog<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.catalog, deed)
  }
}
