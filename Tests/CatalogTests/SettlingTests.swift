import ScanModel
import Testing

@testable import Catalog

/// What people settle about a scan: confirmed, discarded, cancelled.
@Suite struct SettlingTests {
  /// Five files that are held, one of them below a directory.
  func heldScan() throws -> (scan: FinalisingScan, files: [Int64], directory: Int64) {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.files(1, in: directory)
    let files = try scan.files(4, in: scan.root)
    try scan.stage(files: files)
    try scan.stage(directory: directory)
    try scan.hold()
    #expect(try scan.standing == "partial hold 0 5 0")
    return (scan, files, directory)
  }

  @Test func `what is confirmed goes, whatever the limits are, and the scan completes`() throws {
    let (scan, _, directory) = try heldScan()
    try scan.confirm()
    #expect(try scan.standing == "running confirm 0 5 1")
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: nil))
    #expect(try scan.removedFiles == 0)
    try scan.look()
    #expect(try scan.decide() == .apply)
    #expect(try scan.standing == "running apply 0 0 1")
    _ = try scan.applyAll(limit: 2)
    #expect(try scan.catalog.end(scan.claim) == .completed)
    #expect(try scan.standing == "completed apply 5 0 0")
    #expect(try scan.removedFiles == 5)
    #expect(try scan.removedDirectories == [directory])
    #expect(try scan.stagedRows == 0)
    #expect(
      try scan.events == ["removals_held 5", "partial", "removals_confirmed 5", "removals_applied 5", "completed"])
    #expect(try scan.connection.texts("SELECT message FROM scans WHERE message LIKE '%missing%'") == [])
    #expect(try scan.number("SELECT count(*) FROM slices") == 0)
  }

  @Test func `a scan with errors that was confirmed ends partial`() throws {
    let (scan, _, _) = try heldScan()
    try scan.connection.query("INSERT INTO error_counts (library_id, error_type, total) VALUES (1, 'io_error', 2)")
    try scan.confirm()
    try scan.decide()
    _ = try scan.applyAll(limit: 10)
    #expect(try scan.catalog.end(scan.claim) == .partial)
    #expect(try scan.standing == "partial apply 5 0 0")
  }

  @Test func `what has come back stays, and a scan of which all has come back completes`() throws {
    let (scan, files, _) = try heldScan()
    try scan.confirm()
    let page = try scan.catalog.stagedRemovals(scan.claim, after: nil, limit: 10)
    let last = try #require(page.removals.last?.place)
    try scan.catalog.commitLook(scan.claim, upTo: last, present: page.removals.filter { $0.row != files[0] })
    // Whoever claims the slice again goes on where the look was.
    _ = try scan.takeOver()
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: last))
    try scan.catalog.commitLook(scan.claim, upTo: last, present: page.removals)
    _ = try scan.takeOver()
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: last))
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.end(scan.claim) == .completed)
    #expect(try scan.standing == "completed apply 0 0 0")
    #expect(try scan.removedFiles == 0)
  }

  @Test func `to confirm twice is to confirm once`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    let before = try scan.contents()
    guard case .confirmed(let record, let slice) = try scan.people.confirm(ScanID(1), by: "Bob", through: .cli) else {
      throw FinalisingScan.NotConfirmed()
    }
    #expect(record.status == .running)
    #expect(slice == scan.claim.slice)
    #expect(try scan.contents() == before)
  }

  @Test func `what is taken back is confirmed again also while its slice is still there`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    // Whoever has cancelled it was killed before it dropped the slice.
    try scan.connection.query("SELECT cancel_scan(1, NULL, 'cli')")
    #expect(try scan.number("SELECT count(*) FROM slices") == 1)
    let late = scan.claim
    try scan.confirm()
    #expect(try scan.standing == "running confirm 0 5 1")
    #expect(failure { () throws(CatalogError) in try scan.decide(late) }?.isFenced == true)
    #expect(try scan.decide() == .apply)
  }

  @Test func `nothing is confirmed of a scan that a newer one has followed, is active, or holds nothing`() throws {
    let (scan, _, _) = try heldScan()
    #expect(try scan.answer(confirming: 9) == "unknown")
    let newer = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    #expect(newer == ScanID(2))
    #expect(try scan.answer(confirming: 1) == "refused by 2")
    #expect(try scan.answer(confirming: 2) == "refused by 2")
    #expect(
      try scan.connection.texts("SELECT detail->>'confirm' FROM scan_events WHERE scan_id = 2 AND event = 'refused'")
        == ["1", "2"])
    try scan.connection.query("SELECT fail_scan(2, 'x', 'x')")
    #expect(try scan.answer(confirming: 1) == "superseded by 2")
    #expect(try scan.answer(confirming: 2) == "nothing")
    try scan.connection.query("UPDATE libraries SET removing = true")
    #expect(try scan.answer(confirming: 1) == "removing")
    #expect(try scan.removedFiles == 0)
  }

  @Test func `a scan that is confirmed holds its library's place`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    guard case .refused(let active) = try scan.catalog.admit(ScanRequest(target: .name("media"))) else {
      Issue.record("a second scan was admitted")
      return
    }
    #expect(active.id == ScanID(1))
    #expect(try scan.answer(discarding: 1) == "active")
  }

  @Test func `a confirmed scan that is given up holds its removals again, before and after its verdict`() throws {
    for removed in [0, 2] {
      let (scan, _, _) = try heldScan()
      try scan.confirm()
      if removed > 0 {
        try scan.decide()
        #expect(try scan.catalog.applyRemovals(scan.claim, limit: Int32(removed)).isLeft)
      }
      for _ in 0..<2 {
        #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .requeued)
        _ = try scan.takeOver()
      }
      #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .failed)
      #expect(try scan.standing == "partial hold \(removed) \(5 - removed) 0")
      #expect(try scan.removedFiles == Int64(removed))
      let message = try scan.connection.texts("SELECT message FROM scans")[0]
      #expect(message.hasPrefix("\(5 - removed) missing files could not be removed from the catalogue: the disk is on"))
      // And the rest can be confirmed again.
      try scan.confirm()
      try scan.decide()
      _ = try scan.applyAll(limit: 10)
      #expect(try scan.catalog.end(scan.claim) == .completed)
      #expect(try scan.standing == "completed apply 5 0 0")
    }
  }

  @Test func `a confirmed scan whose root no host sees holds its removals again, and does not fail`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    #expect(try scan.catalog.refuse(scan.claim, hosts: ["a", "b"], message: "no mount") == .requeued)
    _ = try scan.takeOver()
    #expect(try scan.catalog.refuse(scan.claim, hosts: ["a"], message: "no mount") == .failed)
    #expect(try scan.standing == "partial hold 0 5 0")
    #expect(try scan.connection.texts("SELECT message FROM scans")[0].contains("no mount"))
    #expect(try scan.stagedRows == 5)
    #expect(try scan.number("SELECT count(*) FROM slices") == 0)
  }

  @Test func `a confirmed scan whose slice is lost holds its removals again`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    try scan.connection.query("DELETE FROM slices")
    let repairs = PostgresRepairCatalog(catalog: scan.database.catalog())
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [ScanID(1)])
    #expect(try repairs.mend(ScanID(1), by: "reaper").map(\.kind) == [.slicesLost])
    #expect(try scan.standing == "partial hold 0 5 0")
    #expect(try scan.stagedRows == 5)
  }

  @Test func `what is discarded stays, is dropped, and is not to be confirmed`() throws {
    let (scan, _, _) = try heldScan()
    #expect(try scan.answer(discarding: 1) == "discarded")
    #expect(try scan.standing == "partial discard 0 0 0")
    #expect(try scan.stagedRows == 0)
    #expect(try scan.removedFiles == 0)
    #expect(try scan.events == ["removals_held 5", "partial", "removals_discarded 5"])
    #expect(try scan.answer(confirming: 1) == "nothing")
    // The reply may have been lost.
    #expect(try scan.answer(discarding: 1) == "discarded")
    #expect(try scan.events.count == 3)
    #expect(try scan.answer(discarding: 9) == "unknown")
    #expect(try scan.number("SELECT count(*) FROM directories WHERE signature IS NOT NULL AND parent_id IS NULL") == 0)
    _ = try scan.catalog.admit(ScanRequest(target: .name("media")))
    #expect(try scan.answer(discarding: 1) == "nothing")
    #expect(try scan.answer(discarding: 2) == "active")
  }

  @Test(arguments: [false, true])
  func `what is left of a discard that was interrupted goes when it is repeated, or by a reaper`(
    isRepeated: Bool
  ) throws {
    let (scan, _, _) = try heldScan()
    try scan.connection.query("SELECT discard_scan(1, NULL, 'cli')")
    #expect(try scan.connection.number("SELECT drop_staged(1, 2)") == 2)
    #expect(try scan.stagedRows == 3)
    #expect(try scan.answer(confirming: 1) == "nothing")
    if isRepeated {
      #expect(try scan.answer(discarding: 1) == "discarded")
    } else {
      _ = try PostgresRepairCatalog(catalog: scan.database.catalog()).dropLeftSlices(limit: 9, by: "r")
    }
    #expect(try scan.stagedRows == 0)
    #expect(try scan.standing == "partial discard 0 0 0")
    #expect(try scan.removedFiles == 0)
  }

  @Test func `a scan is cancelled before its verdict, and nothing that it does later is committed`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(3, in: scan.root))
    let late = scan.claim
    guard case .cancelled(let record) = try scan.people.cancelScan(of: LibraryID(1), by: "Ann", through: .cli) else {
      Issue.record("not cancelled")
      return
    }
    #expect(record.status == .cancelled)
    #expect(try scan.standing == "cancelled 0 0 0")
    #expect(try scan.stagedRows == 0)
    #expect(try scan.number("SELECT count(*) FROM slices") == 0)
    #expect(try scan.connection.texts("SELECT actor FROM scan_events WHERE event = 'cancelled'") == ["Ann"])
    let before = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.look(late) }?.isFenced == true)
    #expect(failure { () throws(CatalogError) in try scan.decide(late) }?.isFenced == true)
    #expect(failure { () throws(CatalogError) in try scan.catalog.end(late) }?.isFenced == true)
    #expect(try scan.contents() == before)
    guard case .noneActive = try scan.people.cancelScan(of: LibraryID(1), by: "Ann", through: .cli) else {
      Issue.record("cancelled twice")
      return
    }
  }

  @Test func `a scan that has its verdict is not cancelled, and goes on`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(3, in: scan.root))
    try scan.decide()
    let before = try scan.contents()
    guard case .ending(let record) = try scan.people.cancelScan(of: LibraryID(1), by: nil, through: .cli) else {
      Issue.record("cancelled after its verdict")
      return
    }
    #expect(record.id == ScanID(1))
    #expect(try scan.contents() == before)
    _ = try scan.applyAll(limit: 10)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test func `what was confirmed is taken back by a cancel, until it is decided on`() throws {
    let (scan, _, _) = try heldScan()
    try scan.confirm()
    let late = scan.claim
    guard case .heldAgain(let record) = try scan.people.cancelScan(of: LibraryID(1), by: "Ann", through: .cli) else {
      Issue.record("not held again")
      return
    }
    #expect(record.status == .partial)
    #expect(try scan.standing == "partial hold 0 5 0")
    #expect(try scan.stagedRows == 5)
    let before = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.decide(late) }?.isFenced == true)
    #expect(try scan.contents() == before)
    // Its late steps do not touch the next try either, whose slice has the same number.
    try scan.confirm()
    #expect(failure { () throws(CatalogError) in try scan.decide(late) }?.isFenced == true)
    #expect(try scan.standing == "running confirm 0 5 1")
    try scan.decide()
    guard case .ending = try scan.people.cancelScan(of: LibraryID(1), by: "Ann", through: .cli) else {
      Issue.record("cancelled after its verdict")
      return
    }
  }
}

extension FinalisingScan {
  fileprivate func answer(confirming scan: Int64) throws -> String {
    switch try people.confirm(ScanID(scan), by: "Ann", through: .cli) {
    case .confirmed: "confirmed"
    case .refused(let by): "refused by \(by.id)"
    case .superseded(let by): "superseded by \(by.id)"
    case .nothingHeld: "nothing"
    case .removing: "removing"
    case .unknownScan: "unknown"
    }
  }

  fileprivate func answer(discarding scan: Int64) throws -> String {
    switch try people.discard(ScanID(scan), by: "Ann", through: .cli) {
    case .discarded: "discarded"
    case .nothingHeld: "nothing"
    case .active: "active"
    case .unknownScan: "unknown"
    }
  }
}
