import Catalog
import ScanModel
import Testing

@Suite struct ClaimConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `a claim raises the epoch, starts the scan and gives what the walk needs`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let rules = LibraryRules(oneFilesystem: true, queue: "slow", maxParallel: 3)
    let library = try fixture.addLibrary("media", rootPath: "/srv/media", rules: rules)
    let slot = try fixture.slot("a")
    let scan = try slot.admit(ScanRequest(target: .name("media"), mode: .quick)).admittedScan().id
    #expect(try slot.standing(of: scan.slice(1)) == .open(epoch: 0, queue: "slow"))

    let id = ClaimID()
    let claim = try #require(try slot.claim(scan.slice(1), epoch: 0, as: id))
    #expect(claim.slice == scan.slice(1))
    #expect(claim.kind == .walk)
    #expect(claim.epoch == 1)
    #expect(claim.claim == id)
    #expect(claim.attempts == 0)
    #expect(claim.library == library)
    #expect(claim.libraryName == "media")
    #expect(claim.rootPath == "/srv/media")
    #expect(claim.queue == "slow")
    #expect(claim.rules == rules)
    #expect(claim.mode == .quick)
    #expect(claim.entriesSeen == 0)
    let root = try #require(claim.frontier.visits.first)
    #expect(claim.frontier == SliceFrontier(directories: [.init(id: root, parent: nil, name: [])], visits: [root]))

    #expect(try fixture.status(of: scan) == .running)
    #expect(try fixture.scan(scan)?.startedAt != nil)
    let slice = SliceFacts(
      number: 1, kind: .walk, state: .running, epoch: 1, attempts: 0, worker: SlotID.named("a").description,
      directories: 1)
    #expect(try fixture.slices(of: scan) == [slice])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `the scan starts once`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.claim(scan.slice(1))
    let started = try fixture.scan(scan)?.startedAt
    _ = try slot.claim(scan.slice(1))
    #expect(try fixture.scan(scan)?.startedAt == started)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a claim from another epoch gets nothing and changes nothing`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.claim(scan.slice(1))
    let before = try fixture.slices(of: scan)
    for epoch: Int32 in [0, 2, -1, .max] {
      #expect(try slot.claim(scan.slice(1), epoch: epoch, as: ClaimID()) == nil)
    }
    #expect(try slot.claim(scan.slice(2), epoch: 0, as: ClaimID()) == nil)
    #expect(try slot.claim(SliceID(scan: ScanID(999), number: 1), epoch: 0, as: ClaimID()) == nil)
    #expect(try fixture.slices(of: scan) == before)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a running slice is taken over from its epoch; a second try under one claim is a takeover too`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (first, second) = (try fixture.slot("a"), try fixture.slot("b"))
    _ = try first.claim(scan.slice(1))
    #expect(
      try second.standing(of: scan.slice(1)) == .open(epoch: 1, holder: SlotID.named("a").worker, queue: "default"))
    let id = ClaimID()
    #expect(try second.claim(scan.slice(1), epoch: 1, as: id)?.epoch == 2)
    #expect(try second.claim(scan.slice(1), epoch: 2, as: id)?.epoch == 3)
    #expect(try fixture.slices(of: scan)[0].worker == SlotID.named("b").description)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `of many claims at once from one epoch one succeeds`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let claims = try onThreads(8) { index in
      try fixture.slot("s\(index)").claim(scan.slice(1), epoch: 0, as: ClaimID())
    }
    #expect(claims.count { $0 != nil } == 1)
    #expect(try fixture.slices(of: scan)[0].epoch == 1)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a paused scan's slices are held, and not claimed`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    try fixture.pause(scan)
    #expect(try slot.standing(of: scan.slice(1)) == .held)
    #expect(try slot.claim(scan.slice(1), epoch: 0, as: ClaimID()) == nil)
    #expect(try fixture.status(of: scan) == .paused)
    try fixture.resume(scan)
    #expect(try fixture.status(of: scan) == .pending)
    #expect(try slot.standing(of: scan.slice(1)) == .open(epoch: 0, queue: "default"))
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `slices of an ended scan, and what nobody knows, have ended`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    #expect(try slot.standing(of: scan.slice(2)) == .ended)
    #expect(try slot.standing(of: SliceID(scan: ScanID(999), number: 1)) == .ended)
    try fixture.cancel(scan)
    #expect(try slot.standing(of: scan.slice(1)) == .ended)
    #expect(try slot.claim(scan.slice(1), epoch: 0, as: ClaimID()) == nil)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a frontier comes in its order, with all directories above it, each once`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan(maxParallel: 1)
    let slot = try fixture.slot("a")
    let first = try slot.claim(scan.slice(1))
    let root = first.frontier.visits[0]
    var results = SliceResults()
    let upper = try slot.find(["x"], below: root, for: first)[0]
    results.frontier = [upper]
    #expect(try slot.commit(first, results) == [scan.slice(2)])

    let second = try slot.claim(scan.slice(2))
    let lower = try slot.find(["b", "a", "c"], below: upper, for: second)
    results.frontier = [lower[2], lower[0], lower[1]]
    #expect(try slot.commit(second, results) == [scan.slice(3)])

    let frontier = try slot.claim(scan.slice(3)).frontier
    #expect(frontier.visits == results.frontier)
    let byID = frontier.directories.sorted { $0.id < $1.id }
    let names = ["b", "a", "c"].map { Array($0.utf8) }
    #expect(
      byID == [.init(id: root, parent: nil, name: []), .init(id: upper, parent: root, name: Array("x".utf8))]
        + zip(lower, names).map { .init(id: $0, parent: upper, name: $1) })
  }
}
