import Foundation
import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// How errors are counted, bounded and resolved on the server.
@Suite struct ErrorTests {
  private static func errors(_ count: Int, from first: Int = 0, of directory: Int64) -> SliceErrors {
    var errors = SliceErrors()
    errors.changes = [.oversized: Int64(count)]
    errors.rows = (first..<first + count).map {
      SliceError(
        place: .entry(of: directory), path: Array("d/\($0)".utf8), type: .oversized, operation: nil, errno: nil,
        message: "large")
    }
    return errors
  }

  @Test func `of each type a thousand rows are kept, however many slices commit at once, and the totals count all`()
    throws
  {
    let scan = try RunningScan(maxParallel: 8)
    let queued = try scan.catalog.commit(scan.claim, finding: 8)
    let database = scan.database
    _ = try onThreads(8) { index in
      let catalog = PostgresSlotCatalog(
        catalog: database.catalog(), slot: .named("w\(index)"), host: "h", maxAttempts: 3)
      let claim = try catalog.claim(queued[index])
      _ = try catalog.rows(for: claim)
      var results = SliceResults()
      results.errors = Self.errors(300, of: claim.frontier.visits[0])
      results.errors.changes[.ioError] = 1
      results.errors.rows.append(
        SliceError(
          place: .directory(claim.frontier.visits[0]), path: [], type: .ioError, operation: nil, errno: nil, message: ""
        ))
      _ = try catalog.commit(claim, results)
    }
    let totals = try database.catalog().errorTotals(of: ScanID(1))
    #expect(
      totals == [
        ScanErrorTotal(type: "oversized", total: 2_400, rows: 1_000),
        ScanErrorTotal(type: "io_error", total: 8, rows: 8),
      ])
    #expect(try scan.connection.number("SELECT errors_count FROM scans") == 2_408)
    #expect(try scan.connection.number("SELECT count(*) FROM scan_errors WHERE scan_id = 1") == 1_008)
  }

  @Test func `rows that are resolved make room, and one that is open already takes none`() throws {
    let scan = try RunningScan()
    let root = scan.root
    func commit(_ claim: SliceClaim, _ errors: SliceErrors) throws {
      _ = try scan.catalog.rows(for: claim)
      var results = SliceResults()
      results.errors = errors
      _ = try scan.catalog.commit(claim, results)
    }
    try commit(scan.claim, Self.errors(1_500, of: root))
    #expect(try scan.connection.number("SELECT count(*) FROM errors WHERE path < 'd/2'") > 0, "the first ones first")
    #expect(try scan.connection.number("SELECT max(convert_from(name, 'UTF8')::integer) FROM errors") == 999)
    _ = try scan.catalog.end(try scan.catalog.claim(ScanID(1).slice(2)))

    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    var again = Self.errors(500, from: 700, of: root)
    again.changes = [.oversized: -100]
    again.resolved = try scan.connection.query("SELECT id FROM errors ORDER BY id LIMIT 100").map { try $0.int64(0) }
    try commit(try scan.catalog.claim(next.slice(1)), again)
    #expect(try scan.connection.number("SELECT count(*) FROM errors WHERE resolved_scan = 2") == 100)
    #expect(try scan.connection.number("SELECT count(*) FROM errors WHERE first_scan = 2") == 100)
    #expect(try scan.connection.number("SELECT count(*) FROM errors WHERE resolved_scan IS NULL") == 1_000)
    #expect(try scan.connection.number("SELECT count(*) FROM scan_errors WHERE scan_id = 1") == 1_000)
    #expect(try scan.connection.number("SELECT count(*) FROM scan_errors WHERE scan_id = 2") == 1_000)
    #expect(try scan.connection.number("SELECT total FROM scan_error_counts WHERE scan_id = 2") == 1_400)
  }

  @Test func `last seen is when the last scan ended in which the error was open`() throws {
    let scan = try RunningScan()
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    results.errors = Self.errors(1, of: scan.root)
    _ = try scan.catalog.commit(scan.claim, results)
    let seen = "SELECT last_seen = first_seen, count(*) OVER () FROM scan_errors"
    #expect(try scan.connection.query(seen)[0].boolean(0), "its scan goes on")
    _ = try scan.catalog.end(try scan.catalog.claim(ScanID(1).slice(2)))
    let ended = "SELECT last_seen = (SELECT completed_at FROM scans WHERE id = $1) FROM scan_errors"
    #expect(try scan.connection.query(ended, [.int64(1)])[0].boolean(0))
    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    #expect(try scan.catalog.finish(next) == .partial)
    #expect(try scan.connection.query(ended, [.int64(2)]).map { try $0.boolean(0) } == [true, true])
  }

  /// A directory and a file of the library's root, as a worker of an earlier release leaves them.
  private static func scanned() throws -> (scan: RunningScan, directory: Int64) {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    let directory = try writer.directory(named: "d", in: scan.root, .directory)
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    return (scan, directory)
  }

  @Test func `what a worker of an earlier release inserts has its place, its counts, and is resolved`() throws {
    let (scan, directory) = try Self.scanned()
    let insert = """
      INSERT INTO scan_errors (scan_id, path, error_type, operation, errno, error_message)
      SELECT 1, convert_to(u, 'UTF8'), 'io_error', NULL, NULL, 'm' FROM unnest($1::text[]) u
      """
    try scan.connection.query(insert, [.textArray(["d", "d/x", "d/y", "d", "z", "", "gone/x/y", "d/x"])])
    #expect(
      try scan.connection.texts(
        """
        SELECT format('%s %s', directory_id, convert_from(name, 'UTF8')) FROM errors ORDER BY directory_id, name NULLS FIRST
        """) == ["\(scan.root) ", "\(scan.root) z", "\(directory) ", "\(directory) x", "\(directory) y", " "])
    #expect(
      try scan.connection.texts("SELECT format('%s %s', errors, unread) FROM directories ORDER BY id") == [
        "{\"io_error\": 1} io_error", "{\"io_error\": 2} io_error",
      ])
    #expect(try scan.connection.texts("SELECT format('%s %s', total, fleeting) FROM error_counts") == ["6 1"])
    #expect(try scan.catalog.end(try scan.catalog.claim(ScanID(1).slice(2))) == .partial)
    #expect(try scan.database.catalog().scan(ScanID(1))?.counters.errors == 6)

    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let claim = try scan.catalog.claim(next.slice(1))
    #expect(claim.frontier.directories.first?.known?.errors == nil, "no scan has visited the root")
    _ = try scan.catalog.rows(for: claim)
    var results = SliceResults()
    results.errors.healed = [scan.root, directory]
    results.errors.changes = [.ioError: -5]
    _ = try scan.catalog.commit(claim, results)
    #expect(try scan.connection.number("SELECT count(*) FROM errors WHERE resolved_scan IS NULL") == 0)
    #expect(try scan.catalog.end(try scan.catalog.claim(next.slice(2))) == .completed)
  }

  @Test func `errors of an earlier schema become rows of the scans in which they were`() throws {
    let database = try TestDatabase(migrated: false)
    let connection = database.connection()
    let place = try #require(
      Migrations.all.firstIndex { String(decoding: $0, as: UTF8.self).contains("CREATE TABLE errors") })
    for migration in Migrations.all[..<place] { try connection.script(String(decoding: migration, as: UTF8.self)) }
    try connection.script(
      """
      SELECT add_library('media', '/srv/media', '{"queue": "default", "max_parallel": 1}');
      INSERT INTO scans (library_id, mode, status, requested_through, root_path, queue, max_parallel, rules, rules_version,
                         started_at, completed_at, errors_count)
      SELECT 1, 'full', 'partial', 'cli', '/', 'q', 1, '{}', 1, now(), now(), 2 FROM generate_series(1, 2);
      INSERT INTO directories (library_id, id, parent_id, name) SELECT 1, 9, root_directory, 'd' FROM libraries;
      INSERT INTO scan_errors (scan_id, path, error_type, operation, errno, error_message, created_at)
      VALUES (1, 'd/x', 'io_error', 'statx', 5, 'm', '2026-01-01'), (1, 'd', 'oversized', NULL, NULL, 'm', '2026-01-01'),
             (2, 'd/x', 'io_error', 'statx', 5, 'm', '2026-01-02'), (2, 'd', 'io_error', 'openat', 5, 'm', '2026-01-02');
      """)
    try connection.script(String(decoding: Migrations.all[place], as: UTF8.self))
    #expect(
      try connection.texts(
        """
        SELECT format('%s %s %s %s %s', scan_id, convert_from(path, 'UTF8'), error_type, created_at::date, resolved_scan)
          FROM scan_errors ORDER BY scan_id, path
        """) == [
          "1 d oversized 2026-01-01 2", "1 d/x io_error 2026-01-01 2", "2 d io_error 2026-01-02 ",
          "2 d/x io_error 2026-01-02 ",
        ])
    #expect(
      try connection.texts("SELECT format('%s %s %s', scan_id, error_type, total) FROM scan_error_counts ORDER BY 1")
        == [
          "1 io_error 1", "1 oversized 1", "2 io_error 2",
        ])
    #expect(
      try connection.texts("SELECT format('%s %s', errors, unread) FROM directories WHERE id = 9") == [
        "{\"io_error\": 1} io_error"
      ])
    #expect(try connection.texts("SELECT format('%s %s', error_type, total) FROM error_counts") == ["io_error 2"])
    #expect(try connection.number("SELECT count(*) FROM pg_class WHERE relname = 'scan_errors_before'") == 0)
  }

  struct Nothing: Sendable, CustomTestStringConvertible {
    var directories: Int64 = 1
    var errors = ErrorCounts()
    var ignored = 0
    let message: String
    var testDescription: String { message }
  }

  @Test(arguments: [
    Nothing(message: "No file was found: the root is empty."),
    Nothing(directories: 3, message: "No file was found: 2 directories hold no file."),
    Nothing(ignored: 1, message: "No file was found: the rules ignore 1 entry."),
    Nothing(
      directories: 2, ignored: 7, message: "No file was found: the rules ignore 7 entries; 1 directory holds no other."),
    Nothing(
      errors: [.invalidExtension: 3, .oversized: 1],
      message: "No file was found: the rules reject 4 files (3 by extension, 1 by size). See `rollcall errors 1`."),
    Nothing(
      errors: [.oversized: 1],
      message: "No file was found: the rules reject 1 file (1 by size). See `rollcall errors 1`."),
    Nothing(
      directories: 0, errors: [.permissionDenied: 1],
      message: "No file was found: no permission to read 1 place. See `rollcall errors 1`."),
    Nothing(
      directories: 5, errors: [.permissionDenied: 2, .ioError: 1, .invalidExtension: 1], ignored: 2,
      message: "No file was found: no permission to read 2 places; the rules reject 1 file (1 by extension); "
        + "the rules ignore 2 entries; 1 other error; 4 directories hold no other. See `rollcall errors 1`."),
  ])
  func `a scan that has found no file says why`(_ nothing: Nothing) throws {
    let scan = try RunningScan()
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    results.directoriesSeen = nothing.directories
    results.errors.changes = nothing.errors
    _ = try scan.catalog.commit(scan.claim, results)
    try scan.connection.query("UPDATE scans SET entries_ignored = $1", [.int64(Int64(nothing.ignored))])
    _ = try scan.catalog.end(try scan.catalog.claim(ScanID(1).slice(2)))
    #expect(try scan.database.catalog().scan(ScanID(1))?.message == nothing.message)
  }

  @Test func `one that has found a file says nothing, and what was held says more`() throws {
    let scan = try RunningScan()
    var results = SliceResults()
    results.filesUnchanged = 1
    _ = try scan.catalog.rows(for: scan.claim)
    _ = try scan.catalog.commit(scan.claim, results)
    _ = try scan.catalog.end(try scan.catalog.claim(ScanID(1).slice(2)))
    #expect(try scan.database.catalog().scan(ScanID(1))?.message == nil)

    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    _ = try scan.catalog.rows(for: try scan.catalog.claim(next.slice(1)))
    try scan.connection.query("UPDATE scans SET message = 'held' WHERE id = 2")
    scan.catalog.abandon(scan.claim)
    #expect(try scan.catalog.finish(next) == .completed)
    #expect(try scan.database.catalog().scan(next)?.message == "held")
  }
}
