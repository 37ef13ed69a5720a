import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What a scan may remove, and what it must hold.
@Suite struct RemovalVerdictTests {
  struct Case: Sendable {
    let missing: Int
    /// Files that the scan has met again.
    let seen: Int
    /// Of the rules; without it they have none.
    var limits: (Int, Int)?
    let verdict: RemovalVerdict
  }

  @Test(arguments: [
    Case(missing: 1000, seen: 0, verdict: .apply),
    Case(missing: 1001, seen: 1001, verdict: .apply),
    Case(missing: 1001, seen: 1000, verdict: .hold),
    Case(missing: 10, seen: 0, limits: (10, 50), verdict: .apply),
    Case(missing: 11, seen: 0, limits: (10, 50), verdict: .hold),
    Case(missing: 11, seen: 11, limits: (10, 50), verdict: .apply),
    Case(missing: 11, seen: 10, limits: (10, 50), verdict: .hold),
    Case(missing: 1, seen: 99, limits: (0, 1), verdict: .apply),
    Case(missing: 2, seen: 98, limits: (0, 1), verdict: .hold),
    Case(missing: 20, seen: 0, limits: (0, 100), verdict: .apply),
    Case(missing: 20, seen: 0, limits: (20, 0), verdict: .apply),
    Case(missing: 21, seen: 100_000, limits: (20, 0), verdict: .hold),
    Case(missing: 0, seen: 0, limits: (0, 0), verdict: .apply),
  ])
  func `removals are held above both limits, not at either`(_ test: Case) throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    let files = try scan.files(test.missing, in: directory)
    // Half of them by themselves, half with their directory; what the scan has added is no part of the library.
    try scan.stage(files: files.prefix(test.missing / 2))
    try scan.stage(directory: directory)
    try scan.connection.query("UPDATE scans SET files_added = 77, files_seen = 77 + $1", [.int64(Int64(test.seen))])
    if let limits = test.limits {
      try scan.connection.query(
        "UPDATE scans SET rules = rules || jsonb_build_object('removal_limit', $1, 'removal_limit_percent', $2)",
        [.int64(Int64(limits.0)), .int64(Int64(limits.1))])
    }
    #expect(try scan.decide() == test.verdict)
    let isHeld = test.verdict == .hold
    #expect(try scan.number("SELECT removals_held FROM scans") == (isHeld ? Int64(test.missing) : 0))
    let event = try scan.connection.texts(
      """
      SELECT concat_ws(' ', event, actor, detail->>'files', detail->>'library_files', detail->>'removal_limit',
                       detail->>'removal_limit_percent') FROM scan_events WHERE event LIKE 'removals%'
      """)
    let (limit, percent) = test.limits ?? (1000, 50)
    let name = isHeld ? "removals_held" : "removals_applied"
    #expect(
      event == ["\(name) \(SlotID.named("a")) \(test.missing) \(test.missing + test.seen) \(limit) \(percent)"])
  }

  @Test func `what goes is counted once, and only what is live`() throws {
    let scan = try FinalisingScan()
    let outer = try scan.directory("outer")
    let inner = try scan.directory("inner", in: outer)
    let innermost = try scan.directory("innermost", in: inner)
    let kept = try scan.directory("kept")
    let (a, b, c) = (
      try scan.files(10, in: outer), try scan.files(100, in: inner), try scan.files(1000, in: innermost)
    )
    let d = try scan.files(10_000, in: kept)
    for directory in [outer, inner, innermost] { try scan.stage(directory: directory) }
    try scan.stage(files: a.prefix(3) + b.prefix(3) + c.prefix(3) + d.prefix(3))
    #expect(try scan.count().files == 1113)
    try scan.connection.query(
      "UPDATE files SET removed_at = now() WHERE id = ANY ($1)", [.int64Array([a[0], c[999], d[0]])])
    #expect(try scan.count().files == 1110)
    // What lies below a tombstone went before; what is staged by itself counts wherever it lies.
    try scan.connection.query("UPDATE directories SET removed_at = now() WHERE id = $1", [.int64(innermost)])
    #expect(try scan.count().files == 114)
  }

  /// Wider than the pages and the steps of the count, and staged within itself.
  @Test func `the count of a wide and deep tree is right, and taken in many steps`() throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan)
      SELECT 1, 2000000 + n, CASE WHEN n <= 9000 THEN $1 ELSE 2000000 + n - 4999 END, convert_to(n::text, 'UTF8'), 0, 0
        FROM generate_series(1, 20000) n
      """, [.int64(top)])
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan)
      SELECT 1, 3000000 + n, 2000000 + n % 20001, convert_to(n::text, 'UTF8'), 'f', 0, 0, 0, 0, 0, 0, 0
        FROM generate_series(1, 30000) n WHERE n % 20001 > 0
      """)
    try scan.stage(directory: top)
    for n in stride(from: 1, through: 20_000, by: 3_333) { try scan.stage(directory: 2_000_000 + Int64(n)) }
    try scan.stage(files: 3_010_000...3_016_000)
    let own = try scan.files(5_000, in: scan.root)
    try scan.stage(files: own)
    let count = try scan.count()
    #expect(count.files == 29_999 + 5_000)
    #expect(count.steps > 20)
  }

  @Test func `a verdict stands, whatever the limits and the list become`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(5, in: scan.root))
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: nil))
    #expect(try scan.decide() == .apply)
    try scan.connection.query("UPDATE scans SET rules = '{\"removal_limit\": 0}'")
    #expect(try scan.decide() == .apply)
    #expect(try scan.number("SELECT count(*) FROM scan_events WHERE event LIKE 'removals%'") == 1)
    #expect(try scan.catalog.removalStanding(scan.claim) == .decided(.apply))
    // Nothing is unstaged any more.
    let page = try scan.catalog.stagedRemovals(scan.claim, after: nil, limit: 10)
    let last = try #require(page.removals.last?.place)
    try scan.catalog.commitLook(scan.claim, upTo: last, present: page.removals)
    #expect(try scan.stagedRows == 5)
  }

  /// Ids of files and directories come from sequences of their own.
  @Test func `what is taken off the list is a file or a directory, of this scan`() throws {
    let scan = try FinalisingScan()
    try scan.connection.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name)
      VALUES (1, 1, 'd', 5, 1, 'a'), (1, 1, 'f', 5, 1, 'b'), (1, 1, 'd', 6, 1, 'c'), (1, 1, 'f', 6, 1, 'd'),
             (9, 1, 'd', 5, 1, 'a'), (9, 1, 'f', 6, 1, 'd')
      """)
    let page = try scan.catalog.stagedRemovals(scan.claim, after: nil, limit: 10)
    #expect(page.removals.count == 4)
    try scan.connection.query(
      "SELECT unstage_removals(1, 2, $1, $2, '{5}', '{6}')",
      [.int32(scan.claim.epoch), .uuid("\(scan.claim.claim)")])
    let left = try scan.connection.texts("SELECT scan_id || kind::text || row_id FROM staged_removals ORDER BY 1")
    #expect(left == ["1d6", "1f5", "9d5", "9f6"])
  }

  @Test func `a scan that holds removals ends partial, says what to do, and removes nothing`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(5, in: scan.root))
    try scan.connection.query("UPDATE scans SET rules = '{\"removal_limit\": 4}'")
    #expect(try scan.decide() == .hold)
    let before = try scan.contents()
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.applyRemovals(scan.claim, limit: 9) }?.isFenced == true)
    #expect(try scan.contents() == before)
    #expect(try scan.catalog.end(scan.claim) == .partial)
    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.removedFiles == 0)
    #expect(try scan.stagedRows == 5)
    let message = try scan.connection.texts("SELECT message FROM scans")[0]
    #expect(
      message.hasPrefix("5 of 5 files are missing, which is more than this library's removal limits (4 files and"))
    #expect(message.contains("`rollcall confirm 1` looks again"))
    #expect(message.contains("`rollcall discard 1`"))
  }

  @Test func `the message about held removals groups its figures`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(1_500, in: scan.root))
    try scan.connection.query("UPDATE scans SET rules = '{\"removal_limit\": 1200}', files_seen = 1000000")
    try scan.connection.query("UPDATE scans SET rules = rules || '{\"removal_limit_percent\": 0}'")
    #expect(try scan.decide() == .hold)
    let message = try scan.connection.texts("SELECT message FROM scans")[0]
    #expect(message.hasPrefix("1,500 of 1,001,500 files are missing"), "\(message)")
    #expect(message.contains("(1,200 files and 0 %)"), "\(message)")
  }

  @Test func `a scan does not end over what is staged and not decided, or not removed`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(2, in: scan.root))
    for verdict in [nil, RemovalVerdict.apply] {
      if verdict != nil { try scan.decide() }
      let before = try scan.contents()
      #expect(failure { () throws(CatalogError) in try scan.catalog.end(scan.claim) }?.sqlState == "P0001")
      #expect(try scan.contents() == before)
    }
    _ = try scan.applyAll(limit: 100)
    #expect(try scan.catalog.removalStanding(scan.claim) == .settled)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }
  @Test func `a scan does not end over a slice that is open, whatever its count says`() throws {
    let scan = try FinalisingScan()
    try scan.database.connection().query(
      "INSERT INTO slices (scan_id, number, kind, state, frontier) VALUES (1, 9, 'walk', 'ready', '{1}')")
    #expect(failure { () throws(CatalogError) in try scan.catalog.end(scan.claim) }?.sqlState == "P0001")
    try scan.database.connection().query("DELETE FROM slices WHERE number = 9")
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test(arguments: [("media", "media"), ("my lib", "'my lib'"), ("it's $(x)", "'it'\\''s $(x)'"), ("`a`;b", "'`a`;b'")])
  func `a library's name is one word of the command that a message shows`(name: String, word: String) throws {
    let database = try TestDatabase()
    let connection = database.connection()
    #expect(try connection.texts("SELECT shell_word('\(name.replacing("'", with: "''"))')") == [word])
  }
}
