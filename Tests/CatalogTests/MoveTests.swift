import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// Files whose rows the test makes, each with an inode of its own.
extension FinalisingScan {
  /// - Parameters:
  ///   - inode: as the row has it by now.
  ///   - before: the inode that was under this name before the scan, where it was another.
  ///   - isNew: the scan has added it.
  fileprivate func file(
    _ name: String, in directory: Int64? = nil, inode: Int64, before: Int64? = nil, isNew: Bool = false
  ) throws -> Int64 {
    let id = try files(1, in: directory ?? root)[0]
    let place: [PostgresParameter] = [.int64(id), .int64(directory ?? root), .text(name), .int64(inode)]
    try connection.query(
      "UPDATE files SET name = convert_to($3, 'UTF8'), inode = $4, size = $4 WHERE id = $1 AND directory_id = $2", place
    )
    if isNew { try connection.query("UPDATE files SET first_scan = 1 WHERE id = $1", [.int64(id)]) }
    if isNew || before != nil {
      try connection.query(
        "INSERT INTO found_identities (library_id, file_id, directory_id, name, inode, scan_id) VALUES (1, $1, $2, convert_to($3, 'UTF8'), $4, 1)",
        place)
    }
    if let before {
      try connection.query(
        """
        INSERT INTO lost_identities (library_id, file_id, directory_id, name, kind, size, mtime_ns, inode, scan_id)
        SELECT 1, id, directory_id, name, kind, $2, mtime_ns, $2, 1 FROM files WHERE id = $1
        """, [.int64(id), .int64(before)])
      try connection.query(
        """
        INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
        SELECT 1, 1, 'u', kind, id, directory_id, name FROM files WHERE id = $1
        """, [.int64(id)])
    }
    let column = isNew ? "files_added" : before == nil ? "files_unchanged" : "files_updated"
    try connection.query("UPDATE scans SET files_seen = files_seen + 1, \(column) = \(column) + 1")
    return id
  }

  /// The row is missing: staged, and not seen.
  fileprivate func miss(_ id: Int64) throws {
    try stage(files: [id])
    try connection.query("UPDATE scans SET files_seen = files_seen - 1, files_unchanged = files_unchanged - 1")
  }

  /// So many files in a ring, each of which has gone to the next one's name; their ids, in the order of the names that
  /// they had.
  fileprivate func ring(_ count: Int64) throws -> [Int64] {
    try (0..<count).map { try file("ring \($0)", inode: 100 + ($0 + count - 1) % count, before: 100 + $0) }
  }

  fileprivate func moveAll(limit: Int32) throws -> [Int64] {
    var files: [Int64] = []
    while true {
      let batch = try catalog.applyMoves(claim, limit: limit)
      files.append(batch.files)
      guard batch.isLeft else { return files }
    }
  }

  /// Live files, as name, id and inode.
  fileprivate var rows: [String] {
    get throws {
      try connection.query(
        "SELECT convert_from(name, 'UTF8') || ' ' || id || ' ' || inode FROM files WHERE removed_at IS NULL ORDER BY name"
      ).map { row throws(PostgresError) in try row.text(0) }
    }
  }

  /// As added, updated, moved, unchanged and removed; they must sum up to what was seen.
  fileprivate var counters: [Int64] {
    get throws {
      let row = try connection.query(
        "SELECT files_added, files_updated, files_moved, files_unchanged, files_removed, files_seen FROM scans")[0]
      let counters = try (0..<6).map { column throws(PostgresError) in try row.int64(column) }
      #expect(counters[0..<4].reduce(0, +) == counters[5])
      return Array(counters[0..<5])
    }
  }
}

/// How a `finalise` slice finds out what has moved, and puts it to its place.
@Suite struct MoveTests {
  @Test(arguments: [1, 2, 3, 7, 100] as [Int32])
  func `a ring comes round in batches of any size, and no batch leaves a name without its row`(limit: Int32) throws {
    let scan = try FinalisingScan()
    let ids = try scan.ring(7)
    #expect(try scan.decide() == .apply)
    var isLeft = true
    while isLeft {
      isLeft = try scan.catalog.applyMoves(scan.claim, limit: limit).isLeft
      #expect(try scan.rows.map { $0.prefix(6) } == (0..<7).map { "ring \($0)" })
      #expect(try scan.rows.map { $0.suffix(3) } == (0..<7).map { "\(100 + ($0 + 6) % 7)" })
      let counters = try scan.counters
      #expect(counters[0] == counters[4], "as many rows as before")
      _ = try scan.takeOver()
    }
    #expect(try scan.rows == (0..<7).map { "ring \($0) \(ids[($0 + 6) % 7]) \(100 + ($0 + 6) % 7)" })
    #expect(try scan.counters == [0, 0, 7, 0, 0])
    let changes = try scan.connection.query(
      "SELECT change::text, count(*), count(DISTINCT file_id) FROM scan_changes GROUP BY 1")
    #expect(changes.count == 1)
    #expect(try changes[0].text(0) == "m")
    #expect(try changes[0].int64(1) == 7)
    #expect(try scan.connection.query("SELECT 1 FROM files WHERE removed_at IS NOT NULL OR first_scan <> 0").count == 0)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test(arguments: [1, 3, 100] as [Int32])
  func `a chain ends in a new name, and what follows it gets a row of its own`(limit: Int32) throws {
    let scan = try FinalisingScan()
    let first = try scan.file("a", inode: 99, before: 1)
    let second = try scan.file("b", inode: 1, before: 2)
    let third = try scan.file("c", inode: 2, before: 3)
    _ = try scan.file("d", inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    _ = try scan.moveAll(limit: limit)
    let rows = try scan.rows
    #expect(Array(rows.dropFirst()) == ["b \(first) 1", "c \(second) 2", "d \(third) 3"])
    #expect(rows[0].hasPrefix("a ") && rows[0].hasSuffix(" 99") && !rows[0].contains("\(first)"))
    #expect(try scan.counters == [1, 0, 3, 0, 0])
    #expect(try scan.connection.query("SELECT 1 FROM files WHERE first_scan = 1").count == 1)
  }

  @Test func `what has moved is not counted as missing, and what it was moved over is removed`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    let ids = try [
      scan.file("1", in: gone, inode: 1), scan.file("2", inode: 2), scan.file("3", inode: 3), scan.file("4", inode: 4),
    ]
    try scan.stage(directory: gone)
    try scan.connection.query("UPDATE scans SET files_seen = files_seen - 1, files_unchanged = files_unchanged - 1")
    for id in ids[1...] { try scan.miss(id) }
    _ = try scan.file("1'", inode: 1, isNew: true)
    let over = try scan.file("2'", inode: 2, before: 22)
    _ = try scan.file("3'", inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    let event = try scan.connection.query(
      "SELECT detail->>'files', detail->>'moved' FROM scan_events WHERE event = 'removals_applied'")
    #expect(try event[0].text(0) == "1")
    #expect(try event[0].text(1) == "3")
    _ = try scan.moveAll(limit: 2)
    #expect(try scan.rows == ["1' \(ids[0]) 1", "2' \(ids[1]) 2", "3' \(ids[2]) 3", "4 \(ids[3]) 4"])
    #expect(try scan.counters == [0, 0, 3, 0, 1])
    _ = try scan.applyAll(limit: 100)
    #expect(try scan.counters == [0, 0, 3, 0, 2])
    let removed = try scan.connection.query("SELECT file_id FROM scan_changes WHERE change = 'r' ORDER BY 1")
    #expect(try removed.map { row throws(PostgresError) in try row.int64(0) } == [ids[3], over])
  }

  @Test func `more than one on either side is no move`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    try scan.stage(directory: gone)
    for (name, inode) in [("two", 2), ("three", 3)] as [(String, Int64)] {
      try scan.miss(scan.file(name, inode: inode))
      try scan.miss(scan.file("\(name) more", inode: inode))
    }
    try scan.miss(scan.file("four", inode: 4))
    // Found in different pages.
    try scan.connection.query("UPDATE files SET directory_id = $1 WHERE name = 'three'", [.int64(gone)])
    try scan.connection.query("DELETE FROM staged_removals WHERE name = 'three'")
    for (name, inode) in [("2", 2), ("3", 3), ("4", 4), ("4'", 4)] as [(String, Int64)] {
      _ = try scan.file(name, inode: inode, isNew: true)
    }
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100).reduce(0, +) == 0)
    #expect(try scan.counters == [4, 0, 0, 0, 0])
  }

  @Test func `a file of another mount is another file`() throws {
    let scan = try FinalisingScan()
    let mount = try scan.directory("mount")
    let below = try scan.directory("below", in: mount)
    try scan.connection.query("UPDATE directories SET boundary = true WHERE id = $1", [.int64(mount)])
    let ids = try [scan.file("1", in: mount, inode: 1), scan.file("2", inode: 2), scan.file("3", in: mount, inode: 3)]
    for id in ids { try scan.miss(id) }
    _ = try scan.file("1'", inode: 1, isNew: true)
    _ = try scan.file("2'", in: below, inode: 2, isNew: true)
    _ = try scan.file("3'", in: below, inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("3' \(ids[2]) 3"))
  }

  @Test func `what was found in a directory that is gone by now is nowhere to move to`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    let below = try scan.directory("below", in: gone)
    try scan.stage(directory: gone)
    let ids = try [scan.file("1", inode: 1), scan.file("2", inode: 2)]
    for id in ids { try scan.miss(id) }
    _ = try scan.file("1'", in: below, inode: 1, isNew: true)
    try scan.miss(scan.file("2'", inode: 2, isNew: true))
    _ = try scan.file("2''", inode: 2, isNew: true)
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("2'' \(ids[1]) 2"))
  }

  @Test func `whoever is superseded finds out nothing and moves nothing`() throws {
    let scan = try FinalisingScan()
    let id = try scan.file("1", inode: 1)
    try scan.miss(id)
    _ = try scan.file("1'", inode: 1, isNew: true)
    let late = try scan.takeOver()
    let before = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.count(late) }?.isFenced == true)
    // Nor does anybody move anything before the verdict.
    for claim in [late, scan.claim] {
      #expect(failure { () throws(CatalogError) in try scan.catalog.applyMoves(claim, limit: 1) }?.isFenced == true)
    }
    let fence = "1, 2, 1, '\(late.claim)'"
    for step in [
      "match_staged(\(fence), 0, 9)", "match_below(\(fence), '{\(scan.root)}', '', 9)",
      "match_replaced(\(fence), 0, 0, 9)",
    ] {
      do {
        try scan.connection.query("SELECT * FROM \(step)")
        Issue.record("\(step) was taken by whoever is superseded")
      } catch { #expect(error.sqlState == "RC001") }
    }
    #expect(try scan.contents() == before)
    try scan.decide()
    let decided = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.catalog.applyMoves(late, limit: 1) }?.isFenced == true)
    #expect(try scan.contents() == decided)
    #expect(try scan.moveAll(limit: 9) == [1])
  }

  @Test func `a search that begins anew forgets what was there and is no more`() throws {
    let scan = try FinalisingScan()
    let ids = try [scan.file("1", inode: 1), scan.file("2", inode: 2)]
    for id in ids { try scan.miss(id) }
    for inode in 1...2 as ClosedRange<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    _ = try scan.count()
    #expect(try scan.connection.query("SELECT 1 FROM staged_moves").count == 2)
    _ = try scan.takeOver()
    try scan.connection.query("DELETE FROM staged_removals WHERE row_id = $1", [.int64(ids[0])])
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("2' \(ids[1]) 2"))
  }

  @Test func `what is given up in the middle of its moves holds the rest, and leaves every name with its row`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.connection.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 0}'")
    _ = try scan.ring(5)
    let ids = try (10..<14).map { try scan.file("\($0)", inode: $0) }
    for id in ids { try scan.miss(id) }
    for inode in 10..<13 as Range<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.applyMoves(scan.claim, limit: 3) == MoveBatch(files: 3, isLeft: true))
    let names = try scan.rows.map { $0.split(separator: " ").dropLast(2) }
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    #expect(try scan.rows.map { $0.split(separator: " ").dropLast(2) } == names)
    #expect(names.count == 12)
    _ = try scan.counters
    let held = try scan.connection.query("SELECT removals_held FROM scans")[0].int64(0)
    #expect(held == 4)
  }

  @Test func `what was given up in the middle of its moves moves no more when it is confirmed`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.connection.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 0}'")
    let ids = try (10..<14).map { try scan.file("\($0)", inode: $0) }
    for id in ids { try scan.miss(id) }
    for inode in 10..<13 as Range<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.applyMoves(scan.claim, limit: 1) == MoveBatch(files: 1, isLeft: true))
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    #expect(try scan.number("SELECT removals_held FROM scans") == 3)
    try scan.confirm()
    // One of them is back, and all the others are looked for and stay missing.
    try scan.catalog.commitLook(
      scan.claim, upTo: StagedPlace(isDirectory: false, row: ids[3]),
      present: [StagedRemoval(isDirectory: false, row: ids[1], directory: scan.root, name: Array("11".utf8))])
    #expect(try scan.decide() == .apply)
    let event = try scan.connection.query(
      "SELECT detail->>'files', detail->>'moved' FROM scan_events WHERE event = 'removals_applied' ORDER BY id DESC LIMIT 1"
    )
    #expect(try event[0].text(0) == "2")
    #expect(try event[0].text(1) == "0")
    #expect(try scan.moveAll(limit: 100) == [0])
    _ = try scan.applyAll(limit: 100)
    let rows = try scan.rows
    #expect(rows.contains("11 \(ids[1]) 11"), "\(rows)")
    #expect(rows.map { $0.prefix { $0 != " " } } == ["10'", "11", "11'", "12'"])
  }

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
