import Catalog
import InMemoryModels
import JobQueue
import ScanModel
import TestSupport

/// Slots on models of queue and catalogue, under a clock that only events move and a scheduler and faults
/// that a seed gives. `Mischief` adds what others do meanwhile.
final class Simulation {
  /// A server does not answer.
  enum Away: Error { case queue, catalog }

  /// What may go wrong.
  enum Severity: Int, CaseIterable {
    /// Nothing; workers come and go in order.
    case peace
    /// Workers die and slices fail; both servers keep all they have, and answer.
    case deaths
    case everything
  }

  /// How likely each call is to go wrong.
  struct Faults {
    /// The deed is done, and an error returned.
    var lostReply = 0.0
    /// Nothing is done.
    var refusal = 0.0
    /// A scan must not begin.
    var unready = 0.0
    /// The work on a slice fails or is interrupted.
    var work = 0.0
    /// The worker dies in the middle of an action, after the deed.
    var death = 0.0
  }

  /// Time to live of locks and heartbeats.
  static let ttl = Duration.seconds(10)
  /// More than accidents can bring about in a row: what is left out is poisonous.
  static let maxAttempts = 12

  static let queues = ["default", "media"]
  /// Slices of a scan at once.
  static let mostParallel = 5

  let queue = MemoryQueueServer()
  let catalog = MemoryCatalog()
  let severity: Severity
  var record = SimulationRecord()
  let hosts: [String]
  let budget: Int64
  let libraries: [String: SimulatedTree]
  /// Libraries that the second host does not see.
  private let unmounted: Set<String>
  private(set) var now = Duration.zero
  var faults = Faults()
  /// When each server answers again.
  var backAt: [Away: Duration] = [:]
  private(set) var workers: [SimulatedWorker] = []
  private var reapers: [SimulatedReaper] = []
  private var incarnations = 0
  /// When locks and heartbeats were last set, by their tokens and workers.
  private var touched: [String: Duration] = [:]
  private var beats: [WorkerID: Duration] = [:]
  /// Directories that were left out, by library.
  private(set) var leftOut: [String: [Int]] = [:]
  /// All slots that ever were.
  private(set) var slotIDs: [SlotID] = []
  var random: SeededRandom

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    severity = Severity.allCases[Int(seed % 3)]
    let names = ["a", "b", "c"].prefix(Int.random(in: 1...3, using: &random))
    let isPoisoned = severity != .peace && Int.random(in: 0...2, using: &random) == 0
    let poison = isPoisoned ? Int.random(in: 1...2, using: &random) : 0
    libraries = Dictionary(
      uniqueKeysWithValues: names.map { name in
        var tree = SimulatedTree(using: &random)
        tree.poison(poison, using: &random)
        return (name, tree)
      })
    hosts = Bool.random(using: &random) ? ["north"] : ["north", "south"]
    unmounted = Set(names.filter { _ in Bool.random(using: &random) })
    budget = Int64.random(in: 1...200, using: &random)
    self.random = random
    for name in names {
      let rules = LibraryRules(
        queue: Self.queues[Int.random(in: 0...1, using: &self.random)],
        maxParallel: Int.random(in: 1...Self.mostParallel, using: &self.random))
      catalog.addLibrary(name: name, rootPath: "/\(name)", rules: rules)
    }
    for index in 0..<Int.random(in: 1...3, using: &self.random) { startWorker(on: hosts[index % hosts.count]) }
    for index in 0..<Int.random(in: 1...2, using: &self.random) {
      reapers.append(SimulatedReaper("reaper-\(index)", in: self))
    }
  }

  func startWorker(on host: String) {
    incarnations += 1
    let slots = Int.random(in: 1...3, using: &random)
    let worker = SimulatedWorker(
      WorkerID(name: host, suffix: "\(incarnations)"), host: host, slots: slots, in: self)
    slotIDs += worker.slots.map(\.id)
    workers.append(worker)
  }

  var slots: [SimulatedSlot] { workers.flatMap(\.slots) }

  /// Moves the clock to whatever happens next, and lets it happen; the slot that took a step.
  func step() -> SimulatedSlot? {
    let next = workers.compactMap { worker in worker.readyAt.map { ($0, worker) } }.min { $0.0 < $1.0 }
    let reaper = reapers.min { $0.readyAt < $1.readyAt }
    if let reaper, next.map({ reaper.readyAt < $0.0 }) ?? true {
      now = max(now, reaper.readyAt)
      expire()
      reaper.step()
      return nil
    }
    guard let (time, worker) = next else { return nil }
    now = max(now, time)
    expire()
    let slot = worker.step()
    if worker.isStopped || worker.isDead { remove(worker) }
    return slot
  }

  /// Dead or stopped workers are gone; so that work goes on, some host always comes back that sees all.
  func remove(_ worker: SimulatedWorker) {
    workers.removeAll { $0 === worker }
    if !isClosing, happens(0.7) || !workers.contains(where: { $0.host == hosts[0] }) { startWorker(on: hosts[0]) }
  }

  /// From now on nobody comes back.
  var isClosing = false

  /// A lock is set or renewed.
  func touch(_ slot: SlotID, _ lock: HeldLock) { touched["\(slot)/\(lock.claim)"] = now }

  func beat(_ worker: SimulatedWorker) {
    beats[worker.id] = now
    for queue in Self.queues {
      self.queue.register(worker.id, slots: worker.slots.count, queue)
      self.queue.beat(worker.id, queue)
    }
  }

  /// The server has lost all heartbeats.
  func missBeats() { record.missedBeats.formUnion(beats.keys) }

  /// What nobody has renewed in time goes.
  private func expire() {
    for (worker, beat) in beats where beat + Self.ttl <= now {
      for queue in Self.queues { self.queue.expireHeartbeat(worker, queue) }
      record.missedBeats.insert(worker)
      beats[worker] = nil
    }
    for (token, time) in touched where time + Self.ttl <= now {
      queue.expireLock(token: token)
      touched[token] = nil
    }
  }

  func leaveOut(_ directory: Int, of library: String) { leftOut[library, default: []].append(directory) }

  /// A call on a server, with whatever goes wrong with it.
  func call<Answer>(_ server: Away, _ deed: () throws -> Answer) throws -> Answer {
    if now < backAt[server, default: .zero] || happens(faults.refusal) { throw server }
    let answer = try deed()
    if happens(faults.lostReply) { throw server }
    return answer
  }

  func happens(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }

  func duration(_ range: ClosedRange<Duration>) -> Duration {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double.random(in: 0...1, using: &random)
  }

  /// A generator of a sequence of its own.
  func generator() -> SeededRandom { SeededRandom(seed: random.next()) }

  func tree(of library: String) -> SimulatedTree {
    guard let tree = libraries[library] else { preconditionFailure("no library \(library)") }
    return tree
  }

  func canOpen(_ library: String, on host: String) -> Bool { host == hosts[0] || !unmounted.contains(library) }
}

extension Simulation {
  /// Scans are numbered in the order of their admission.
  var scans: [ScanRecord] {
    var scans: [ScanRecord] = []
    while let scan = catalog.scan(ScanID(Int64(scans.count + 1))) { scans.append(scan) }
    return scans
  }

  func inflight(of slot: SlotID) -> [TakenJob] {
    Self.queues.flatMap { queue in
      self.queue.inflight(slot, queue).map { TakenJob(queue: queue, payload: $0) }
    }
  }

  /// Notes the entries of dead workers that are only there because no reaper has returned them.
  func noteStranded() {
    let dead = record.deadSlots
    let lists = queue.inflightLists.filter { list in
      dead.contains(list.slot) && !queue.isAlive(list.slot.worker, list.queue)
        && queue.inflight(list.slot, list.queue).contains { !isLocked($0, list.queue) }
    }
    let since = Dictionary(lists.map { ($0.slot, record.stranded[$0.slot] ?? now) }, uniquingKeysWith: min)
    record.stranded = since
  }

  private func isLocked(_ payload: [UInt8], _ name: String) -> Bool {
    guard case .pointer(let slice)? = try? QueueMessage.parse(payload) else { return false }
    return queue.lock(slice, name) != nil
  }

  /// Every library has been scanned, every scan has ended, and nobody has anything left to do.
  var isQuiet: Bool {
    Self.queues.allSatisfy { queue.waiting($0).isEmpty } && queue.inflightLists.isEmpty && queue.allLocks.isEmpty
      && Set(scans.map(\.library)).count == libraries.count && scans.allSatisfy { !$0.status.isActive }
  }

  /// Where a simulation that does not end stands, for whoever looks into it.
  var standing: String {
    var lines = ["locks \(queue.allLocks)"]
    for scan in scans {
      let slices = catalog.slices(of: scan.id).filter { $0.state != .done }
      lines.append(
        "scan \(scan.id) \(scan.status): " + slices.map { "\($0.number) \($0.state)" }.joined(separator: ", "))
    }
    for queue in Self.queues { lines.append("\(queue): " + text(self.queue.waiting(queue))) }
    for slot in slots { lines.append("\(slot.id) \(slot.action): " + text(inflight(of: slot.id).map(\.payload))) }
    return lines.joined(separator: "\n")
  }

  private func text(_ payloads: [[UInt8]]) -> String {
    payloads.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
  }
}
