import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What the functions that change a slice ask of their caller: epoch, claim and state, each by itself.
@Suite struct FenceTests {
  /// What a caller has wrong.
  enum Mistake: CaseIterable {
    case epoch, claim, state
  }

  /// Runs a statement for `$1`, the epoch, and `$2`, the claim, with one of them wrong or the slice not running any
  /// more; nothing changes, whatever it answers.
  private func expectFenced(
    _ sql: String, _ claim: SliceClaim, on connection: PostgresConnection, contents: () throws -> [String]
  ) throws {
    for mistake in Mistake.allCases {
      let number = claim.slice.number
      if mistake == .state { try connection.query("UPDATE slices SET state = 'done' WHERE number = \(number)") }
      let before = try contents()
      let epoch = mistake == .epoch ? claim.epoch - 1 : claim.epoch
      let id = mistake == .claim ? ClaimID() : claim.claim
      let state = failureState { () throws(PostgresError) in
        try connection.query("\(sql) -- \(mistake)", [.int32(epoch), .uuid("\(id)")])
      }
      #expect(state == nil || state == "RC001", "\(sql)")
      #expect(try contents() == before, "\(sql) with the wrong \(mistake)")
      if mistake == .state { try connection.query("UPDATE slices SET state = 'running' WHERE number = \(number)") }
    }
  }

  private func failureState(_ body: () throws(PostgresError) -> PostgresRows) -> String? {
    do {
      _ = try body()
      return nil
    } catch {
      return error.sqlState
    }
  }

  @Test(arguments: [
    "SELECT fence_slice(1, 1, $1, $2, 5)",
    "SELECT checkpoint_slice(1, 1, $1, $2, 5, '{7}')",
    "SELECT release_slice(1, 1, $1, $2)",
    "SELECT slice_failed(1, 1, $1, $2, 'm', 9)",
    "SELECT slice_refused(1, 1, $1, $2, 'h', '{h,i}', 'm')",
  ])
  func `no step of a slice is taken under another epoch or claim, nor where it does not run`(_ sql: String) throws {
    let scan = try RunningScan()
    func contents() throws -> [String] {
      try scan.connection.texts(
        """
        SELECT t::text FROM scans t UNION ALL SELECT t::text FROM slices t UNION ALL SELECT t::text FROM scan_events t
         ORDER BY 1
        """)
    }
    try expectFenced(sql, scan.claim, on: scan.connection, contents: contents)
    let before = try contents()
    try scan.connection.query(sql, [.int32(scan.claim.epoch), .uuid("\(scan.claim.claim)")])
    #expect(try contents() != before, "with nothing wrong it changes something")
  }

  @Test(arguments: [
    (nil, "SELECT unstage_removals(1, 2, $1, $2, '{}', ARRAY(SELECT id FROM files))"),
    (nil, "SELECT decide_removals(1, 2, $1, $2, 1)"),
    ("apply", "SELECT apply_removals(1, 2, $1, $2, 9)"),
    ("hold", "SELECT end_scan(1, 2, $1, $2, 'w')"),
    (nil, "SELECT give_up_finalise(1, 2, $1, $2)"),
  ])
  func `no step of a scan's end is taken under another epoch or claim, nor where it does not run`(
    verdict: String?, sql: String
  ) throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(3, in: scan.root))
    if let verdict { try scan.connection.query("UPDATE scans SET removal_verdict = '\(verdict)'") }
    try expectFenced(sql, scan.claim, on: scan.connection, contents: scan.contents)
    let before = try scan.contents()
    try scan.connection.query(sql, [.int32(scan.claim.epoch), .uuid("\(scan.claim.claim)")])
    #expect(try scan.contents() != before, "with nothing wrong it changes something")
  }

  @Test func `a walk slice decides and removes nothing`() throws {
    let scan = try RunningScan()
    let state = failureState { () throws(PostgresError) in
      try scan.connection.query(
        "SELECT decide_removals(1, 1, $1, $2, 1)", [.int32(1), .uuid("\(scan.claim.claim)")])
    }
    #expect(state == "RC001")
  }

  @Test(arguments: [
    "SELECT decide_removals(1, 2, $1, $2, 1)", "SELECT apply_removals(1, 2, $1, $2, 9)",
    "SELECT end_scan(1, 2, $1, $2, 'w')",
  ])
  func `in a scan that has ended nothing is decided, removed or ended`(_ sql: String) throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(3, in: scan.root))
    let verdict = sql.contains("decide") ? "NULL" : "'apply'"
    try scan.connection.query(
      "UPDATE scans SET status = 'cancelled', completed_at = now(), removal_verdict = \(verdict)")
    let before = try scan.contents()
    let state = failureState { () throws(PostgresError) in
      try scan.connection.query(sql, [.int32(scan.claim.epoch), .uuid("\(scan.claim.claim)")])
    }
    #expect(state == "RC002")
    #expect(try scan.contents() == before)
  }
}
