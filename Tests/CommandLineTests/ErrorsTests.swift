import Foundation
import TestSupport
import Testing

/// `rollcall errors`.
@Suite struct ErrorsTests {
  private static func scanned() throws -> TestDeployment {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    return deployment
  }

  private static func add(_ deployment: TestDeployment, _ values: String) throws {
    try deployment.database.query(
      """
      INSERT INTO errors (library_id, path, error_type, operation, errno, error_message, first_scan, first_seen,
                          resolved_scan, resolved_at)
      VALUES \(values)
      """)
  }

  @Test func `a scan that is not there is said so, and one without errors too`() throws {
    let deployment = try Self.scanned()
    for command in [["errors", "7"], ["errors", "7", "--json"], ["errors", "7", "--totals", "--json"]] {
      expectFailure(try deployment.run(command), code: 1, saying: "there is no scan 7")
    }
    expectFailure(try deployment.run(["errors", "x"]), code: 2, saying: "scan")
    #expect(try deployment.succeed(["errors", "1"]) == "Scan 1 has no errors.\n")
    #expect(try array(deployment.run(["errors", "1", "--json"])).isEmpty)
    #expect(try array(deployment.run(["errors", "1", "--totals", "--json"])).isEmpty)
  }

  @Test func `errors are grouped with their true totals, then listed newest first with all that is known`() throws {
    let deployment = try Self.scanned()
    try Self.add(
      deployment,
      """
      (1, 'a/b', 'permission_denied', 'openat', 13, 'openat: Permission denied (EACCES)', 1, now() - interval '2 hours', NULL, NULL),
      (1, '', 'io_error', 'statx', 5, 'gone wrong', 1, '2026-01-02 03:04:05.000678+00', 2, '2026-01-03 03:04:05+00'),
      (1, '\\xff0a1b5b33316d', 'io_error', NULL, NULL, E'x\\x1b[31m', 1, now(), NULL, NULL)
      """)
    try deployment.database.query(
      "INSERT INTO scan_error_counts VALUES (1, 'io_error', 5000), (1, 'permission_denied', 1)")
    let lines = try deployment.succeed(["errors", "1"]).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0].hasPrefix("TYPE               TOTAL  LISTED  WHAT TO DO"), "\(lines[0])")
    #expect(lines[1].hasPrefix("io_error           5,000       2  look at the disk"), "\(lines[1])")
    #expect(lines[2].hasPrefix("permission_denied      1       1  let the worker's user"), "\(lines[2])")
    #expect(lines[3] == "")
    #expect(lines[4].hasPrefix(#"io_error  \xff\x0a\x1b[31m  x\x1b[31m  since "#), "\(lines[4])")
    #expect(lines[5].hasPrefix("io_error  (the root)  statx: gone wrong  since "), "\(lines[5])")
    #expect(lines[5].contains(", resolved by scan 2 "), "\(lines[5])")
    #expect(
      lines[6] == "permission_denied  a/b  openat: Permission denied (EACCES)  since 2 h 0 m ago, open", "\(lines[6])")

    let rows = try array(deployment.run(["errors", "1", "--json"]))
    #expect(
      Set(rows[0].keys) == [
        "id", "scan_id", "path", "path_base64", "error_type", "operation", "errno", "error_message", "created_at",
        "first_seen", "last_seen", "resolved_scan", "resolved_at",
      ])
    #expect(rows.map { $0["id"] as? Int } == [3, 2, 1])
    #expect(
      rows[0]["path_base64"] as? String == Data([0xff, 0x0a, 0x1b, 0x5b, 0x33, 0x31, 0x6d]).base64EncodedString())
    #expect(rows[0]["operation"] is NSNull && rows[0]["errno"] is NSNull && rows[0]["resolved_at"] is NSNull)
    #expect(rows[1]["first_seen"] as? String == "2026-01-02T03:04:05.000678Z")
    #expect(rows[1]["created_at"] as? String == "2026-01-02T03:04:05.000678Z")
    #expect(rows[1]["resolved_at"] as? String == "2026-01-03T03:04:05.000000Z")
    #expect(rows[1]["scan_id"] as? Int == 1 && rows[1]["resolved_scan"] as? Int == 2 && rows[1]["errno"] as? Int == 5)
    #expect(rows[2]["path_base64"] is NSNull)

    let totals = try array(deployment.run(["errors", "1", "--totals", "--json"]))
    #expect(totals.map { $0["error_type"] as? String } == ["io_error", "permission_denied"])
    #expect(totals.map { $0["total"] as? Int } == [5_000, 1])
    #expect(totals.map { $0["rows"] as? Int } == [2, 1])
    #expect(try deployment.succeed(["errors", "1", "--totals"]).split(separator: "\n").count == 3)
  }

  @Test func `many errors are streamed, an element a line`() throws {
    let deployment = try Self.scanned()
    try deployment.database.query(
      """
      INSERT INTO errors (library_id, path, error_type, error_message, first_scan)
      SELECT 1, convert_to('p' || n, 'UTF8'), 'type' || n % 50, repeat('m', 1000), 1 FROM generate_series(1, 50000) n
      """)
    let json = try deployment.run(["errors", "1", "--json"])
    #expect(json.code == 0 && json.text.split(separator: "\n").count == 50_002)
    #expect(try array(json).count == 50_000)
    let shown = try deployment.run(["errors", "1"])
    #expect(shown.text.split(separator: "\n").count == 1 + 50 + 50_000)
    #expect(shown.text.contains("this release does not know the type"))
  }
}
