import PostgresClient
import ScanModel
import TestSupport
import Testing

@testable import Catalog

/// Tombstones, a batch at a time.
@Suite struct RemovalBatchTests {
  @Test func `a batch removes no more files than it may, and the rest is left to the next`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.stage(files: try scan.files(20, in: directory).prefix(17))
    try scan.decide()
    #expect(try scan.applyAll(limit: 5) == [5, 5, 5, 2])
    #expect(try scan.removedFiles == 17)
    #expect(try scan.number("SELECT count(*) FROM files WHERE removed_at IS NOT NULL AND changed_scan = 1") == 17)
    #expect(try scan.number("SELECT files_removed FROM scans") == 17)
    #expect(try scan.removedDirectories == [])
    // The directory's signature would say that nothing is to be done there.
    #expect(
      try scan.number("SELECT count(*) FROM directories WHERE id = \(directory) AND signature_version IS NULL") == 1)
    #expect(try scan.catalog.end(scan.claim) == .completed)
    #expect(try scan.stagedRows == 0)
  }

  @Test(arguments: [1, 3, 7, 20, 1000] as [Int32])
  func `a directory goes with all below it, in batches of any size`(_ limit: Int32) throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    let (a, b) = (try scan.directory("a", in: top), try scan.directory("b", in: top))
    let deep = try scan.directory("deep", in: a)
    let kept = try scan.directory("kept")
    for (directory, count) in [(top, 20), (a, 0), (b, 7), (deep, 250), (kept, 5)] {
      try scan.files(count, in: directory)
    }
    try scan.stage(directory: top)
    try scan.decide()
    let counts = try scan.applyAll(limit: limit)
    #expect(counts.allSatisfy { $0 <= limit })
    #expect(counts.reduce(0, +) == 277)
    #expect(try scan.removedDirectories == [top, a, b, deep])
    #expect(try scan.removedFiles == 277)
    #expect(try scan.number("SELECT count(*) FROM files WHERE directory_id = \(kept) AND removed_at IS NULL") == 5)
    #expect(try scan.number("SELECT files_removed FROM scans") == 277)
    let signed = "SELECT count(*) FROM directories WHERE signature IS NOT NULL"
    #expect(try scan.number(signed) == 1)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  /// What was removed may be there again while the rest is held for good: a signature that says otherwise would
  /// keep it from living again.
  @Test(arguments: [1, 4, 10, 11, 100] as [Int32])
  func `after each batch no directory that has lost anything has a signature`(_ limit: Int32) throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    let below = try scan.directory("below", in: top)
    for directory in [top, below] { try scan.files(10, in: directory) }
    try scan.stage(directory: top)
    try scan.decide()
    while true {
      let isLeft = try scan.catalog.applyRemovals(scan.claim, limit: limit).isLeft
      let signed = """
        SELECT count(*) FROM directories d WHERE signature IS NOT NULL AND (
          EXISTS (SELECT 1 FROM files f WHERE f.directory_id = d.id AND f.removed_at IS NOT NULL)
          OR EXISTS (SELECT 1 FROM directories c WHERE c.parent_id = d.id AND c.removed_at IS NOT NULL))
        """
      #expect(try scan.number(signed) == 0)
      guard isLeft else { break }
    }
    #expect(try scan.removedDirectories == [top, below])
  }

  @Test(arguments: [1, 2, 100] as [Int32])
  func `directories that are staged within staged ones go before them, in batches of any size`(_ limit: Int32) throws {
    let scan = try FinalisingScan()
    var chain = [try scan.directory("0")]
    for level in 1..<8 { chain.append(try scan.directory("\(level)", in: chain[level - 1])) }
    for directory in chain {
      try scan.files(3, in: directory)
      try scan.stage(directory: directory)
    }
    try scan.decide()
    #expect(try scan.applyAll(limit: limit).reduce(0, +) == 24)
    #expect(try scan.removedDirectories == chain)
  }

  @Test(arguments: [false, true])
  func `a deep chain goes in a few batches, not in some for each of its levels`(isExcluded: Bool) throws {
    let scan = try FinalisingScan()
    var chain = [try scan.directory("0")]
    for level in 1..<1_700 { chain.append(try scan.directory("\(level)", in: chain[level - 1])) }
    for directory in chain { try scan.files(1, in: directory) }
    try scan.stage(directory: chain[0], excluded: isExcluded)
    let counts: [Int64]
    if isExcluded {
      counts = try scan.excludeAll(limit: 5_000)
    } else {
      try scan.connection.query("UPDATE scans SET removal_verdict = 'apply'")
      counts = try scan.applyAll(limit: 5_000)
    }
    #expect(counts.reduce(0, +) == 1_700)
    #expect(counts.count <= 4)
    #expect(try scan.removedDirectories == chain)
    #expect(try scan.stagedRows == 0)
  }

  /// What is staged between two batches is held as rows: it must not grow with the tree.
  @Test func `no more is staged at once than the batch's limit allows`() throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    for outer in 0..<30 {
      let directory = try scan.directory("\(outer)", in: top)
      for inner in 0..<30 { _ = try scan.directory("\(inner)", in: directory) }
    }
    try scan.stage(directory: top)
    try scan.decide()
    var most: Int64 = 0
    while try scan.catalog.applyRemovals(scan.claim, limit: 4).isLeft { most = max(most, try scan.stagedRows) }
    #expect(most <= 100, "three levels, of each at most forty rows more")
    #expect(try scan.removedDirectories.count == 931)
  }

  @Test func `what was a tombstone before, or lies elsewhere by now, stays as it is`() throws {
    let scan = try FinalisingScan()
    let (gone, moved) = (try scan.directory("gone"), try scan.directory("moved"))
    let files = try scan.files(4, in: scan.root)
    try scan.files(3, in: moved)
    try scan.stage(directory: gone)
    try scan.stage(directory: moved)
    try scan.stage(files: files)
    try scan.connection.query("UPDATE files SET removed_at = 'epoch', changed_scan = 0 WHERE id = \(files[0])")
    try scan.connection.query("UPDATE files SET name = 'elsewhere' WHERE id = \(files[1])")
    try scan.connection.query("UPDATE directories SET removed_at = 'epoch' WHERE id = \(gone)")
    try scan.connection.query("UPDATE directories SET name = 'elsewhere' WHERE id = \(moved)")
    try scan.decide()
    #expect(try scan.applyAll(limit: 100).reduce(0, +) == 2)
    #expect(try scan.number("SELECT files_removed FROM scans") == 2)
    #expect(try scan.number("SELECT count(*) FROM files WHERE removed_at > 'epoch'") == 2)
    #expect(try scan.removedDirectories == [gone])
    #expect(try scan.number("SELECT count(*) FROM directories WHERE removed_at = 'epoch'") == 1)
  }

  @Test func `whoever takes over between two batches goes on, and the late one changes nothing`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.files(30, in: directory)
    try scan.stage(directory: directory)
    try scan.stage(files: try scan.files(10, in: scan.root))
    try scan.decide()
    var removed: Int64 = 0
    while true {
      let batch = try scan.catalog.applyRemovals(scan.claim, limit: 4)
      removed += batch.files
      guard batch.isLeft else { break }
      let late = try scan.takeOver()
      let before = try scan.contents()
      #expect(failure { () throws(CatalogError) in try scan.catalog.applyRemovals(late, limit: 4) }?.isFenced == true)
      #expect(failure { () throws(CatalogError) in try scan.decide(late) }?.isFenced == true)
      #expect(failure { () throws(CatalogError) in try scan.look(late) }?.isFenced == true)
      #expect(failure { () throws(CatalogError) in try scan.catalog.giveUp(late) }?.isFenced == true)
      #expect(failure { () throws(CatalogError) in try scan.catalog.end(late) }?.isFenced == true)
      #expect(try scan.contents() == before)
      #expect(try scan.catalog.removalStanding(scan.claim) == .decided(.apply))
    }
    #expect(removed == 40)
    #expect(try scan.removedFiles == 40)
    #expect(try scan.number("SELECT files_removed FROM scans") == 40)
  }

  @Test(arguments: ["failed", "cancelled"])
  func `a scan that has ended removes nothing, and leaves nothing staged`(_ status: String) throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.files(3, in: directory)
    try scan.stage(directory: directory)
    try scan.stage(files: try scan.files(3, in: scan.root))
    try scan.decide()
    try scan.connection.query(
      "UPDATE scans SET status = $1, completed_at = now(), error_message = 'x'", [.text(status)])
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.applyRemovals(scan.claim, limit: 9) }?.isFenced == true)
    #expect(try scan.removedFiles == 0)
    #expect(try scan.removedDirectories == [])
    #expect(try scan.stagedRows == 0)
    #expect(try scan.number("SELECT files_removed FROM scans") == 0)
  }

  @Test func `a scan that fails before its verdict removes nothing`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.stage(files: try scan.files(3, in: scan.root))
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.applyRemovals(scan.claim, limit: 9) }?.isFenced == true)
    #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .failed)
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["failed"])
    #expect(try scan.removedFiles == 0)
    #expect(try scan.stagedRows == 0)
  }

  @Test func `removals read no partition from end to end, though nobody has analysed it`() throws {
    let scan = try FinalisingScan()
    try scan.keepVacuumAway()
    for name in ["a", "b"] {
      let directory = try scan.directory(name)
      try scan.files(20_000, in: directory)
      for child in 0..<50 { try scan.files(10, in: try scan.directory("\(child)", in: directory)) }
      if name == "a" { try scan.stage(directory: directory) }
    }
    try scan.stage(files: try scan.files(5_000, in: scan.root))
    try scan.connection.script("UPDATE scans SET removal_verdict = 'apply'")
    let reads = """
      SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables WHERE relname IN ('files_1', 'directories_1')
      """
    let fence = "1, 2, 1, '\(scan.claim.claim)'"
    let before = try Self.flushed(scan.connection, reads)
    #expect(try scan.count().files == 25_500)
    var isLeft = true
    while isLeft {
      isLeft = try scan.connection.query("SELECT * FROM apply_removals(\(fence), 2000)")[0].boolean(1)
    }
    #expect(try Self.flushed(scan.connection, reads) == before)
    #expect(try scan.number("SELECT files_removed FROM scans") == 25_500)
  }

  /// A plan that looks at every staged row for every file takes minutes here.
  @Test func `no batch takes long, however many directories are staged`() throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan)
      SELECT 1, 2000000 + n, $1, convert_to(n::text, 'UTF8'), 0, 0 FROM generate_series(1, 20000) n
      """, [.int64(top)])
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan)
      SELECT 1, 3000000 + n, 2000001 + n % 20000, convert_to(n::text, 'UTF8'), 'f', 0, 0, 0, 0, 0, 0, 0
        FROM generate_series(1, 40000) n
      """)
    try scan.stage(directory: top)
    #expect(try scan.count().files == 40_000)
    try scan.connection.script("UPDATE scans SET removal_verdict = 'apply'")
    let hasty = PostgresSlotCatalog(
      catalog: scan.database.catalog(deadline: .seconds(30)), slot: .named("b"), host: "b", maxAttempts: 3)
    let claim = try hasty.claim(scan.claim.slice)
    #expect(try hasty.removalStanding(claim) == .decided(.apply))
    while try hasty.applyRemovals(claim, limit: 5_000).isLeft {}
    #expect(try scan.removedFiles == 40_000)
    #expect(try scan.removedDirectories.count == 20_001)
  }

  private static func flushed(_ connection: PostgresConnection, _ sql: String) throws -> Int64 {
    try connection.query("SELECT pg_stat_force_next_flush()")
    return try connection.number(sql)
  }
}
