import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What scans have staged and nobody wants any more goes by and by.
@Suite struct StagedLeftTests {
  private static let most: Int64 = 100_000
  private let scan: FinalisingScan
  private let repairs: PostgresRepairCatalog

  init() throws {
    scan = try FinalisingScan()
    repairs = PostgresRepairCatalog(catalog: scan.database.catalog())
  }

  private func stage(_ count: Int64, by staging: Int = 1) throws {
    try scan.connection.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name)
      SELECT \(staging), 1, 'f', n, 1, '\\x61' FROM generate_series(1, $1) n
      """, [.int64(count)])
  }

  private func set(_ status: String, verdict: String = "NULL") throws {
    let end = status == "running" ? "NULL" : "now()"
    try scan.connection.query(
      "UPDATE scans SET status = '\(status)', completed_at = \(end), removal_verdict = \(verdict), error_message = 'm'")
  }

  @Test(arguments: [
    ("running", "NULL", true), ("running", "'apply'", true), ("running", "'hold'", true), ("partial", "'hold'", true),
    ("completed", "'hold'", true), ("failed", "NULL", false), ("cancelled", "NULL", false),
    ("completed", "'apply'", false),
  ])
  func `the rows of an active scan stay, and those that the library's last scan holds`(
    _ status: String, verdict: String, stays: Bool
  ) throws {
    try stage(5)
    try set(status, verdict: verdict)
    _ = try repairs.dropLeftSlices(limit: 9, by: "r")
    #expect(try scan.stagedRows == (stays ? 5 : 0))
    guard status == "partial" else { return }
    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan()
    try stage(3, by: Int(next.id.rawValue))
    _ = try repairs.dropLeftSlices(limit: 9, by: "r")
    #expect(try scan.connection.texts("SELECT DISTINCT scan_id::text FROM staged_removals") == ["\(next.id)"])
  }

  @Test func `of what tells moves only what a scan may still read stays, while the next scan runs too`() throws {
    for (id, status) in [
      (2, "failed"), (3, "completed"), (4, "cancelled"), (5, "partial"), (6, "failed"), (7, "running"),
    ] {
      let end = status == "running" ? "NULL" : "now()"
      try scan.connection.query(
        """
        INSERT INTO scans OVERRIDING SYSTEM VALUE SELECT (s).* FROM (
          SELECT jsonb_populate_record(s, jsonb_build_object('id', \(id), 'status', '\(status)', 'completed_at', \(end),
                                                             'error_message', 'm')) AS s FROM scans s WHERE id = 1) s
        """)
      if id == 2 { try set("completed") }
    }
    try scan.connection.query(
      """
      INSERT INTO found_identities (library_id, file_id, inode, directory_id, name, scan_id)
      SELECT 1, n, n, 1, '\\x61', n FROM generate_series(1, 7) n
      """)
    try scan.connection.query(
      """
      INSERT INTO lost_identities (library_id, file_id, directory_id, name, kind, size, mtime_ns, inode, scan_id)
      SELECT 1, n, 1, '\\x61', 'f', 0, 0, n, n FROM generate_series(1, 7) n
      """)
    try scan.connection.query(
      """
      INSERT INTO staged_moves (scan_id, library_id, to_file_id, to_directory, to_name, kind, size, mtime_ns, ctime_ns, inode,
                                mode, file_id, from_directory, from_name, leaves_place, ambiguous)
      SELECT n, 1, n, 1, '\\x61', 'f', 0, 0, 0, n, 0, n, 1, '\\x62', false, false FROM generate_series(1, 7) n
      """)
    _ = try repairs.dropLeftSlices(limit: 9, by: "r")
    for (table, left) in [("found_identities", ["6", "7"]), ("lost_identities", ["6", "7"]), ("staged_moves", ["7"])] {
      #expect(try scan.connection.texts("SELECT scan_id::text FROM \(table) ORDER BY 1") == left, "\(table)")
    }
  }

  @Test func `no step deletes more than a bounded part, and later ones go on`() throws {
    try notingBatches()
    try stage(2 * Self.most + 50_000)
    try set("failed")
    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.stagedRows == Self.most + 50_000)
    for left in [50_000, 0, 0] {
      _ = try repairs.dropLeftSlices(limit: 9, by: "r")
      #expect(try scan.stagedRows == left)
    }
    #expect(try scan.number("SELECT max(rows) FROM batches") == Self.most)
  }

  @Test func `a library with many staged rows is removed in bounded steps`() throws {
    try notingBatches()
    try stage(2 * Self.most + 50_000)
    try set("failed")
    try scan.database.catalog().removeLibrary(LibraryID(1))
    #expect(try scan.stagedRows == 0)
    #expect(try scan.number("SELECT max(rows) FROM batches") == Self.most)
  }

  @Test func `a library with many errors is removed in bounded steps, and no other one's go`() throws {
    try notingBatches(of: "errors")
    try scan.connection.query(
      """
      INSERT INTO errors (library_id, path, error_type, error_message, first_scan)
      SELECT CASE WHEN n <= $1 THEN 1 ELSE 2 END, '', 'io_error', '', 1 FROM generate_series(1, $1 + 7) n
      """, [.int64(2 * Self.most + 50_000)])
    try set("failed")
    try scan.database.catalog().removeLibrary(LibraryID(1))
    #expect(try scan.number("SELECT count(*) FROM errors") == 7)
    #expect(try scan.number("SELECT max(rows) FROM batches") == Self.most)
  }

  @Test func `what somebody else is deleting is passed over without waiting`() throws {
    try stage(5)
    try set("failed")
    let other = scan.database.connection()
    try other.begin()
    try other.query("DELETE FROM staged_removals WHERE row_id <= 2")
    _ = try repairs.dropLeftSlices(limit: 9, by: "r")
    other.rollback()
    #expect(try scan.stagedRows == 2)
  }

  /// How many rows each statement deletes.
  private func notingBatches(of table: String = "staged_removals") throws {
    try scan.connection.script(
      """
      CREATE TABLE batches (rows bigint);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO batches SELECT count(*) FROM gone; RETURN NULL; END $$;
      CREATE TRIGGER note AFTER DELETE ON \(table) REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION note();
      """)
  }
}
