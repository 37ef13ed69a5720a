import Catalog
import InMemoryModels
import JobQueue
import ScanModel

@testable import Worker

/// A slot under simulation: its machine, and what performs the machine's actions on the models, as the
/// driver does on the servers.
final class SimulatedSlot {
  let id: SlotID
  let host: String
  private var machine: SlotMachine
  private let queue: any SlotQueue
  private let catalog: MemorySlotCatalog
  private unowned let world: Simulation
  /// What is under way, and when it ends.
  private(set) var action: SlotMachine.Action
  private(set) var readyAt: Duration
  private(set) var isStopping = false
  private(set) var actionsSinceStop = 0
  /// Whether the queue failed it after it was told to stop: only then it may leave work in flight.
  private(set) var queueFailedStop = false

  init(_ id: SlotID, host: String, in world: Simulation) {
    self.id = id
    self.host = host
    self.world = world
    machine = SlotMachine(worker: id.worker, retryInterval: .seconds(2), random: world.generator())
    queue = world.queue.slot(id, queues: Simulation.queues)
    catalog = world.catalog.slotCatalog(for: id, host: host, maxAttempts: 1_000)
    action = machine.start()
    readyAt = world.now
  }

  /// A stop ends waits at once and work soon.
  func stop() {
    isStopping = true
    switch action {
    case .wait: readyAt = world.now
    case .work: readyAt = min(readyAt, world.now + .seconds(1))
    default: break
    }
  }

  /// Performs what is under way, and begins what comes next.
  func step() {
    let event = perform(action)
    action = machine.handle(event, stopping: isStopping)
    readyAt = world.now + duration(of: action)
    if isStopping { actionsSinceStop += 1 }
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

  private func perform(_ action: SlotMachine.Action) -> SlotMachine.Event {
    do {
      switch action {
      case .ping: return try onCatalog { .pinged }
      case .look: return try onQueue { .job(try queue.ownInflight()) }
      case .take: return try onQueue { .job(try queue.take(wait: .zero)) }
      case .admit(let request): return try onCatalog { .admitted(try catalog.admit(request)) }
      case .inspect(let slice): return try onCatalog { .standing(try catalog.standing(of: slice)) }
      case .lock(let job, let lock):
        return try onQueue { .locked(try queue.claim(job, slice: lock.slice, claim: lock.claim)) }
      case .findHolder(let worker, let queue):
        return try onQueue { .holder(isAlive: try self.queue.isAlive(worker, queue: queue)) }
      case .enter: return .entered(true)
      case .claim(let lock, let epoch, let holderDied):
        return try onCatalog {
          .claimed(try catalog.claim(lock.slice, epoch: epoch, as: lock.claim, holderDied: holderDied))
        }
      case .work(let claim): return try onCatalog { .worked(try work(claim)) }
      case .release(let claim): return try onCatalog { .ceded(try catalog.release(claim) ? .requeued : .fenced) }
      case .fail(let claim, let message): return try onCatalog { .ceded(try catalog.fail(claim, message: message)) }
      case .refuse(let claim, let message):
        let hosts = try onQueue { world.hosts }
        return try onCatalog { .ceded(try catalog.refuse(claim, hosts: hosts, message: message)) }
      case .finish(let job, let lock, let successors):
        let pointers = successors.slices.map(QueueMessage.pointerBytes)
        if successors.queue == job.queue || pointers.isEmpty {
          try onQueue { try queue.finish(job, lock: lock, pushing: pointers) }
        } else {
          try onQueue { try queue.push(pointers, to: successors.queue) }
          try onQueue { try queue.finish(job, lock: lock) }
        }
      case .handBack(let job, let lock, let end): try onQueue { try queue.handBack(job, lock: lock, to: end) }
      case .bury(let job, let reason): try onQueue { try queue.bury(job, lock: nil, reason: reason) }
      case .wait: return .waited
      case .stop: preconditionFailure("nothing to perform")
      }
      return .settled
    } catch Simulation.Away.queue {
      queueFailedStop = queueFailedStop || isStopping
      return .queueAway
    } catch Simulation.Away.catalog {
      return .catalogAway
    } catch {
      preconditionFailure("the models throw nothing else: \(error)")
    }
  }

  private func work(_ claim: SliceClaim) throws -> SlotMachine.WorkOutcome {
    guard world.canOpen(claim.libraryName, on: host) else { return .rootUnavailable(message: "mount_missing") }
    if isStopping, world.happens(0.5) { return .interrupted }
    if world.happens(world.faults.work) { return world.happens(0.5) ? .interrupted : .failed(message: "broken") }
    do throws(CatalogError) {
      guard claim.kind == .walk else {
        _ = try catalog.end(claim)
        return .committed(queued: [])
      }
      let results = try world.tree(of: claim.libraryName).walk(
        claim.frontier, entries: isStopping ? 1 : world.budget
      ) { (name, parent) throws(CatalogError) in try catalog.sendDirectory(name: name, in: parent) }
      return .committed(queued: try catalog.commit(claim, results))
    } catch {
      catalog.abandon(claim)
      guard case .fenced = error else { throw error }
      return .superseded
    }
  }

  @discardableResult
  private func onQueue<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.queue, deed)
  }

  private func onCatalog<Answer>(_ deed: () throws -> Answer) throws -> Answer {
    try world.call(.catalog, deed)
  }
}
