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

  /// How likely each call is to go wrong.
  struct Faults {
    /// The deed is done, and an error returned.
    var lostReply = 0.0
    /// Nothing is done.
    var refusal = 0.0
    /// The work on a slice fails or is interrupted.
    var work = 0.0
  }

  static let queues = ["default", "media"]

  let queue = MemoryQueueServer()
  let catalog = MemoryCatalog()
  let hosts: [String]
  let budget: Int64
  let libraries: [String: SimulatedTree]
  /// Libraries that the second host does not see.
  private let unmounted: Set<String>
  private(set) var now = Duration.zero
  var faults = Faults()
  /// When each server answers again.
  var backAt: [Away: Duration] = [:]
  var slots: [SimulatedSlot] = []
  /// All slots that ever were.
  private(set) var slotIDs: [SlotID] = []
  var random: SeededRandom

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let names = ["a", "b", "c"].prefix(Int.random(in: 1...3, using: &random))
    libraries = Dictionary(uniqueKeysWithValues: names.map { ($0, SimulatedTree(using: &random)) })
    hosts = Bool.random(using: &random) ? ["north"] : ["north", "south"]
    unmounted = Set(names.filter { _ in Bool.random(using: &random) })
    budget = Int64.random(in: 1...200, using: &random)
    self.random = random
    for name in names {
      let rules = LibraryRules(
        queue: Self.queues[Int.random(in: 0...1, using: &self.random)],
        maxParallel: Int.random(in: 1...5, using: &self.random))
      catalog.addLibrary(name: name, rootPath: "/\(name)", rules: rules)
    }
    for index in 0..<Int.random(in: 1...6, using: &self.random) { startSlot(index, on: hosts[index % hosts.count]) }
  }

  func startSlot(_ index: Int, on host: String) {
    let slot = SlotID(worker: WorkerID(name: host, suffix: "\(slotIDs.count)"), index: index)
    slotIDs.append(slot)
    slots.append(SimulatedSlot(slot, host: host, in: self))
  }

  /// Moves the clock to the next slot that has something to do, and lets it do that.
  func step() -> SimulatedSlot? {
    guard let slot = slots.min(by: { $0.readyAt < $1.readyAt }) else { return nil }
    now = max(now, slot.readyAt)
    slot.step()
    return slot
  }

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

  func locks(of slot: SlotID) -> [String] { queue.allLocks.filter { $0.hasPrefix("\(slot)/") } }

  /// Every library has been scanned, every scan has ended, and nobody has anything left to do.
  var isQuiet: Bool {
    Self.queues.allSatisfy { queue.waiting($0).isEmpty } && slotIDs.allSatisfy { inflight(of: $0).isEmpty }
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
