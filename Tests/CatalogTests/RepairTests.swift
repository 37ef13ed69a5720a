import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What the reaper's functions promise beyond their model, on the server.
@Suite struct RepairTests {
  let scan: RunningScan
  let repairs: PostgresRepairCatalog

  init() throws {
    scan = try RunningScan(maxParallel: 4)
    repairs = PostgresRepairCatalog(catalog: scan.database.catalog())
  }

  private var lost: [LostPointer] {
    [LostPointer(slice: OpenSlice(slice: scan.claim.slice, queue: "q", state: .running, epoch: 1), age: .seconds(9))]
  }

  /// The events of a kind: actor and detail.
  private func events(_ event: String = "repaired") throws -> [String] {
    try scan.connection.texts(
      "SELECT actor || ' ' || detail::text FROM scan_events WHERE event = $1 ORDER BY id", [.text(event)])
  }

  @Test func `a repair is recorded with its actor and the state before and after`() throws {
    #expect(try repairs.repair(lost, by: "reaper r-1") == [scan.claim.slice])
    let event = try #require(try events().first)
    #expect(event.hasPrefix("reaper r-1 {"))
    for part in [
      #""what": "pointer""#, #""slice": 1"#, #""state": "running""#, #""pointer": "nowhere""#, #""pointer": "queued""#,
    ] {
      #expect(event.contains(part), "\(part) in \(event)")
    }
  }

  @Test func `a slice whose holder is frozen in its commit is repaired without waiting, and once`() throws {
    let frozen = scan.database.connection()
    try frozen.begin()
    try frozen.query("UPDATE slices SET state = 'done' WHERE number = 1")
    #expect(try repairs.repair(lost, by: "r") == [scan.claim.slice])
    #expect(try repairs.repair(lost, by: "s") == [])
    #expect(try events().count == 1)
    frozen.rollback()
  }

  @Test func `of a frozen holder's slice only its own pointer's repair, since it was missed, counts as one`() throws {
    let frozen = scan.database.connection()
    try frozen.begin()
    try frozen.query("UPDATE slices SET state = 'done' WHERE number = 1")
    try scan.connection.query(
      """
      INSERT INTO scan_events (scan_id, event, detail)
      VALUES (1, 'returned', '{"what": "pointer", "slice": 1}'), (1, 'repaired', '{"what": "promotion", "slice": 1}'),
             (1, 'repaired', '{"what": "pointer", "slice": 2}')
      """)
    try scan.connection.query(
      """
      INSERT INTO scan_events (scan_id, event, at, detail)
      VALUES (1, 'repaired', clock_timestamp() - interval '10 s', '{"what": "pointer", "slice": 1}')
      """)
    #expect(try repairs.repair(lost, by: "r") == [scan.claim.slice])
    #expect(try repairs.repair(lost, by: "s") == [])
    frozen.rollback()
  }

  @Test func `slices of an ended scan that a late commit holds are passed over in silence`() throws {
    try scan.connection.query("UPDATE scans SET status = 'cancelled', completed_at = now()")
    let late = scan.database.connection()
    try late.begin()
    try late.query("UPDATE slices SET entries = 1 WHERE number = 1")
    #expect(try repairs.dropLeftSlices(limit: 9, by: "r") == [:])
    #expect(try events() == [])
    late.rollback()
    #expect(try repairs.dropLeftSlices(limit: 9, by: "r") == [scan.claim.slice.scan: 1])
    #expect(try events().count == 1)
  }

  @Test(arguments: [0, 1, 3, 7])
  func `a wrong count of open slices is set right, whether too high or too low`(_ count: Int) throws {
    _ = try scan.settle([1, 2])
    try scan.connection.query("UPDATE scans SET open_slices = \(count)")
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan.claim.slice.scan])
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.openSlices])
    #expect(try scan.connection.number("SELECT open_slices FROM scans") == 2)
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [])
  }

  @Test func `a finalise slice that was added counts as any other`() throws {
    try scan.connection.query("UPDATE slices SET state = 'done' WHERE number = 1")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").last?.kind == .finalise)
    #expect(try scan.connection.number("SELECT open_slices FROM scans") == 1)
    #expect(try scan.connection.number("SELECT next_slice FROM scans") == 3)
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [])
    try scan.connection.query("DELETE FROM slices WHERE number = 2")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.slicesLost])
  }

  @Test func `a scan that is paused or has ended is not mended, whatever its slices say`() throws {
    _ = try scan.settle([1, 2])
    for status in ["paused", "cancelled"] {
      try scan.connection.query(
        "UPDATE scans SET open_slices = 7, status = $1, completed_at = CASE WHEN $1 = 'cancelled' THEN now() END",
        [.text(status)])
      #expect(try repairs.scansAdrift(after: nil, limit: 9) == [])
      #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    }
    #expect(try events() == [])
  }

  @Test func `a scan whose row somebody holds is left to the next pass`() throws {
    _ = try scan.settle([1, 2])
    try scan.connection.query("UPDATE scans SET open_slices = 7")
    let other = scan.database.connection()
    try other.begin()
    try other.query("UPDATE scans SET files_seen = files_seen")
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan.claim.slice.scan])
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    other.rollback()
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.openSlices])
    #expect(try scan.connection.number("SELECT open_slices FROM scans") == 2)
    let event = try #require(try events().first)
    #expect(event.contains(#""before": {"open_slices": 7}"#) && event.contains(#""after": {"open_slices": 2}"#))
  }

  @Test func `a commit that is under way is seen whole or not at all`() throws {
    let commit = scan.database.connection()
    try commit.begin()
    try commit.query("UPDATE slices SET state = 'done' WHERE number = 1")
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [])
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    try commit.query("SELECT * FROM settle_slice(1, 1, '{}', 1, 1, 1, 0, 0, 1, 0)")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    try commit.query("COMMIT")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    #expect(try scan.connection.texts("SELECT kind FROM slices WHERE state <> 'done'") == ["finalise"])
    #expect(try events() == [])
  }

  @Test func `a scan whose slices are lost says so`() throws {
    try scan.connection.query("DELETE FROM slices")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.slicesLost])
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["failed"])
    #expect(try scan.connection.texts("SELECT error_message FROM scans")[0].contains("scan again"))
    #expect(try events().count == 1)
    #expect(try scan.connection.number("SELECT count(*) FROM scan_events WHERE event = 'failed'") == 1)
  }

  @Test func `a scan that has lost one of its slices fails, and does not end as if that were walked`() throws {
    _ = try scan.settle([1, 2])
    try scan.connection.query("DELETE FROM slices WHERE number = 2")
    #expect(try repairs.scansAdrift(after: nil, limit: 9) == [scan.claim.slice.scan])
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.slicesLost])
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["failed"])
    #expect(try #require(try events().first).contains(#""left": 2"#))
  }

  @Test(arguments: [false, true])
  func `a scan that loses its slices after its verdict does not fail: it holds the rest, and ends`(
    _ isWorkedOn: Bool
  ) throws {
    let scan = try FinalisingScan()
    let repairs = PostgresRepairCatalog(catalog: scan.database.catalog())
    try scan.stage(files: try scan.files(5, in: scan.root))
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.applyRemovals(scan.claim, limit: 2).files == 2)
    try scan.connection.query("DELETE FROM slices WHERE number = \(isWorkedOn ? 1 : 2)")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.slicesLost])
    #expect(
      try scan.connection.texts(
        "SELECT concat_ws(' ', status, removal_verdict, removals_held, files_removed) FROM scans")
        == ["partial hold 3 2"])
    #expect(try scan.connection.texts("SELECT message FROM scans")[0].contains("slices were lost"))
    #expect(try scan.removedFiles == 2 && scan.stagedRows == 3)
    #expect(
      try scan.connection.texts("SELECT event FROM scan_events WHERE scan_id = 1 ORDER BY id").suffix(4)
        == ["slice_failed", "removals_held", "partial", "repaired"])
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.applyRemovals(scan.claim, limit: 9) }?.isFenced == true)
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
  }

  @Test func `a scan with a verdict whose slice somebody works on this moment is left to the next pass`() throws {
    let scan = try FinalisingScan()
    let repairs = PostgresRepairCatalog(catalog: scan.database.catalog())
    #expect(try scan.decide() == .apply)
    try scan.connection.query("DELETE FROM slices WHERE number = 1")
    let commit = scan.database.connection()
    try commit.begin()
    try commit.query("SELECT 1 FROM slices WHERE number = 2 FOR UPDATE")
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r") == [])
    commit.rollback()
    #expect(try repairs.mend(scan.claim.slice.scan, by: "r").map(\.kind) == [.slicesLost])
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["completed"], "nothing was left to remove")
  }

  @Test func `what was returned is recorded on scans that go on`() throws {
    let slot = SlotID(worker: WorkerID(name: "anna", suffix: "1"), index: 3)
    let gone = SliceID(scan: ScanID(99), number: 1)
    try repairs.record(
      [
        ReturnedSlice(slice: scan.claim.slice, slot: slot, reason: "dead"),
        ReturnedSlice(slice: gone, slot: slot, reason: "dead"),
      ], by: "reaper r-1")
    #expect(
      try events("returned") == [
        #"reaper r-1 {"slot": 3, "slice": 1, "reason": "dead", "worker": "anna-1"}"#
      ])
  }
}
