import Catalog
import ScanModel
import Testing

/// The promises of `RepairCatalog`, which the catalogue and its model both keep.
@Suite struct RepairConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `the queues of libraries and of active scans are known`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    _ = try fixture.addLibrary("a", rootPath: "/a", rules: LibraryRules(queue: "q2"))
    _ = try fixture.addLibrary("b", rootPath: "/b", rules: LibraryRules(queue: "q1"))
    _ = try fixture.admitScan()
    #expect(try fixture.repairCatalog().queues() == ["default", "q1", "q2"])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `queued and running slices of scans that go on are read in pages`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let slot = try fixture.slot("a")
    let scan = try fixture.admitScan(maxParallel: 2)
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 2)
    _ = try slot.claim(scan.slice(2))
    let other = try fixture.admitScan(of: "music")
    let paused = try fixture.admitScan(of: "paused")
    try fixture.pause(paused)

    let expected = [
      OpenSlice(slice: scan.slice(2), queue: "default", state: .running, epoch: 1),
      OpenSlice(slice: scan.slice(3), queue: "default", state: .queued, epoch: 0),
      OpenSlice(slice: other.slice(1), queue: "default", state: .queued, epoch: 0),
    ]
    #expect(try repairs.openSlices(after: nil, limit: 10) == expected)
    #expect(try repairs.openSlices(after: nil, limit: 2) == Array(expected[..<2]))
    #expect(try repairs.openSlices(after: scan.slice(3), limit: 2) == Array(expected[2...]))
    #expect(try repairs.openSlices(after: other.slice(1), limit: 2) == [])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a lost pointer is repaired as long as the slice is as it was, and once`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let (repairs, another) = (try fixture.repairCatalog(), try fixture.repairCatalog())
    let slot = try fixture.slot("a")
    let scan = try fixture.admitScan()
    func lost(_ state: SliceState, _ epoch: Int32, age: Duration = .seconds(5)) -> [LostPointer] {
      [LostPointer(slice: OpenSlice(slice: scan.slice(1), queue: "default", state: state, epoch: epoch), age: age)]
    }
    #expect(try repairs.repair(lost(.running, 0), by: "r") == [])
    #expect(try repairs.repair(lost(.queued, 1), by: "r") == [])
    #expect(try repairs.repair(lost(.queued, 0), by: "r") == [scan.slice(1)])
    #expect(try another.repair(lost(.queued, 0), by: "s") == [], "it was missed before it was repaired")
    #expect(try another.repair(lost(.queued, 0, age: .zero), by: "s") == [scan.slice(1)], "it is missed anew")

    let claim = try slot.claim(scan.slice(1))
    #expect(try repairs.repair(lost(.queued, 0, age: .zero), by: "r") == [])
    #expect(try repairs.repair(lost(.running, 1, age: .zero), by: "r") == [scan.slice(1)])
    try fixture.pause(scan)
    #expect(try repairs.repair(lost(.running, 1, age: .zero), by: "r") == [])
    try fixture.resume(scan)
    _ = try slot.commit(claim, finding: 1)
    #expect(try repairs.repair(lost(.running, 1, age: .zero), by: "r") == [])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a repaired slice commits as if nothing had been`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    let open = try fixture.repairCatalog().openSlices(after: nil, limit: 9)
    _ = try fixture.repairCatalog().repair(open.map { LostPointer(slice: $0, age: .zero) }, by: "r")
    #expect(try slot.commit(claim, finding: 0) == [scan.slice(2)])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `nothing is mended where nothing is adrift`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let slot = try fixture.slot("a")
    let scan = try fixture.admitScan(maxParallel: 1)
    func expectCalm() throws {
      #expect(try repairs.scansAdrift(after: nil, limit: 9) == [])
      #expect(try repairs.mend(scan, by: "r") == [])
      #expect(try repairs.dropLeftSlices(limit: 9, by: "r") == [:])
    }
    try expectCalm()
    let claim = try slot.claim(scan.slice(1))
    try expectCalm()
    _ = try slot.commit(claim, finding: 3)
    try expectCalm()
    try fixture.pause(scan)
    try expectCalm()
    try fixture.resume(scan)
    #expect(try slot.finish(scan, from: 2) == .completed)
    try expectCalm()
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan in which nothing is open gets its finalise slice, and ends`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let slot = try fixture.slot("a")
    let scan = try fixture.admitScan()
    _ = try slot.claim(scan.slice(1))
    try fixture.disturb(scan.slice(1), to: .done)
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan])
    #expect(try repairs.scansAdrift(after: scan, limit: 9) == [])
    let mended = try repairs.mend(scan, by: "r")
    #expect(mended.last == ScanRepair(kind: .finalise, slice: scan.slice(2), queue: "default"))
    #expect(try repairs.mend(scan, by: "s") == [])
    let claim = try slot.claim(scan.slice(2))
    #expect(claim.kind == .finalise)
    #expect(try slot.end(claim) == .completed)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan that has lost its slices fails, and the library can be scanned again`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let scan = try fixture.admitScan()
    try fixture.loseSlices(of: scan)
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan])
    #expect(try repairs.mend(scan, by: "r") == [ScanRepair(kind: .slicesLost, slice: nil, queue: "default")])
    #expect(try fixture.status(of: scan) == .failed)
    #expect(try fixture.slot("a").admit(ScanRequest(target: .name("media"))).outcome.hasPrefix("admitted"))
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `ready slices for which there is room are queued, and no more`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let slot = try fixture.slot("a")
    let scan = try fixture.admitScan(maxParallel: 2)
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 2)
    for number in [2, 3] as [Int32] { try fixture.disturb(scan.slice(number), to: .ready) }
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan])
    let mended = try repairs.mend(scan, by: "r")
    #expect(Set(mended.map(\.slice)) == [scan.slice(2), scan.slice(3)])
    #expect(mended.allSatisfy { $0.kind == .promotion && $0.queue == "default" })
    #expect(try fixture.states(of: scan)[2] == .queued)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `what an ended scan has left is dropped`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let repairs = try fixture.repairCatalog()
    let active = try fixture.admitScan()
    let scan = try fixture.admitScan(of: "music")
    try fixture.cancel(scan)
    #expect(try fixture.slices(of: scan).count == 1)
    #expect(try repairs.dropLeftSlices(limit: 9, by: "r") == [scan: 1])
    #expect(try fixture.slices(of: scan).isEmpty)
    #expect(try fixture.slices(of: active).count == 1)
    #expect(try repairs.dropLeftSlices(limit: 9, by: "r") == [:])
  }
}
