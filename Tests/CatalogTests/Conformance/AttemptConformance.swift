import Catalog
import ScanModel
import Testing

/// What counts as an attempt, what as a slice that ran twice, and what becomes of a slice that fails.
@Suite struct AttemptConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `a takeover from a dead worker counts an attempt, from a living one none; both ran twice`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    _ = try fixture.slot("a").claim(scan.slice(1))
    let living = try fixture.slot("b").claim(scan.slice(1), epoch: 1, as: ClaimID(), holderDied: false)
    #expect(living?.attempts == 0)
    #expect(
      try fixture.slot("c").standing(of: scan.slice(1))
        == .open(epoch: 2, holder: SlotID.named("b").worker, queue: "default"))
    let dead = try fixture.slot("c").claim(scan.slice(1), epoch: 2, as: ClaimID(), holderDied: true)
    #expect(dead?.attempts == 1)
    #expect(dead?.lastFailure == "worker b-1/0 died")
    let standing = SliceStanding.open(epoch: 3, attempts: 1, holder: SlotID.named("c").worker, queue: "default")
    #expect(try fixture.slot("d").standing(of: scan.slice(1)) == standing)
    #expect(try fixture.counters(of: scan).slicesRedone == 2)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a worker that claims its own slice again counts no attempt, also by another slot`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let worker = WorkerID(name: "w", suffix: "1")
    let slots = try (0..<2).map {
      try fixture.slotCatalog(SlotID(worker: worker, index: $0), host: "h", maxAttempts: 3)
    }
    for epoch: Int32 in 0..<4 {
      let claim = try afterTakeover {
        try slots[Int(epoch) % 2].claim(scan.slice(1), epoch: epoch, as: ClaimID(), holderDied: true)
      }
      #expect(claim?.attempts == 0)
    }
    #expect(try fixture.counters(of: scan).slicesRedone == 3)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a slice that was handed back, or whose claim's reply was lost, did not run twice`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a"), try fixture.slot("b"))
    #expect(try a.release(try a.claim(scan.slice(1))))
    let id = ClaimID()
    for epoch: Int32 in 1...2 {
      let claim = try #require(try b.claim(scan.slice(1), epoch: epoch, as: id, holderDied: true))
      #expect(claim.attempts == 0)
    }
    #expect(try fixture.counters(of: scan).slicesRedone == 0)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a walk slice that fails goes back to the queue; at its last attempt its first directory is the culprit`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 1)
    let slot = try fixture.slot("a", maxAttempts: 3)
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 2)
    for attempts in 0..<3 {
      let claim = try slot.claim(scan.slice(2))
      #expect(claim.attempts == attempts && claim.culprit == nil)
      #expect(claim.isCareful == (attempts > 0))
      #expect(try slot.fail(claim, message: "failure \(attempts)") == .requeued)
    }
    #expect(try fixture.counters(of: scan).slicesRedone == 3)
    let last = try slot.claim(scan.slice(2))
    #expect(last.culprit == last.frontier.visits.first && last.culprit != nil)
    #expect(last.lastFailure == "failure 2")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `nothing is a culprit before the slice was walked alone once`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a", maxAttempts: 1)
    #expect(try slot.fail(try slot.claim(scan.slice(1)), message: "m") == .requeued)
    let second = try slot.claim(scan.slice(1))
    #expect(second.culprit == nil)
    #expect(try slot.fail(second, message: "m") == .requeued)
    #expect(try slot.claim(scan.slice(1)).culprit != nil)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan whose slice fails although its culprit is left out fails in the end`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a", maxAttempts: 2)
    for _ in 0..<3 { #expect(try slot.fail(try slot.claim(scan.slice(1)), message: "m") == .requeued) }
    #expect(try slot.fail(try slot.claim(scan.slice(1)), message: "the catalogue is broken") == .failed)
    #expect(try fixture.scan(scan)?.errorMessage == "the catalogue is broken")
    #expect(try fixture.counters(of: scan).slicesRedone == 3, "the last one does not run again")
  }
}

/// Commits after which a slice goes on.
@Suite struct CheckpointConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `a checkpoint counts, keeps the claim with what is left, and lets failures start anew`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    for _ in 0..<2 { _ = try slot.fail(try slot.claim(scan.slice(1)), message: "m") }
    let claim = try slot.claim(scan.slice(1))
    var results = SliceResults()
    results.frontier = try slot.find(["x", "y"], below: claim.frontier.visits[0], for: claim)
    results.directoriesSeen = 1
    results.filesAdded = 5
    let checkpoint = try slot.checkpoint(claim, results)

    #expect(checkpoint.queued.isEmpty)
    #expect(checkpoint.claim.frontier.visits == results.frontier)
    #expect(Set(checkpoint.claim.frontier.directories.map(\.id)) == Set(results.frontier + claim.frontier.visits))
    #expect(checkpoint.claim.claim == claim.claim && checkpoint.claim.epoch == claim.epoch)
    #expect(checkpoint.claim.attempts == 1 && checkpoint.claim.isCareful && checkpoint.claim.lastFailure == nil)
    #expect(try fixture.counters(of: scan).filesSeen == 5)
    let row = SliceFacts(
      number: 1, kind: .walk, state: .running, epoch: 3, attempts: 1, worker: "a-1/0", directories: 2)
    #expect(try fixture.slices(of: scan) == [row])

    var rest = SliceResults()
    rest.directoriesSeen = 2
    #expect(try slot.commit(checkpoint.claim, rest) == [scan.slice(2)])
    #expect(try slot.end(try slot.claim(scan.slice(2))) == .completed)
    #expect(try fixture.shares(of: scan) == ["a-1/0": [1, 8]], "entries of all its commits")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `what no row can hold becomes slices of others at once`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 3)
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    var results = SliceResults()
    results.frontier = try slot.find((0..<4_200).map { "d\($0)" }, below: claim.frontier.visits[0], for: claim)
    let checkpoint = try slot.checkpoint(claim, results)
    #expect(checkpoint.claim.frontier.visits == Array(results.frontier.prefix(4_096)))
    #expect(checkpoint.queued == [scan.slice(3), scan.slice(2)])
    #expect(try fixture.slices(of: scan).map(\.directories) == [4_096, 52, 52])
    #expect(try fixture.states(of: scan) == [1: .running, 2: .queued, 3: .queued])
    let others = try [3, 2].flatMap { try slot.claim(scan.slice($0)).frontier.visits }
    #expect(others == Array(results.frontier.dropFirst(4_096)))
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `whoever is superseded, or whose scan has ended, checkpoints nothing`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a"), try fixture.slot("b"))
    let late = try a.claim(scan.slice(1))
    let claim = try b.claim(scan.slice(1))
    var results = SliceResults()
    results.filesAdded = 1
    results.frontier = claim.frontier.visits
    let before = (try fixture.counters(of: scan), try fixture.slices(of: scan))
    #expect(failure { () throws(CatalogError) in try fenced(a, late, results) }?.isFenced == true)
    #expect(try fixture.counters(of: scan) == before.0)
    #expect(try fixture.slices(of: scan) == before.1)
    try fixture.cancel(scan)
    #expect(failure { () throws(CatalogError) in try b.checkpoint(claim, results) }?.isFenced == true)
    #expect(try fixture.counters(of: scan) == before.0)
  }

  private func fenced(
    _ slot: any WalkingCatalog, _ claim: SliceClaim, _ results: SliceResults
  ) throws(CatalogError) -> SliceCheckpoint {
    do {
      return try slot.checkpoint(claim, results)
    } catch let error where error.isConnectionLoss {
      return try slot.checkpoint(claim, results)
    }
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a slice that dies after a checkpoint is taken over with what was left`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a"), try fixture.slot("b"))
    _ = try a.fail(try a.claim(scan.slice(1)), message: "m")
    let claim = try a.claim(scan.slice(1))
    var results = SliceResults()
    results.frontier = try a.find(["x", "y"], below: claim.frontier.visits[0], for: claim)
    _ = try a.checkpoint(claim, results)
    let next = try #require(try b.claim(scan.slice(1), epoch: 2, as: ClaimID(), holderDied: true))
    #expect(next.frontier.visits == results.frontier)
    #expect(next.attempts == 2 && next.culprit == nil)
  }
}
