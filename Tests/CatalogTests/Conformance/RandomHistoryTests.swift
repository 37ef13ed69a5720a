import Catalog
import ScanModel
import Testing

/// Long random histories of three slots on one scan, step for step on the model and on Postgres: both must
/// give the same answers, and look the same after each step.
@Suite struct RandomHistoryTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `the model and Postgres answer a random history alike`(_ seed: UInt64) throws {
    var choices = SeededGenerator(seed: seed)
    let maxParallel = Int.random(in: 1...4, using: &choices)
    let model = try RandomHistory(.memory, maxParallel: maxParallel)
    let real = try RandomHistory(.postgres, maxParallel: maxParallel)
    for step in 0..<150 {
      var same = choices
      let expected = try model.step(using: &choices)
      let answer = try real.step(using: &same)
      guard answer == expected, try model.look() == real.look() else {
        Issue.record("seed \(seed), step \(step): the model says \(expected), Postgres \(answer)")
        return
      }
      if choices.state != same.state { Issue.record("the histories took different ways") }
      if try !model.isActive { break }
    }
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private(set) var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private final class RandomHistory {
  private let fixture: any CatalogFixture
  private let slots: [any WalkingCatalog]
  private let scan: ScanID
  private var claims: [SliceClaim?] = [nil, nil, nil]
  /// Names must not clash, whoever finds them.
  private var names = 0

  init(_ implementation: CatalogUnderTest, maxParallel: Int) throws {
    fixture = try implementation.make()
    scan = try fixture.admitScan(maxParallel: maxParallel)
    let fixture = fixture
    slots = try ["a", "b", "c"].map { try fixture.slot($0, maxAttempts: 4) }
  }

  var isActive: Bool {
    get throws { try fixture.status(of: scan).isActive }
  }

  func look() throws -> String {
    "\(try fixture.status(of: scan)) \(try fixture.counters(of: scan)) \(try fixture.slices(of: scan))"
  }

  /// One random act of a random slot, or of a user; what it was answered.
  func step(using choices: inout SeededGenerator) throws -> String {
    let index = Int.random(in: 0..<slots.count, using: &choices)
    let act = Int.random(in: 0..<100, using: &choices)
    let size = Int.random(in: 0...5, using: &choices)
    let slot = slots[index]
    guard let claim = claims[index] else { return "claim: \(try claimAny(index, using: &choices))" }
    switch act {
    case 0..<55: return "commit: \(try commit(claim, slot, finding: act < 35 ? 0 : size))"
    case 55..<65:
      claims[index] = nil
      return "release: \(try afterTakeover { try slot.release(claim) })"
    case 65..<70:
      claims[index] = nil
      return "fail: \(try afterTakeover { try slot.fail(claim, message: "m") })"
    case 70..<75:
      claims[index] = nil
      return "refuse: \(try afterTakeover { try slot.refuse(claim, hosts: ["a", "b", "c", "d"], message: "m") })"
    // Forgets its claim, as a worker that dies does; others take the slice over.
    case 75..<85: claims[index] = nil
    case 85..<90: try fixture.pause(scan)
    default: try fixture.resume(scan)
    }
    return "-"
  }

  private func claimAny(_ index: Int, using choices: inout SeededGenerator) throws -> String {
    let numbers = try fixture.slices(of: scan).filter { $0.state != .ready }.map(\.number)
    guard let number = numbers.randomElement(using: &choices) else { return "none" }
    let standing = try afterTakeover { try slots[index].standing(of: scan.slice(number)) }
    let staleness: Int32 = Int.random(in: 0..<5, using: &choices) == 0 ? 1 : 0
    if case .done(let queued, _) = standing { return "done: \(queued)" }
    guard case .open(let epoch, _, _, _) = standing else { return "\(standing)" }
    claims[index] = try slots[index].claim(
      scan.slice(number), epoch: epoch - staleness, as: ClaimID(), holderDied: staleness == 0 && number % 2 == 0)
    guard let claim = claims[index] else { return "superseded" }
    let names = Dictionary(uniqueKeysWithValues: claim.frontier.directories.map { ($0.id, $0.name) })
    return "\(claim.slice) \(claim.kind) \(claim.epoch) \(claim.attempts) \(claim.entriesSeen) "
      + "\(names.count) \(claim.frontier.visits.map { names[$0] }) \(claim.culprit.map { "\(names[$0] ?? [])" } ?? "-") "
      + "\(claim.lastFailure ?? "-")"
  }

  private func commit(_ claim: SliceClaim, _ slot: any WalkingCatalog, finding count: Int) throws -> String {
    let index = claims.firstIndex(of: claim) ?? 0
    claims[index] = nil
    do {
      if claim.kind == .finalise { return try afterTakeover { "\(try slot.end(claim))" } }
      var results = SliceResults()
      let names = (0..<count).map { "\(self.names + $0)" }
      self.names += count
      let parent = claim.frontier.visits[0]
      let rest = Array(claim.frontier.visits.dropFirst())
      let stays = claim.isCareful && !(rest.isEmpty && names.isEmpty)
      results.filesAdded = Int64(count) * 10
      results.directoriesSeen = Int64(claim.frontier.visits.count)
      return try afterTakeover {
        results.frontier = try slot.find(names, below: parent, for: claim)
        guard stays else { return "\(try slot.commit(claim, results))" }
        results.frontier += rest
        let checkpoint = try slot.checkpoint(claim, results)
        claims[index] = checkpoint.claim
        return "\(checkpoint.queued) \(checkpoint.claim.frontier.visits.count)"
      }
    } catch let error as CatalogError {
      return error.description
    }
  }
}
