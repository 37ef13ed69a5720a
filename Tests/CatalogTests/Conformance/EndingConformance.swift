import Catalog
import ScanModel
import Testing

@Suite struct EndingConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan without errors ends completed, its slices go, and who walked how much stays`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a"), try fixture.slot("b"))
    _ = try a.commit(try a.claim(scan.slice(1)), finding: 2) { $0.filesAdded = 5 }
    _ = try b.commit(try b.claim(scan.slice(2)), finding: 0) {
      $0.filesAdded = 10
      $0.directoriesSeen = 1
    }
    _ = try a.commit(try a.claim(scan.slice(3)), finding: 0) { $0.directoriesSeen = 2 }
    #expect(try b.end(try b.claim(scan.slice(4))) == .completed)

    let record = try #require(try fixture.scan(scan))
    #expect(record.status == .completed)
    #expect(record.completedAt != nil)
    #expect(record.errorMessage == nil)
    #expect(try fixture.slices(of: scan).isEmpty)
    #expect(
      try fixture.shares(of: scan) == [SlotID.named("a").description: [2, 7], SlotID.named("b").description: [1, 11]])
    #expect(try a.standing(of: scan.slice(4)) == .ended)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan with errors ends partial`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0) { $0.errors.changes = [.ioError: 1] }
    #expect(try slot.end(try slot.claim(scan.slice(2))) == .partial)
    #expect(try fixture.status(of: scan) == .partial)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `errors of an earlier scan count until a scan finds their places healthy`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let slot = try fixture.slot("a")
    func scan(_ scan: ScanID, _ change: (inout SliceResults) -> Void) throws -> String {
      _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0, change)
      let soFar = try fixture.counters(of: scan).errors
      let status = try slot.end(try slot.claim(scan.slice(2)))
      #expect(try fixture.counters(of: scan).errors == soFar)
      return "\(status) \(soFar)"
    }
    func next() throws -> ScanID { try slot.admit(ScanRequest(target: .name("media"))).admittedScan().id }
    let first = try scan(try fixture.admitScan()) {
      $0.errors.changes = [.oversized: 2, .ioError: 3]
      // One of them is nowhere any more: the next scan takes it for gone.
      $0.errors.fleeting = [.ioError: 1]
    }
    #expect(first == "partial 5")
    #expect(try scan(try next()) { _ in } == "partial 4")
    #expect(try scan(try next()) { $0.errors.changes = [.oversized: -1] } == "partial 3")
    #expect(try scan(try next()) { $0.errors.changes = [.oversized: -1, .ioError: -2] } == "completed 0")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan is ended once, and only by who holds its finalise slice`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0)
    let late = try slot.claim(scan.slice(2))
    let claim = try slot.claim(scan.slice(2))
    #expect(failure { () throws(CatalogError) in try slot.end(late) }?.isFenced == true)
    #expect(try fixture.status(of: scan) == .running)
    #expect(try slot.end(claim) == .completed)
    #expect(failure { () throws(CatalogError) in try slot.end(claim) }?.isFenced == true)
    #expect(try fixture.status(of: scan) == .completed)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a cancelled scan is not ended again, and its slices go`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0)
    let claim = try slot.claim(scan.slice(2))
    try fixture.cancel(scan)
    #expect(failure { () throws(CatalogError) in try slot.end(claim) }?.isFenced == true)
    #expect(try fixture.status(of: scan) == .cancelled)
    #expect(try fixture.shares(of: scan).isEmpty)
    #expect(try fixture.slices(of: scan).isEmpty)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a paused scan whose finalise slice is at work ends`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0)
    let claim = try slot.claim(scan.slice(2))
    try fixture.pause(scan)
    #expect(try slot.end(claim) == .completed)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a release costs no attempt and leaves the slice to the next claim`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a", maxAttempts: 2)
    for epoch: Int32 in 1...5 {
      let claim = try slot.claim(scan.slice(1))
      #expect(claim.epoch == epoch)
      #expect(claim.attempts == 0)
      #expect(try slot.release(claim))
      let slice = SliceFacts(
        number: 1, kind: .walk, state: .queued, epoch: epoch, attempts: 0, worker: nil, directories: 1)
      #expect(try fixture.slices(of: scan) == [slice])
      #expect(try !slot.release(claim))
    }
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `whoever is superseded releases, fails and refuses nothing`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a", host: "h", maxAttempts: 1)
    let late = try slot.claim(scan.slice(1))
    _ = try slot.claim(scan.slice(1))
    let before = try fixture.slices(of: scan)
    #expect(try !slot.release(late))
    #expect(try slot.fail(late, message: "m") == .fenced)
    #expect(try slot.refuse(late, hosts: ["h"], message: "m") == .fenced)
    #expect(try fixture.slices(of: scan) == before)
    #expect(try fixture.status(of: scan) == .running)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a finalise slice's failures count; at the last attempt its scan fails with the reason`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a", maxAttempts: 3)
    _ = try slot.commit(try slot.claim(scan.slice(1)), finding: 0)
    for attempts in 0..<2 {
      let claim = try slot.claim(scan.slice(2))
      #expect(claim.attempts == attempts)
      #expect(try slot.fail(claim, message: "early") == .requeued)
      #expect(try fixture.states(of: scan) == [1: .done, 2: .queued])
      // A release between failures counts nothing.
      #expect(try slot.release(try slot.claim(scan.slice(2))))
    }
    let last = try slot.claim(scan.slice(2))
    #expect(last.culprit == nil)
    #expect(last.attempts == 2)
    #expect(try slot.fail(last, message: "the disk is on fire") == .failed)
    let record = try #require(try fixture.scan(scan))
    #expect(record.status == .failed)
    #expect(record.errorMessage == "the disk is on fire")
    #expect(record.completedAt != nil)
    #expect(try fixture.slices(of: scan).isEmpty)
    #expect(try slot.fail(last, message: "again") == .fenced)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a failed scan takes its other slices with it, also those at work`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a"), try fixture.slot("b"))
    _ = try a.commit(try a.claim(scan.slice(1)), finding: 3)
    let (failing, working) = (try a.claim(scan.slice(2)), try b.claim(scan.slice(3)))
    #expect(try a.refuse(failing, hosts: ["a"], message: "m") == .failed)
    #expect(failure { () throws(CatalogError) in try b.commit(working, SliceResults()) }?.isFenced == true)
    #expect(try b.standing(of: scan.slice(3)) == .ended)
    #expect(try b.standing(of: scan.slice(4)) == .ended)
    #expect(try fixture.slices(of: scan).isEmpty)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan fails when every serving host has refused it, and costs no attempt until then`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a", host: "a", maxAttempts: 1), try fixture.slot("b", host: "b", maxAttempts: 1))
    for _ in 0..<3 {
      #expect(try a.refuse(try a.claim(scan.slice(1)), hosts: ["a", "b"], message: "mount_missing: a") == .requeued)
      let slice = try #require(try fixture.slices(of: scan).first)
      #expect(slice.state == .queued)
      #expect(slice.attempts == 0)
    }
    #expect(try b.refuse(try b.claim(scan.slice(1)), hosts: ["b", "a"], message: "mount_missing: b") == .failed)
    let record = try #require(try fixture.scan(scan))
    #expect(record.status == .failed)
    #expect(record.errorMessage == "mount_missing: b")
    #expect(try fixture.slices(of: scan).isEmpty)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a host that came later has its say too`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let (a, b) = (try fixture.slot("a", host: "a"), try fixture.slot("b", host: "b"))
    #expect(try a.refuse(try a.claim(scan.slice(1)), hosts: ["a", "b"], message: "m") == .requeued)
    #expect(try b.refuse(try b.claim(scan.slice(1)), hosts: ["a", "b", "c"], message: "m") == .requeued)
    #expect(try a.refuse(try a.claim(scan.slice(1)), hosts: ["a"], message: "m") == .failed)
  }
}
