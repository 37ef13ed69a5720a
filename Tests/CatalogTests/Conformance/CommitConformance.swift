import Catalog
import Foundation
import ScanModel
import Testing

@Suite struct CommitConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `counters of all commits add up, and the next claims see them`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    for number: Int32 in 1...3 {
      let claim = try slot.claim(scan.slice(number))
      #expect(claim.entriesSeen == Int64(number - 1) * 103)
      _ = try slot.commit(claim, finding: number < 3 ? 1 : 0) {
        $0.categoriesFound = 2
        $0.coursesFound = 5
        $0.entriesIgnored = 11
        $0.directoriesSeen = 3
        $0.filesAdded = 100
        $0.bytesSeen = .max
        $0.errors.changes = [.ioError: 3, .oversized: 4]
      }
    }
    var expected = ScanCounters()
    expected.categories = 6
    expected.courses = 15
    expected.entriesIgnored = 33
    expected.directoriesSeen = 9
    expected.filesSeen = 300
    expected.filesAdded = 300
    expected.bytesSeen = Decimal(Int64.max) * 3
    expected.errors = 21
    #expect(try fixture.counters(of: scan) == expected)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a small frontier is spread over the room that max_parallel leaves`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 4)
    let slot = try fixture.slot("a")
    let queued = try slot.commit(try slot.claim(scan.slice(1)), finding: 10)
    #expect(queued.map(\.number) == [5, 4, 3, 2])
    #expect(try fixture.slices(of: scan).map(\.directories) == [1, 1, 3, 3, 3])
    #expect(try fixture.states(of: scan) == [1: .done, 2: .queued, 3: .queued, 4: .queued, 5: .queued])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `without room a frontier is one ready slice, and the newest is queued first`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 2)
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 6)
    // 2 and 3 fill the room; each commit makes room for one, and finds more.
    #expect(try slot.commit(try slot.claim(scan.slice(3)), finding: 5).map(\.number) == [4])
    #expect(try slot.commit(try slot.claim(scan.slice(4)), finding: 3).map(\.number) == [5])
    #expect(try slot.commit(try slot.claim(scan.slice(5)), finding: 0).isEmpty)
    #expect(try slot.commit(try slot.claim(scan.slice(2)), finding: 0).map(\.number) == [6])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `what a large frontier leaves waiting is queued as room is made, never more, the newest first`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 1)
    let slot = try fixture.slot("a")
    #expect(try slot.commit(try slot.claim(scan.slice(1)), finding: 9_000) == [scan.slice(4)])
    #expect(try fixture.slices(of: scan).map(\.directories) == [1, 808, 4096, 4096])
    #expect(try fixture.states(of: scan) == [1: .done, 2: .ready, 3: .ready, 4: .queued])
    #expect(try slot.commit(try slot.claim(scan.slice(4)), finding: 1) == [scan.slice(5)])
    #expect(try slot.commit(try slot.claim(scan.slice(5)), finding: 0) == [scan.slice(3)])
    #expect(try fixture.states(of: scan) == [1: .done, 2: .ready, 3: .queued, 4: .done, 5: .done])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a slice's first visits are those of the newest slice`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 3)
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    var results = SliceResults()
    results.frontier = try slot.find((0..<8).map { "d\($0)" }, below: claim.frontier.visits[0], for: claim)
    _ = try slot.commit(claim, results)
    let visits = try [4, 3, 2].map { try slot.claim(scan.slice($0)).frontier.visits }
    #expect(visits.map(\.count) == [3, 3, 2])
    #expect(visits.flatMap { $0 } == results.frontier)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `the finalise slice comes when nothing is open, and not before`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 2)
    let (second, third) = (try slot.claim(scan.slice(2)), try slot.claim(scan.slice(3)))
    #expect(try slot.commit(second, finding: 0).isEmpty)
    #expect(try slot.commit(third, finding: 0) == [scan.slice(4)])
    let claim = try slot.claim(scan.slice(4))
    #expect(claim.kind == .finalise)
    #expect(claim.frontier == SliceFrontier())
    #expect(try slot.end(claim) == .completed)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a slice that was released is not committed by its former claim`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    #expect(try slot.release(claim))
    try expectFenced(fixture, scan) { _ = try slot.commit(claim, finding: 3) { $0.filesAdded = 5 } }
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a slice that another has claimed is not committed, whatever the former claim saw`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (slow, fast) = (try fixture.slot("slow"), try fixture.slot("fast"))
    let late = try slow.claim(scan.slice(1))
    let claim = try fast.claim(scan.slice(1))
    try expectFenced(fixture, scan) { _ = try slow.commit(late, finding: 3) { $0.filesAdded = 5 } }
    _ = try fast.commit(claim, finding: 1) { $0.filesAdded = 5 }
    // Also after the slice is done, and also the winner's own commit a second time.
    try expectFenced(fixture, scan) { _ = try slow.commit(late, finding: 0) { $0.filesAdded = 5 } }
    try expectFenced(fixture, scan) { _ = try fast.commit(claim, finding: 0) { $0.filesAdded = 5 } }
    #expect(try fixture.counters(of: scan).filesSeen == 5)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `the same claim in another epoch is another claim`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let id = ClaimID()
    let first = try #require(try slot.claim(scan.slice(1), epoch: 0, as: id))
    let second = try #require(try slot.claim(scan.slice(1), epoch: 1, as: id))
    try expectFenced(fixture, scan) { _ = try slot.commit(first, finding: 0) }
    #expect(try slot.commit(second, finding: 0) == [scan.slice(2)])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `nothing is committed in a scan that has ended, and its slices go`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    try fixture.cancel(scan)
    #expect(failure { () throws(CatalogError) in try slot.commit(claim, SliceResults()) }?.isFenced == true)
    #expect(try fixture.status(of: scan) == .cancelled)
    #expect(try fixture.counters(of: scan) == ScanCounters())
    #expect(try fixture.slices(of: scan).isEmpty)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a commit in a paused scan counts and queues nothing until it goes on`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 2)
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    try fixture.pause(scan)
    #expect(try slot.commit(claim, finding: 4) { $0.filesAdded = 5 }.isEmpty)
    #expect(try fixture.counters(of: scan).filesSeen == 5)
    #expect(try fixture.states(of: scan) == [1: .done, 2: .ready, 3: .ready])
    #expect(try slot.standing(of: scan.slice(1)) == .done(queued: [], queue: "default"))
    #expect(try slot.standing(of: scan.slice(2)) == .held)
    try fixture.resume(scan)
    #expect(try fixture.status(of: scan) == .running)
    #expect(
      try slot.standing(of: scan.slice(1)) == .done(queued: [], queue: "default"), "whoever let it go on pushes them")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `whoever lost the reply of a commit learns that it is done, and what it queued`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 2)
    let slot = try fixture.slot("a")
    let lost = try slot.commit(try slot.claim(scan.slice(1)), finding: 6)
    #expect(
      try slot.standing(of: scan.slice(1)) == .done(queued: lost.sorted { $0.number < $1.number }, queue: "default"))
    _ = try slot.claim(scan.slice(3))
    #expect(try slot.standing(of: scan.slice(1)) == .done(queued: [scan.slice(2)], queue: "default"))
    let next = try slot.commit(try slot.claim(scan.slice(2)), finding: 4)
    #expect(
      try slot.standing(of: scan.slice(1)) == .done(queued: [], queue: "default"),
      "what others queued is theirs to push")
    #expect(try slot.standing(of: scan.slice(2)) == .done(queued: next, queue: "default") && !next.isEmpty)
    #expect(try slot.claim(scan.slice(1), epoch: 1, as: ClaimID()) == nil)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `what an abandoned claim has sent is gone, and the claim may still commit anew`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 1)
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    let root = claim.frontier.visits[0]
    _ = try slot.find(["gone"], below: root, for: claim)
    slot.abandon(claim)
    let kept = try slot.find(["kept"], below: root, for: claim)
    var results = SliceResults()
    results.frontier = kept
    #expect(try slot.commit(claim, results) == [scan.slice(2)])
    #expect(try slot.claim(scan.slice(2)).frontier.directories.count == 2)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `directories that vanished before their visit are no part of any frontier any more`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 1)
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 3)
    let second = try slot.claim(scan.slice(2))
    _ = try slot.commit(second, finding: 0) {
      $0.vanished = [second.frontier.visits[0]]
      $0.frontier = second.frontier.visits
    }
    #expect(try slot.claim(scan.slice(3)).frontier.visits == Array(second.frontier.visits.dropFirst()))
  }

  /// Expects `commit` to be fenced and to change neither counters nor slices.
  private func expectFenced(_ fixture: any CatalogFixture, _ scan: ScanID, _ commit: () throws -> Void) throws {
    let (counters, slices) = (try fixture.counters(of: scan), try fixture.slices(of: scan))
    do {
      try afterTakeover(commit)
      Issue.record("a superseded commit went through")
    } catch let error as CatalogError {
      #expect(error.isFenced)
    }
    #expect(try fixture.counters(of: scan) == counters)
    #expect(try fixture.slices(of: scan) == slices)
  }
}
