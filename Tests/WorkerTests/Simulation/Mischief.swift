import InMemoryModels
import JobQueue
import ScanModel
import TestSupport

/// What producers, operators and accidents do to a simulation, until it is over.
struct Mischief {
  private enum Deed: CaseIterable {
    case request, duplicate, garbage, stop, kill, lapse, outage, freeze, forgetOne, forgetAll

    static func possible(in severity: Simulation.Severity) -> [Self] {
      switch severity {
      case .peace: [.request, .duplicate, .garbage, .stop]
      case .deaths: [.request, .duplicate, .garbage, .stop, .kill]
      case .everything: allCases
      }
    }
  }

  private let until: Duration
  private var next = Duration.zero
  private let pause: ClosedRange<Duration>
  private let deeds: [Deed]

  init(in world: Simulation) {
    until = world.duration(.seconds(2)...(.seconds(60)))
    pause = .zero...world.duration(.milliseconds(100)...(.seconds(10)))
    var faults = Simulation.Faults()
    if world.severity == .everything {
      faults.lostReply = Double.random(in: 0...0.15, using: &world.random)
      faults.refusal = Double.random(in: 0...0.15, using: &world.random)
    }
    if world.severity != .peace {
      faults.unready = Double.random(in: 0...0.1, using: &world.random)
      faults.work = Double.random(in: 0...0.1, using: &world.random)
      faults.death = Bool.random(using: &world.random) ? Double.random(in: 0...0.005, using: &world.random) : 0
    }
    world.faults = faults
    deeds = Deed.possible(in: world.severity)
  }

  /// Does what is due. False when it is all over.
  mutating func go(on world: Simulation) -> Bool {
    guard world.now < until else {
      world.faults = Simulation.Faults()
      return false
    }
    while next <= world.now {
      next += world.duration(pause) + .milliseconds(1)
      deeds.randomElement(using: &world.random).map { commit($0, on: world) }
    }
    return true
  }

  private func commit(_ deed: Deed, on world: Simulation) {
    switch deed {
    case .request: pushRequest(on: world)
    case .duplicate: pushDuplicate(on: world)
    case .garbage: world.queue.push([0xff, 0x00, 0x7b], to: anyQueue(world))
    case .stop: world.workers.filter { !$0.isStopping }.randomElement(using: &world.random)?.stop()
    case .kill:
      guard let worker = world.workers.randomElement(using: &world.random) else { return }
      worker.die()
      world.remove(worker)
    case .freeze:
      world.workers.randomElement(using: &world.random)?.freeze(for: world.duration(.zero...(.seconds(40))))
    case .forgetOne: forgetOne(on: world)
    case .forgetAll:
      world.queue.forget()
      world.missBeats()
    case .lapse:
      if let token = world.queue.allLocks.randomElement(using: &world.random) { world.queue.expireLock(token: token) }
    case .outage:
      let server: Simulation.Away = Bool.random(using: &world.random) ? .queue : .catalog
      world.backAt[server] = world.now + world.duration(.zero...(.seconds(8)))
    }
  }

  private func forgetOne(on world: Simulation) {
    let queue = anyQueue(world)
    switch Int.random(in: 0..<4, using: &world.random) {
    case 0: world.queue.forgetWaiting(queue)
    case 1: world.slotIDs.randomElement(using: &world.random).map { world.queue.forgetInflight($0, queue) }
    case 2:
      guard let worker = world.workers.randomElement(using: &world.random) else { return }
      world.queue.expireHeartbeat(worker.id, queue)
      world.record.missedBeats.insert(worker.id)
    default: world.queue.allLocks.randomElement(using: &world.random).map { world.queue.expireLock(token: $0) }
    }
  }

  private func anyQueue(_ world: Simulation) -> String {
    Simulation.queues.randomElement(using: &world.random) ?? Simulation.queues[0]
  }

  private func pushRequest(on world: Simulation) {
    let library = world.libraries.keys.sorted().randomElement(using: &world.random) ?? ""
    world.request(library, id: Bool.random(using: &world.random) ? "once-\(library)" : nil, on: anyQueue(world))
  }

  /// A pointer that was on the queue before, wherever its slice stands now.
  private func pushDuplicate(on world: Simulation) {
    let slices = world.scans.flatMap { scan in
      world.catalog.slices(of: scan.id).filter { $0.state != .ready }.map { SliceID(scan: scan.id, number: $0.number) }
    }
    let ended = world.scans.first.map { SliceID(scan: $0.id, number: 1) }
    guard let slice = slices.randomElement(using: &world.random) ?? ended else { return }
    world.queue.push(QueueMessage.pointerBytes(slice), to: anyQueue(world))
  }
}

extension Simulation {
  func request(_ library: String, id: String? = nil, on queue: String) {
    let id = id.map { #","request_id":"\#($0)""# } ?? ""
    self.queue.push(Array(#"{"library":"\#(library)"\#(id)}"#.utf8), to: queue)
  }
}
