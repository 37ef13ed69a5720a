import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What finding moves and applying them costs.
@Suite struct MoveCostTests {
  @Test(arguments: [false, true])
  func `what older scans have noted costs nothing, however much of it there is`(isAnalyzed: Bool) throws {
    let scan = try FinalisingScan()
    try scan.connection.query(
      """
      INSERT INTO lost_identities (library_id, file_id, directory_id, name, kind, size, mtime_ns, inode, scan_id)
      SELECT 1, n, 1, '\\x61', 'f', 0, 0, n, 0 FROM generate_series(1, 50000) n
      """)
    try scan.connection.query(
      """
      INSERT INTO found_identities (library_id, file_id, inode, directory_id, name, scan_id)
      SELECT 1, n, n, 1, '\\x61', 0 FROM generate_series(1, 50000) n
      """)
    if isAnalyzed { try scan.connection.query("ANALYZE") }
    func read() throws -> Int64 {
      try scan.connection.query("SELECT pg_stat_force_next_flush()")
      return try scan.number(
        """
        SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
         WHERE relname IN ('lost_identities', 'found_identities')
        """)
    }
    func quick<Answer>(_ step: String, _ body: () throws -> Answer) throws -> Answer {
      let before = try read()
      let answer = try body()
      let more = try read() - before
      #expect(more < 200, "\(step) has read \(more) of them")
      return answer
    }
    let settled = try quick("nothing to do") { try scan.catalog.removalStanding(scan.claim) }
    #expect(settled == .settled)
    _ = try scan.ring(5)
    let replaced = try quick("something to do") { try scan.catalog.removalStanding(scan.claim) }
    #expect(replaced == .replaced)
    _ = try quick("the verdict") { try scan.decide() }
    let moved = try quick("the moves") { try scan.moveAll(limit: 100) }
    #expect(moved == [5])
  }

  @Test(arguments: [false, true])
  func `moves read no partition from end to end, and no step of them takes long`(isAnalyzed: Bool) throws {
    let scan = try FinalisingScan()
    try scan.keepVacuumAway()
    let gone = try scan.directory("gone")
    for child in 0..<50 { try scan.files(200, in: try scan.directory("\(child)", in: gone)) }
    try scan.stage(directory: gone)
    let here = try scan.files(10_000, in: scan.directory("here"))
    try scan.stage(files: here)
    try scan.connection.query(
      """
      WITH numbered AS (UPDATE files SET inode = id, size = id RETURNING *), there AS (
        INSERT INTO files SELECT library_id, id + 1000000, $1, int8send(id), kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode,
                                 1, 1, NULL, false FROM numbered RETURNING *)
      INSERT INTO found_identities (library_id, file_id, directory_id, name, inode, scan_id)
      SELECT 1, id, directory_id, name, inode, 1 FROM there
      """, [.int64(try scan.directory("there"))])
    try scan.connection.query("UPDATE scans SET files_seen = 20000, files_added = 20000")
    // Enough for it to matter how one of them is found.
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan)
      SELECT 1, 5000000 + n, $1, int8send(n), 0, 0 FROM generate_series(1, 20000) n
      """, [.int64(try scan.directory("beside"))])
    try scan.connection.query(
      """
      INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
      SELECT 1, 1, 'u', 'f', 5000000 + n, 1, int8send(n) FROM generate_series(1, 100000) n
      """)
    if isAnalyzed { try scan.connection.query("ANALYZE") }
    let reads =
      "SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables WHERE relname IN ('files_1', 'directories_1')"
    func flushed() throws -> Int64 {
      try scan.connection.query("SELECT pg_stat_force_next_flush()")
      return try scan.connection.query(reads)[0].int64(0)
    }
    func changesRead() throws -> Int64 {
      try scan.connection.query("SELECT pg_stat_force_next_flush()")
      return try scan.number(
        """
        SELECT (seq_tup_read + idx_tup_fetch + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'scan_changes_1'))::bigint
          FROM pg_stat_user_tables WHERE relname = 'scan_changes_1'
        """)
    }
    let (before, changed) = (try flushed(), try changesRead())
    try scan.decide()
    var (moved, longest, isLeft): (Int64, Duration, Bool) = (0, .zero, true)
    while isLeft {
      let start = ContinuousClock.now
      let batch = try scan.catalog.applyMoves(scan.claim, limit: 5_000)
      longest = max(longest, start.duration(to: .now))
      #expect(batch.files <= 5_000)
      (moved, isLeft) = (moved + batch.files, batch.isLeft)
    }
    #expect(moved == 20_000)
    // A second or so; a statement has half a minute.
    #expect(longest < .seconds(15))
    // Of the many thousands that are there; other sessions tell late what they have read of the first few.
    let readThrough = try flushed() - before
    #expect(readThrough < 1_000)
    // Each batch looks up what it is about, whatever else the scan has changed.
    let looked = try changesRead() - changed
    #expect(looked < 400_000)
    #expect(try scan.counters == [0, 0, 20_000, 0, 0])
    #expect(try scan.number("SELECT count(*) FROM files WHERE removed_at IS NULL AND id < 2000000") == 20_000)
  }
}
