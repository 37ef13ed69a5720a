import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What a scan has changed, told from the rows that were written with the changes.
@Suite struct ChangesTests {
  /// Each as `added file a/b #7`.
  private static func changes(_ scan: Int64, _ database: TestDatabase) throws -> [String] {
    let catalog = database.catalog()
    let record = try #require(try catalog.scan(ScanID(scan)))
    var lines: [String] = []
    try catalog.eachChange(of: record) { change in
      let word =
        switch change.change {
        case .added: "added"
        case .moved(let from): "moved \(String(decoding: from, as: UTF8.self)) to"
        case .updated: "updated"
        case .removed(let isExcluded): isExcluded ? "excluded" : "removed"
        }
      lines.append("\(word) \(change.kind) \(String(decoding: change.path, as: UTF8.self)) #\(change.id)")
    }
    return lines
  }

  private static func append(_ changes: inout FileChanges, _ id: Int64, _ directory: Int64, _ name: String) {
    let attributes = FileAttributes(
      kind: .fifo, mode: 7, size: 8, device: 1, inode: .max, mtime_ns: 2, ctime_ns: 3, btime_ns: nil)
    Array(name.utf8).withUnsafeBytes { changes.append(id: id, directory: directory, name: $0, attributes) }
  }

  /// One scan that does everything, in a library of which earlier scans knew some.
  private static func eventfulScan() throws -> (database: TestDatabase, files: [Int64]) {
    let scan = try FinalisingScan()
    let database = scan.database
    let inner = try scan.directory("inner", in: try scan.directory("outer"))
    let files = try scan.files(6, in: inner)
    _ = try scan.catalog.end(scan.claim)
    try scan.connection.query("UPDATE files SET removed_at = now(), excluded = true WHERE id = \(files[0])")

    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let walk = try scan.catalog.claim(next.slice(1))
    let writer = try scan.catalog.rows(for: walk)
    try writer.file(in: scan.root, named: "new", .file)
    try writer.file(in: inner, named: "new", .file)
    var results = SliceResults()
    append(&results.revivals, files[0], inner, "000000")
    append(&results.updates, files[1], inner, "000001")
    append(&results.updates, files[2], inner, "000002")
    (results.filesAdded, results.filesUpdated) = (3, 2)
    for (id, isExcluded) in [(files[2], false), (files[3], false), (files[4], true)] {
      Array("00000\(id - files[0])".utf8).withUnsafeBytes {
        results.missing.append(id: id, directory: inner, isDirectory: false, name: $0, isExcluded: isExcluded)
      }
    }
    _ = try scan.catalog.commit(walk, results)
    let end = try scan.catalog.claim(next.slice(2))
    _ = try scan.catalog.excludeStaged(end, limit: 10)
    var count = RemovalCount(end)
    while try count.step(on: scan.catalog) {}
    _ = try scan.catalog.decideRemovals(end, files: count.files)
    _ = try scan.catalog.applyRemovals(end, limit: 10)
    _ = try scan.catalog.end(end)
    return (database, files)
  }

  @Test func `what a scan did to each file is listed, and adds up to what it has counted`() throws {
    let (database, files) = try Self.eventfulScan()
    let changes = try Self.changes(2, database)
    #expect(
      changes.prefix(6) == [
        "added fifo outer/inner/000000 #\(files[0])", "removed fifo outer/inner/000002 #\(files[2])",
        "removed file outer/inner/000003 #\(files[3])", "updated fifo outer/inner/000001 #\(files[1])",
        "updated fifo outer/inner/000002 #\(files[2])", "excluded file outer/inner/000004 #\(files[4])",
      ])
    #expect(changes.dropFirst(6).map { $0.prefix { $0 != "#" } } == ["added file new ", "added file outer/inner/new "])
    #expect(
      try database.connection().texts(
        "SELECT concat_ws(' ', files_added, files_updated, files_removed) FROM scans WHERE id = 2")
        == ["3 2 3"])
    #expect(try Self.changes(1, database) == [])
  }

  @Test func `what later scans do to a file takes nothing from what an earlier one did`() throws {
    let (database, files) = try Self.eventfulScan()
    let before = try Self.changes(2, database)
    let connection = database.connection()
    // All are updated once more, by a scan that ends them all.
    let slot = PostgresSlotCatalog(catalog: database.catalog(), slot: .named("b"), host: "b", maxAttempts: 3)
    let scan = try slot.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let claim = try slot.claim(scan.slice(1))
    _ = try slot.rows(for: claim)
    var results = SliceResults()
    Self.append(
      &results.updates, files[1], try connection.number("SELECT directory_id FROM files WHERE id = \(files[1])"),
      "000001")
    _ = try slot.commit(claim, results)
    try connection.query("UPDATE files SET removed_at = now(), kind = 'l' WHERE removed_at IS NULL AND first_scan < 2")
    #expect(try Self.changes(2, database) == before)
    #expect(try Self.changes(3, database) == ["updated fifo outer/inner/000001 #\(files[1])"])
  }

  @Test func `a first scan's files are its additions, and cost no rows of their own`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<2_500 { try writer.file(in: scan.root, named: "\(index)", .file) }
    // Nothing of what is not committed.
    #expect(try Self.changes(1, scan.database) == [])
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    let changes = try Self.changes(1, scan.database)
    #expect(changes.map { $0.split(separator: " #")[0] } == (0..<2_500).map { "added file \($0)" })
    #expect(try scan.connection.number("SELECT count(*) FROM scan_changes") == 0)
  }

  @Test func `a commit that is rolled back has changed nothing`() throws {
    let scan = try FinalisingScan()
    try scan.files(3, in: scan.root)
    _ = try scan.catalog.end(scan.claim)
    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let claim = try scan.catalog.claim(next.slice(1))
    _ = try scan.catalog.rows(for: claim)
    var results = SliceResults()
    Self.append(&results.updates, 0, scan.root, "000001")
    try scan.connection.query("UPDATE scans SET status = 'cancelled', completed_at = now() WHERE id = 2")
    #expect(failure { () throws(CatalogError) in try scan.catalog.commit(claim, results) }?.isFenced == true)
    #expect(try Self.changes(2, scan.database) == [])
  }

  /// More directories than are kept in memory, and a chain deeper than any path that a system call takes.
  @Test func `files in very many directories, and in very deep ones, are listed under their paths`() throws {
    let scan = try FinalisingScan()
    try scan.connection.script(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan)
      SELECT 1, 2000000 + n, CASE WHEN n % 2 = 0 THEN \(scan.root) ELSE 2000000 + n - 1 END, convert_to('d' || n, 'UTF8'), 0, 0
        FROM generate_series(0, 40001) n;
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan)
      SELECT 1, 3000000 + n, CASE WHEN n = 0 THEN \(scan.root) ELSE 3000000 + n - 1 END, convert_to('deep' || n, 'UTF8'), 0, 0
        FROM generate_series(0, 2999) n;
      INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
      SELECT 1, 1, 'r', 'f', id, id, 'f' FROM directories WHERE id BETWEEN 2000000 AND 2999999 OR id = 3002999;
      """)
    let changes = try Self.changes(1, scan.database)
    #expect(changes.count == 40_003)
    for n in [0, 1, 20_000, 39_999, 40_001] {
      let path = n % 2 == 0 ? "d\(n)" : "d\(n - 1)/d\(n)"
      #expect(changes[n] == "removed file \(path)/f #\(2_000_000 + n)")
    }
    #expect(
      changes.last == "removed file \((0..<3_000).map { "deep\($0)" }.joined(separator: "/"))/f #3002999")
  }

  @Test func `only the scan's own library is looked at`() throws {
    let fixture = try PostgresFixture()
    for library in ["one", "two"] {
      let scan = try fixture.admitScan(of: library)
      let catalog = PostgresSlotCatalog(
        catalog: fixture.database.catalog(), slot: .named(library), host: "h", maxAttempts: 3)
      let claim = try catalog.claim(scan.slice(1))
      let writer = try catalog.rows(for: claim)
      for index in 0..<10 { try writer.file(in: claim.frontier.visits[0], named: "\(library)\(index)", .file) }
      _ = try catalog.commit(claim, SliceResults())
    }
    let connection = fixture.database.connection()
    let plan = try connection.texts(
      """
      EXPLAIN \(Statements.changesOpen.sql.split(separator: "CURSOR FOR\n")[1]
        .replacing("$1", with: "2").replacing("$2", with: "2"))
      """
    ).joined(separator: "\n")
    #expect(plan.contains("files_2") && plan.contains("scan_changes_2"), "\(plan)")
    #expect(!plan.contains("files_1") && !plan.contains("scan_changes_1"), "\(plan)")
    #expect(try Self.changes(2, fixture.database).allSatisfy { $0.hasPrefix("added file two") })
  }

  @Test func `the connection is as it was, also after a reader that has gone`() throws {
    let (database, _) = try Self.eventfulScan()
    let catalog = database.catalog()
    let record = try #require(try catalog.scan(ScanID(2)))
    struct Gone: Error {}
    for _ in 0..<2 { #expect(throws: Gone.self) { try catalog.eachChange(of: record) { _ in throw Gone() } } }
    #expect(!catalog.connection.inTransaction)
    #expect(try catalog.connection.texts("SHOW transaction_read_only") == ["off"])
    var count = 0
    try catalog.eachChange(of: record) { _ in count += 1 }
    #expect(count == 8)
  }
}
