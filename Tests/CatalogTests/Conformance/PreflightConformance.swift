import Catalog
import ScanModel
import Testing

@Suite struct PreflightConformance {
  private static let failure = PreflightFinding(.redisEviction, .failure(advice: "mend it"), "it is broken")
  private static let warning = PreflightFinding(.redisPersistence, .warning(advice: "think of it"), "it is odd")

  @Test(arguments: CatalogUnderTest.allCases)
  func `the first slice begins its scan until something is committed`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    #expect(try slot.claim(scan.slice(1)).beginsScan)
    let again = try slot.claim(scan.slice(1))
    #expect(again.beginsScan)
    _ = try slot.commit(again, finding: 2) { $0.directoriesSeen = 1 }
    #expect(try !slot.claim(scan.slice(2)).beginsScan)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a scan that must not begin fails with what to do, and leaves no slice`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let claim = try slot.claim(scan.slice(1))
    #expect(try slot.reject(claim, [Self.warning, Self.failure]) == .failed)
    let record = try #require(try fixture.scan(scan))
    #expect(record.status == .failed && record.completedAt != nil)
    #expect(record.errorMessage == "pre-flight failed: it is broken; mend it")
    #expect(try fixture.slices(of: scan).isEmpty)
    #expect(try slot.standing(of: scan.slice(1)) == .ended)
    // The library's place is free again.
    #expect(try slot.admit(ScanRequest(target: .name("media"))).admittedScan().id != scan)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `only who holds the slice can reject its scan`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let late = try slot.claim(scan.slice(1))
    let claim = try slot.claim(scan.slice(1))
    #expect(try slot.reject(late, [Self.failure]) == .fenced)
    #expect(try fixture.status(of: scan) == .running)
    try slot.note([Self.warning], of: late)
    _ = try slot.commit(claim, finding: 0)
    #expect(try slot.reject(claim, [Self.failure]) == .fenced)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `there is room`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    #expect(try fixture.slot("a").proveRoom(bytes: 1 << 20))
  }
}
