import PostgresClient
import ScanModel
import Testing

@testable import Catalog

@Suite struct SliceWriterTests {
  @Test func `a row holds the entry's attributes bit for bit, at their extremes too`() throws {
    let scan = try RunningScan()
    let extremes = [
      FileAttributes(
        kind: .file, mode: 0o100644, size: 0, device: 0, inode: 0, mtime_ns: 0, ctime_ns: 0, btime_ns: 0),
      FileAttributes(
        kind: .file, mode: .max, size: .max, device: .max, inode: .max, mtime_ns: .max, ctime_ns: .max, btime_ns: .max),
      FileAttributes(
        kind: .file, mode: 0x8000_0000, size: .min, device: 1 << 63, inode: 1 << 63, mtime_ns: .min, ctime_ns: -1,
        btime_ns: nil),
    ]
    let writer = try scan.catalog.rows(for: scan.claim)
    for (index, attributes) in extremes.enumerated() {
      try writer.file(in: scan.root, named: "f\(index)", attributes)
      try writer.directory(named: "d\(index)", in: scan.root, attributes, files: index == 0 ? nil : 3)
    }
    _ = try scan.catalog.commit(scan.claim, SliceResults())

    let files = try scan.connection.query(
      "SELECT mode, size, inode, mtime_ns, ctime_ns, btime_ns, kind::text, first_scan, changed_scan FROM files ORDER BY name"
    )
    for (row, expected) in zip(files, extremes) {
      #expect(try UInt32(bitPattern: row.int32(0)) == expected.mode)
      #expect(try row.int64(1) == expected.size)
      #expect(try UInt64(bitPattern: row.int64(2)) == expected.inode)
      #expect(try row.int64(3) == expected.mtime_ns)
      #expect(try row.int64(4) == expected.ctime_ns)
      #expect(try row.optionalInt64(5) == expected.btime_ns)
      #expect(try row.text(6) == "f")
      #expect(try [row.int64(7), row.int64(8)] == [1, 1])
    }
    let directories = try scan.connection.query(
      """
      SELECT mode, device, inode, mtime_ns, ctime_ns, btime_ns, files, bytes, parent_id, first_scan FROM directories
       WHERE parent_id IS NOT NULL ORDER BY name
      """)
    for (row, expected) in zip(directories, extremes) {
      #expect(try UInt32(bitPattern: row.int32(0)) == expected.mode)
      #expect(try UInt64(bitPattern: row.int64(1)) == expected.device)
      #expect(try UInt64(bitPattern: row.int64(2)) == expected.inode)
      #expect(try [row.int64(3), row.int64(4)] == [expected.mtime_ns, expected.ctime_ns])
      #expect(try row.optionalInt64(5) == expected.btime_ns)
      #expect(try [row.int64(8), row.int64(9)] == [scan.root, 1])
    }
    #expect(try directories.map { try $0.optionalInt64(6) } == [nil, 3, 3])
    #expect(try directories.map { try $0.optionalInt64(7) } == [nil, 300, 300])
    #expect([files.count, directories.count] == [3, 3])
  }

  @Test func `rows go to the library's own partition, in batches, and are seen at the commit only`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<12_345 { try writer.file(in: scan.root, named: "f\(index)", .file) }
    for index in 0..<6_000 { try writer.directory(named: "d\(index)", in: scan.root, .directory) }
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 0)
    #expect(try scan.connection.number("SELECT count(*) FROM directories") == 1)
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    #expect(try scan.connection.number("SELECT count(*) FROM files_1") == 12_345)
    #expect(try scan.connection.number("SELECT count(DISTINCT id) FROM files") == 12_345)
    #expect(try scan.connection.number("SELECT count(DISTINCT id) FROM directories") == 6_001)
    // Ids rise as the rows come: what BRIN needs.
    #expect(
      try scan.connection.number(
        "SELECT count(*) FROM (SELECT id < lag(id) OVER (ORDER BY ctid) AS falls FROM files) f WHERE falls") == 0)
  }

  @Test func `what is abandoned leaves no row`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<6_000 { try writer.file(in: scan.root, named: "f\(index)", .file) }
    scan.catalog.abandon(scan.claim)
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 0)
    let again = try scan.catalog.rows(for: scan.claim)
    try again.file(in: scan.root, named: "f0", .file)
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 1)
  }

  @Test func `a fenced commit leaves no row, and the connection is good for the next slice`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<6_000 { try writer.file(in: scan.root, named: "f\(index)", .file) }
    let other = PostgresSlotCatalog(catalog: scan.database.catalog(), slot: .named("b"), host: "b", maxAttempts: 3)
    let claim = try other.claim(scan.claim.slice)
    let late = failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }
    #expect(late?.isConnectionLoss == true, "\(late.map(String.init(describing:)) ?? "it went through")")
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }?.isFenced == true)
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 0)
    #expect(try scan.connection.number("SELECT count(*) FROM scan_errors") == 0)
    #expect(try other.commit(claim, SliceResults()) == [claim.slice.scan.slice(2)])
    #expect(try scan.catalog.end(try scan.catalog.claim(claim.slice.scan.slice(2))) == .completed)
  }

  @Test func `a live name is in its directory once; a tombstone is not in its way`() throws {
    let scan = try RunningScan()
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan, removed_at) VALUES (1, -1, $1, 'x', 'f', 0, 0, 0, 0, 0, 0, 0, now())
      """, [.int64(scan.root)])
    let writer = try scan.catalog.rows(for: scan.claim)
    let below = try writer.directory(named: "x", in: scan.root, .directory)
    try writer.file(in: scan.root, named: "x", .file)
    try writer.file(in: below, named: "x", .file)
    try writer.file(in: scan.root, named: "x", .file)
    let error = failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }
    #expect(error?.sqlState == SQLState.uniqueViolation)
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 1)
    #expect(try scan.catalog.release(scan.claim))
  }

  @Test func `a directory is no file`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    try writer.file(in: scan.root, named: "x", .directory)
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }?.sqlState == "23514")
  }

  @Test func `a visit fills in what an earlier commit could not know`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    let known = try writer.directory(named: "known", in: scan.root, .directory)
    let broken = try writer.directory(named: "broken", in: scan.root, .directory)
    var results = SliceResults()
    results.frontier = [known, broken]
    let attributes = FileAttributes(
      kind: .directory, mode: 0o40700, size: 0, device: 9, inode: .max, mtime_ns: -5, ctime_ns: 6, btime_ns: 7)
    results.visited = [VisitedDirectory(id: scan.root, attributes: attributes, files: 11, bytes: 12)]
    _ = try scan.catalog.commit(scan.claim, results)

    let next = try scan.catalog.claim(scan.claim.slice.scan.slice(3))
    var more = SliceResults()
    more.visited = [
      VisitedDirectory(id: known, attributes: attributes, files: 0, bytes: 0),
      VisitedDirectory(id: broken, attributes: .directory, files: nil, bytes: nil),
    ]
    _ = try scan.catalog.commit(next, more)

    let rows = try scan.connection.query(
      "SELECT device, inode, mode, mtime_ns, ctime_ns, btime_ns, files, bytes, first_scan FROM directories ORDER BY id")
    #expect(
      try rows.map { row in try (0..<9).map { try row.optionalInt64($0) } } == [
        [9, -1, 0o40700, -5, 6, 7, 11, 12, 1],
        [9, -1, 0o40700, -5, 6, 7, 0, 0, 1],
        [1, 2, 0o40755, 3, 4, nil, nil, nil, 1],
      ])
  }

  @Test func `what vanished before its visit goes; what an earlier scan made or a visit listed stays`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    let gone = try writer.directory(named: "gone", in: scan.root, .directory)
    let listed = try writer.directory(named: "listed", in: scan.root, .directory, files: 0)
    let older = try writer.directory(named: "older", in: scan.root, .directory)
    var results = SliceResults()
    results.frontier = [gone]
    _ = try scan.catalog.commit(scan.claim, results)
    try scan.connection.query("UPDATE directories SET first_scan = 0 WHERE id = $1", [.int64(older)])

    var more = SliceResults()
    more.vanished = [gone, listed, older, scan.root]
    _ = try scan.catalog.commit(try scan.catalog.claim(scan.claim.slice.scan.slice(2)), more)
    let left = try scan.connection.query("SELECT id FROM directories ORDER BY id").map { try $0.int64(0) }
    #expect(left == [scan.root, listed, older])
  }
}

extension FileAttributes {
  static let file = FileAttributes(
    kind: .file, mode: 0o100644, size: 1, device: 1, inode: 2, mtime_ns: 3, ctime_ns: 4, btime_ns: nil)
}

extension SliceWriter {
  func file(in directory: Int64, named name: String, _ attributes: FileAttributes) throws {
    try file(in: directory, named: Array(name.utf8), attributes)
  }

  func file(in directory: Int64, named name: [UInt8], _ attributes: FileAttributes) throws {
    try name.withUnsafeBytes { try file(in: directory, name: $0, attributes) }
  }

  /// Its id. `files` of 100 bytes each.
  @discardableResult
  func directory(named name: String, in parent: Int64, _ attributes: FileAttributes, files: Int64? = nil) throws
    -> Int64
  {
    try directory(named: Array(name.utf8), in: parent, attributes, files: files)
  }

  @discardableResult
  func directory(named name: [UInt8], in parent: Int64, _ attributes: FileAttributes, files: Int64? = nil) throws
    -> Int64
  {
    let id = try newDirectoryID()
    try name.withUnsafeBytes {
      try directory(
        id: id, parent: parent, name: $0, attributes, isBoundary: false, files: files, bytes: files.map { $0 * 100 })
    }
    return id
  }
}
