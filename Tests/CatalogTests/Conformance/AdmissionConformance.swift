import Catalog
import ScanModel
import Testing

@Suite struct AdmissionConformance {
  @Test(arguments: CatalogUnderTest.allCases)
  func `a request makes a pending scan under the library's rules, with one queued slice at the root`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let rules = LibraryRules(oneFilesystem: true, queue: "slow", maxParallel: 3)
    let library = try fixture.addLibrary("media", rootPath: "/srv/media", rules: rules)
    let request = ScanRequest(target: .name("media"), requestID: "r1", requestedBy: "anna", mode: .quick)
    let scan = try fixture.slot("a").admit(request).admittedScan()

    #expect(scan.libraryID == library)
    #expect(scan.library == "media")
    #expect(scan.rootPath == "/srv/media")
    #expect(scan.status == .pending)
    #expect(scan.mode == .quick)
    #expect(scan.requestID == "r1")
    #expect(scan.requestedBy == "anna")
    #expect(scan.requestedThrough == "queue")
    #expect(scan.queue == "slow")
    #expect(scan.maxParallel == 3)
    #expect(scan.counters == ScanCounters())
    #expect(scan.startedAt == nil)
    #expect(scan.completedAt == nil)
    #expect(
      try fixture.slices(of: scan.id) == [
        SliceFacts(number: 1, kind: .walk, state: .queued, epoch: 0, attempts: 0, worker: nil, directories: 1)
      ])
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a library is found by its root, and by nothing else than name or root`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    _ = try fixture.addLibrary("media", rootPath: "/srv/media", rules: LibraryRules())
    let slot = try fixture.slot("a")
    #expect(try slot.admit(ScanRequest(target: .name("/srv/media"))).outcome == "unknown")
    #expect(try slot.admit(ScanRequest(target: .name("other"))).outcome == "unknown")
    #expect(try slot.admit(ScanRequest(target: .rootPath("media"))).outcome == "unknown")
    #expect(try slot.admit(ScanRequest(target: .rootPath("/srv/media/"))).outcome == "unknown")
    _ = try slot.admit(ScanRequest(target: .rootPath("/srv/media"))).admittedScan()
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `an active scan stands in the way, in each of its active states`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let request = ScanRequest(target: .name("media"), requestID: "another")
    #expect(try slot.admit(request).outcome == "refused \(scan)")
    _ = try slot.claim(scan.slice(1))
    #expect(try slot.admit(request).outcome == "refused \(scan)")
    try fixture.pause(scan)
    #expect(try slot.admit(request).outcome == "refused \(scan)")
    try fixture.cancel(scan)
    _ = try slot.admit(request).admittedScan()
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a request id answers with the scan that it made, whatever has become of it`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let library = try fixture.addLibrary("media", rootPath: "/srv/media", rules: LibraryRules())
    let slot = try fixture.slot("a")
    let request = ScanRequest(target: .name("media"), requestID: "r1")
    let scan = try slot.admit(request).admittedScan().id
    #expect(try slot.admit(request).outcome == "existing \(scan)")
    try fixture.cancel(scan)
    #expect(try slot.admit(request).outcome == "existing \(scan)")
    try fixture.closeLibrary(library)
    #expect(try slot.admit(request).outcome == "existing \(scan)")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a library that is being removed admits nothing`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    let library = try fixture.addLibrary("media", rootPath: "/srv/media", rules: LibraryRules())
    try fixture.closeLibrary(library)
    #expect(try fixture.slot("a").admit(ScanRequest(target: .name("media"))).outcome == "removing")
    #expect(try fixture.slot("a").admit(ScanRequest(target: .rootPath("/srv/media"))).outcome == "removing")
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `a library is scanned again, whether its scan before got anywhere or not`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    let first = try fixture.admitScan()
    let slot = try fixture.slot("a")
    let request = ScanRequest(target: .name("media"))
    try fixture.cancel(first)
    let second = try slot.admit(request).admittedScan().id

    let claim = try slot.claim(second.slice(1))
    _ = try slot.commit(claim, finding: 0) {
      $0.visited = [
        VisitedDirectory(id: claim.frontier.visits[0], attributes: .directory, files: 0, bytes: 0)
      ]
    }
    #expect(try slot.finish(second, from: 2) == .completed)
    let third = try slot.admit(request).admittedScan()
    #expect(third.id != second && third.status == .pending)
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `of many requests at once with one id one makes the scan, and all are told its id`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    _ = try fixture.addLibrary("media", rootPath: "/srv/media", rules: LibraryRules())
    let outcomes = try onThreads(8) { index in
      try fixture.slot("s\(index)").admit(ScanRequest(target: .name("media"), requestID: "r1")).outcome
    }
    let admitted = try #require(outcomes.first { $0.hasPrefix("admitted ") })
    let scan = admitted.dropFirst("admitted ".count)
    #expect(outcomes.sorted() == [admitted] + Array(repeating: "existing \(scan)", count: 7))
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `of many requests at once without ids one is admitted, and the others are refused by its scan`(
    _ implementation: CatalogUnderTest
  ) throws {
    let fixture = try implementation.make()
    _ = try fixture.addLibrary("media", rootPath: "/srv/media", rules: LibraryRules())
    let outcomes = try onThreads(8) { index in
      try fixture.slot("s\(index)").admit(ScanRequest(target: .name("media"))).outcome
    }
    let admitted = try #require(outcomes.first { $0.hasPrefix("admitted ") })
    let scan = admitted.dropFirst("admitted ".count)
    #expect(outcomes.sorted() == [admitted] + Array(repeating: "refused \(scan)", count: 7))
  }

  @Test(arguments: CatalogUnderTest.allCases)
  func `one request id for two libraries at once makes one scan`(_ implementation: CatalogUnderTest) throws {
    let fixture = try implementation.make()
    for name in ["a", "b"] { _ = try fixture.addLibrary(name, rootPath: "/srv/\(name)", rules: LibraryRules()) }
    let outcomes = try onThreads(8) { index in
      let target = ScanRequest.Target.name(index % 2 == 0 ? "a" : "b")
      return try fixture.slot("s\(index)").admit(ScanRequest(target: target, requestID: "r1")).outcome
    }
    #expect(outcomes.count { $0.hasPrefix("admitted") } == 1)
    #expect(outcomes.count { $0.hasPrefix("existing") } == 7)
    #expect(Set(outcomes.map { $0.split(separator: " ")[1] }).count == 1)
  }
}
