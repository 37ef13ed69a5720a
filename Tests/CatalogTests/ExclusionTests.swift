import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What a rule excludes: it goes, whatever is missing beside it and however much it is.
@Suite struct ExclusionTests {
  @Test func `what is excluded goes outside the limits, and what is missing is held by them`() throws {
    let scan = try FinalisingScan()
    let ignored = try scan.directory("ignored")
    let below = try scan.directory("below", in: ignored)
    try scan.files(2_000, in: ignored)
    try scan.files(10, in: below)
    let large = try scan.files(7, in: scan.root)
    let missing = try scan.directory("missing")
    let gone = try scan.files(5, in: missing)
    try scan.stage(directory: ignored, excluded: true)
    try scan.stage(files: large, excluded: true)
    try scan.stage(directory: missing)
    try scan.stage(files: gone.prefix(2))
    try scan.connection.query("UPDATE scans SET rules = '{\"removal_limit\": 4, \"removal_limit_percent\": 99}'")
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: true, lookedUpTo: nil))
    // Nobody looks for what is there.
    #expect(
      try scan.catalog.stagedRemovals(scan.claim, after: nil, limit: 100).removals.map(\.row) == [missing]
        + gone.prefix(2))

    #expect(try scan.excludeAll(limit: 500).reduce(0, +) == 2_017)
    #expect(try scan.catalog.removalStanding(scan.claim) == .undecided(excludes: false, lookedUpTo: nil))
    #expect(try scan.decide() == .hold)
    #expect(
      try scan.connection.texts("SELECT concat_ws(' ', files_removed, removals_held) FROM scans") == ["2017 5"])
    #expect(try scan.excluded("directories") == [ignored, below])
    #expect(try scan.removedDirectories == [ignored, below])
    #expect(try scan.number("SELECT count(*) FROM files WHERE excluded") == 2_017)
    #expect(try scan.removedFiles == 2_017)
    // The library that the limits are about is without what was excluded.
    #expect(
      try scan.connection.texts(
        "SELECT concat_ws(' ', detail->>'files', detail->>'excluded', detail->>'library_files') FROM scan_events WHERE event = 'removals_held'"
      ) == ["5 2017 5"])

    #expect(try scan.catalog.end(scan.claim) == .partial)
    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.stagedRows == 3)
    _ = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan()
    #expect(
      try scan.connection.texts("SELECT detail->>'files' FROM scan_events WHERE event = 'removals_discarded'") == ["5"])
  }

  @Test(arguments: [1, 3, 1_000] as [Int32])
  func `what is excluded within what is missing, and the other way round, is excluded`(_ limit: Int32) throws {
    let scan = try FinalisingScan()
    let missing = try scan.directory("missing")
    let within = try scan.directory("within", in: missing)
    let ignored = try scan.directory("ignored")
    let lost = try scan.directory("lost", in: try scan.directory("between", in: ignored))
    for directory in [missing, within, ignored, lost] { try scan.files(4, in: directory) }
    let files = try scan.connection.query("SELECT id FROM files ORDER BY id").map { try $0.int64(0) }
    try scan.stage(directory: missing)
    try scan.stage(directory: within, excluded: true)
    try scan.stage(files: [files[0]], excluded: true)
    try scan.stage(directory: ignored, excluded: true)
    try scan.stage(directory: lost)
    try scan.stage(files: [files[8], files[12]])
    try scan.excludeAll(limit: limit)
    #expect(try scan.excluded("files") == [files[0]] + files[4..<16])
    #expect(try scan.excluded("directories").count == 4)
    #expect(try scan.count().files == 3)
    #expect(try scan.decide() == .apply)
    #expect(try scan.applyAll(limit: limit).reduce(0, +) == 3)
    #expect(try scan.removedFiles == 16)
    #expect(try scan.excluded("files").count == 13)
    #expect(try scan.removedDirectories.count == 5)
    #expect(try scan.number("SELECT files_removed FROM scans") == 16)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test(arguments: [1, 3, 1_000] as [Int32])
  func `of a directory that stays all contents go, and no count of them is left`(_ limit: Int32) throws {
    let scan = try FinalisingScan()
    let parent = try scan.directory("parent")
    let mount = try scan.directory("mount", in: parent)
    try scan.files(150, in: mount)
    try scan.files(3, in: try scan.directory("below", in: mount))
    try scan.connection.query("UPDATE directories SET files = 150, bytes = 9 WHERE id = \(mount)")
    try scan.stage(directory: mount, excluded: true, stays: true)
    #expect(try scan.excludeAll(limit: limit).reduce(0, +) == 153)
    #expect(try scan.removedDirectories == [mount + 151])
    #expect(try scan.number("SELECT count(*) FROM files WHERE excluded") == 153)
    let rows = try scan.connection.texts(
      "SELECT concat_ws(' ', id, files, bytes, signature_version) FROM directories WHERE removed_at IS NULL AND id > 1000000 ORDER BY id"
    )
    #expect(rows == ["\(parent) 1", "\(mount)"])
    #expect(try scan.stagedRows == 0)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test func `a directory whose contents alone were to go goes with one above it`() throws {
    let scan = try FinalisingScan()
    let top = try scan.directory("top")
    let mount = try scan.directory("mount", in: top)
    try scan.files(2, in: mount)
    try scan.stage(directory: mount, excluded: true, stays: true)
    try scan.stage(directory: top, excluded: true)
    try scan.excludeAll(limit: 1)
    #expect(try scan.excluded("directories") == [top, mount])
  }

  @Test func `no verdict is given while anything excluded is staged, and nothing is excluded after it`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(2, in: scan.root), excluded: true)
    #expect(failure { () throws(CatalogError) in try scan.decide() }?.sqlState == "P0001")
    try scan.connection.query("UPDATE scans SET removal_verdict = 'hold'")
    let before = try scan.contents()
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.excludeStaged(scan.claim, limit: 9) }?.isFenced == true)
    #expect(try scan.contents() == before)
  }

  @Test func `whoever takes over goes on, and the late one excludes nothing`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    try scan.files(30, in: directory)
    try scan.stage(directory: directory, excluded: true)
    var removed: Int64 = 0
    while true {
      let batch = try scan.catalog.excludeStaged(scan.claim, limit: 4)
      removed += batch.files
      guard batch.isLeft else { break }
      #expect(try scan.catalog.fail(scan.claim, message: "m") == .requeued)
      let late = try scan.takeOver()
      let before = try scan.contents()
      #expect(failure { () throws(CatalogError) in try scan.catalog.excludeStaged(late, limit: 4) }?.isFenced == true)
      #expect(try scan.contents() == before)
    }
    #expect(removed == 30)
    #expect(try scan.number("SELECT attempts FROM slices WHERE number = 2") == 0)
    #expect(try scan.connection.texts("SELECT status FROM scans") == ["running"])
  }

  @Test func `a scan that fails among its exclusions leaves nothing staged, and counts what went`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.stage(files: try scan.files(9, in: scan.root), excluded: true)
    try scan.stage(files: try scan.files(5, in: try scan.directory("d")))
    _ = try scan.catalog.excludeStaged(scan.claim, limit: 4)
    #expect(try scan.catalog.fail(scan.claim, message: "the disk is on fire") == .failed)
    #expect(try scan.connection.texts("SELECT status || files_removed FROM scans") == ["failed4"])
    #expect(try scan.removedFiles == 4)
    #expect(try scan.stagedRows == 0)
  }

  @Test func `what is held when the attempts are used up is what was missing, without what was excluded`() throws {
    let scan = try FinalisingScan()
    try scan.stage(files: try scan.files(9, in: scan.root), excluded: true)
    try scan.stage(files: try scan.files(6, in: try scan.directory("d")))
    try scan.excludeAll(limit: 5)
    try scan.decide()
    _ = try scan.catalog.applyRemovals(scan.claim, limit: 4)
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    #expect(
      try scan.connection.texts("SELECT concat_ws(' ', files_removed, removals_held) FROM scans") == ["13 2"])
  }

  @Test func `a slice's commit stages what is excluded as such, and contents only where there are any`() throws {
    let scan = try RunningScan()
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, removed_at)
      SELECT 1, n, CASE n WHEN 9000009 THEN 9000004 ELSE \(scan.root) END, convert_to('d' || n, 'UTF8'), 0,
             CASE WHEN n = 9000008 THEN now() END
        FROM generate_series(9000001, 9000009) n
      """)
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan, removed_at)
      SELECT 1, n, 9000000 + n, 'f', 'f', 1, 1, 1, 1, 1, 0, 0, CASE WHEN n = 5 THEN now() END FROM generate_series(1, 5) n
      """)
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    Array("x".utf8).withUnsafeBytes {
      results.missing.append(id: 1, directory: 9_000_001, isDirectory: false, name: $0, isExcluded: true)
      results.missing.append(id: 2, directory: 9_000_002, isDirectory: false, name: $0)
      results.missing.append(id: 9_000_006, directory: scan.root, isDirectory: true, name: $0, isExcluded: true)
      // With a file, with a directory, with a tombstone and with nothing.
      for id in [9_000_003, 9_000_004, 9_000_005, 9_000_007] as [Int64] {
        results.missing.append(contentsOf: id, directory: scan.root, name: $0)
      }
    }
    _ = try scan.catalog.commit(scan.claim, results)
    #expect(
      try scan.connection.texts(
        "SELECT concat_ws(' ', kind, row_id, excluded, stays) FROM staged_removals ORDER BY row_id")
        == ["f 1 t f", "f 2 f f", "d 9000003 t t", "d 9000004 t t", "d 9000006 t f"])
  }

  @Test func `what was excluded and is admitted again lives again with its id`() throws {
    let scan = try FinalisingScan()
    let directory = try scan.directory("d")
    let file = try scan.files(1, in: directory)[0]
    try scan.stage(directory: directory, excluded: true)
    try scan.excludeAll(limit: 10)
    try scan.decide()
    _ = try scan.catalog.end(scan.claim)
    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let claim = try scan.catalog.claim(next.slice(1))
    _ = try scan.catalog.rows(for: claim)
    let known = scan.catalog.knownRows(for: claim)
    let name = Array("d".utf8)
    #expect(try name.withUnsafeBytes { try known.removedDirectory($0, in: scan.root) } == directory)
    #expect(try known.removedFiles([Array("000000".utf8)], in: directory) == [0: file])
    var results = SliceResults()
    results.revivedDirectories = [directory]
    results.filesAdded = 1
    Array("000000".utf8).withUnsafeBytes { results.revivals.append(id: file, directory: directory, name: $0, .file) }
    _ = try scan.catalog.commit(claim, results)
    #expect(
      try scan.number(
        "SELECT count(*) FROM directories WHERE id = \(directory) AND removed_at IS NULL AND NOT excluded") == 1)
    #expect(
      try scan.number("SELECT count(*) FROM files WHERE id = \(file) AND removed_at IS NULL AND NOT excluded") == 1)
  }
}
