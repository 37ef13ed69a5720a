import ScanModel
import Testing

@testable import Catalog

/// A `finalise` slice that fails again and again: its scan ends all the same, and says how far it came.
@Suite struct RemovalAttemptTests {
  @Test func `before the verdict the scan fails with the last failure, and removes nothing`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(3, in: scan.root))
    try scan.connection.query("UPDATE slices SET attempts = 3 WHERE number = 2")
    try scan.connection.query(
      """
      INSERT INTO scan_events (scan_id, event, detail)
      VALUES (1, 'slice_failed', '{"slice": 2, "error": "early"}'), (1, 'slice_failed', '{"slice": 2, "error": "late"}'),
             (1, 'slice_failed', '{"slice": 1, "error": "another"}')
      """)
    _ = try scan.takeOver()
    #expect(scan.catalog.hasUsedItsAttempts(scan.claim))
    #expect(try scan.catalog.giveUp(scan.claim) == .failed)
    #expect(
      try scan.connection.texts("SELECT status || ': ' || error_message FROM scans")
        == ["failed: the end of the scan failed: late"])
    #expect(try scan.removedFiles == 0)
    #expect(try scan.stagedRows == 0)
    #expect(try scan.number("SELECT count(*) FROM slices") == 0)
  }

  @Test func `after the verdict the rest is held, and the scan ends partial`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.files(6, in: directory)
    try scan.stage(directory: directory)
    try scan.decide()
    #expect(try scan.catalog.applyRemovals(scan.claim, limit: 4) == RemovalBatch(files: 4, isLeft: true))
    try scan.connection.query("UPDATE slices SET attempts = 3 WHERE number = 2")
    _ = try scan.takeOver()
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    let record = try scan.connection.query("SELECT files_removed, removals_held, message FROM scans")[0]
    #expect(try record.int64(0) == 4)
    #expect(try record.int64(1) == 2)
    #expect(
      try record.text(2)
        == "2 missing files could not be removed from the catalogue: each of its last 3 workers died at it. "
        + "`rollcall confirm 1` looks again and removes what is still missing, `rollcall discard 1` lets go of it "
        + "until a scan finds it again; a new scan looks for itself.")
    #expect(try scan.removedFiles == 4)
    #expect(try scan.stagedRows == 1)
  }

  @Test func `what fails at the end itself, with nothing left to remove, completes`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(2, in: scan.root))
    try scan.decide()
    _ = try scan.applyAll(limit: 10)
    #expect(try scan.catalog.giveUp(scan.claim) == .completed)
  }

  @Test func `a failure after the verdict is tried again, and the last one holds the rest`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(5, in: scan.root))
    try scan.decide()
    for _ in 0..<2 {
      #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .requeued)
      _ = try scan.takeOver()
    }
    #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .failed)
    let record = try scan.connection.texts("SELECT concat_ws(' ', status, removals_held, message) FROM scans")
    #expect(record[0].hasPrefix("partial 5 5 missing files could not be removed from the catalogue: the disk is on"))
    #expect(try scan.stagedRows == 5)
    #expect(try scan.catalog.standing(of: scan.claim.slice) == .ended)
  }

  @Test func `a committed batch begins the attempts anew`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(5, in: scan.root))
    try scan.decide()
    for _ in 0..<4 {
      for _ in 0..<2 {
        #expect(try scan.catalog.fail(scan.claim, message: "m") == .requeued)
        _ = try scan.takeOver()
      }
      _ = try scan.catalog.applyRemovals(scan.claim, limit: 1)
      #expect(try scan.number("SELECT attempts FROM slices WHERE number = 2") == 0)
    }
    #expect(try scan.removedFiles == 4)
  }

  @Test func `a committed page of the second look begins the attempts anew`() throws {
    let scan = try FinalisingScan()
    let files = try scan.files(4, in: scan.root)
    try scan.stage(files: files)
    for file in files {
      try scan.failTwice()
      try scan.look(upTo: file)
      #expect(try scan.number("SELECT attempts FROM slices WHERE number = 2") == 0)
    }
    // What fails without a page between still ends its scan.
    try scan.failTwice()
    #expect(try scan.catalog.fail(scan.claim, message: "m") == .failed)
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["failed"])
  }

  @Test func `a second look goes on after its last page, and begins anew when that is long ago`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.stage(directory: directory)
    let files = try scan.files(4, in: scan.root)
    try scan.stage(files: files)
    for place in [StagedPlace(isDirectory: true, row: directory), StagedPlace(isDirectory: false, row: files[1])] {
      try scan.catalog.commitLook(scan.claim, upTo: place, present: [])
      _ = try scan.takeOver()
      #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: place))
    }
    let last = StagedPlace(isDirectory: false, row: files[1])
    let page = try scan.catalog.stagedRemovals(scan.claim, after: last, limit: 10)
    #expect(page.removals.map(\.row) == [files[2], files[3]])
    try scan.connection.query("UPDATE slices SET looked_at = looked_at - interval '11 minutes' WHERE number = 2")
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: nil))
  }
}

extension FinalisingScan {
  /// One failure less than the scan may have.
  fileprivate func failTwice() throws {
    for _ in 0..<2 {
      #expect(try catalog.fail(claim, message: "m") == .requeued)
      _ = try takeOver()
    }
  }
}
