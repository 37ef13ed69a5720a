import PostgresClient
import ScanModel
import Testing

@testable import Catalog

extension KnownChildren {
  fileprivate var names: [String] { directories.indices.map { String(decoding: name(at: $0), as: UTF8.self) } }
}

extension KnownFiles {
  fileprivate var names: [String] { files.map { withName(of: $0) { String(decoding: $0, as: UTF8.self) } } }
}

/// A second scan's slice, in a catalogue that the test fills.
private struct SecondScan {
  let scan: RunningScan
  let rows: KnownRows

  init() throws {
    scan = try RunningScan()
    _ = try scan.catalog.rows(for: scan.claim)
    rows = scan.catalog.knownRows(for: scan.claim)
  }

  /// Directories of an earlier scan: id, parent, name, tombstone or not.
  func add(_ id: Int64, in parent: Int64, _ name: String, removed: String = "NULL") throws {
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, removed_at)
      VALUES (1, \(id), \(parent), convert_to('\(name)', 'UTF8'), 0, \(removed))
      """)
  }

  func addFiles(_ count: Int, in directory: Int64, from first: Int64, removed: String = "NULL") throws {
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan, removed_at)
      SELECT 1, \(first) + n, \(directory), convert_to(to_char(n, 'FM000000'), 'UTF8'), 'l', n, -n, 7, n, 33188, 0, 0, \(removed)
        FROM generate_series(1, \(count)) n
      """)
  }
}

@Suite struct KnownRowsTests {
  @Test func `the children of many directories come in their order, the gone ones apart`() throws {
    let second = try SecondScan()
    for (id, parent, name) in [(10, 1, "z"), (11, 1, "a"), (12, 2, "é"), (13, 2, "~"), (14, 4, "only")]
      as [(Int64, Int64, String)]
    {
      try second.add(id, in: 1_000_000 + parent, name)
    }
    try second.add(15, in: 1_000_001, "was", removed: "now()")
    let children = try second.rows.children(of: [1_000_002, 1_000_003, 1_000_001, 1_000_004])
    #expect(children.map(\.names) == [["~", "é"], [], ["a", "z"], ["only"]])
    #expect(children.map(\.hasRemoved) == [false, false, true, false])
    #expect(children[2].directories.map(\.id) == [11, 10])
    let place = Array("z".utf8).withUnsafeBytes { children[2].place(of: $0) }
    #expect(place == 1)
    #expect(Array("zz".utf8).withUnsafeBytes { children[2].place(of: $0) } == nil)
    #expect(Array("".utf8).withUnsafeBytes { children[1].place(of: $0) } == nil)
  }

  @Test func `more children than one answer holds come whole for the first, and cut off the rest`() throws {
    let second = try SecondScan()
    try second.scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan)
      SELECT 1, 2000000 + n, CASE WHEN n <= 100 THEN 7 WHEN n <= 20000 THEN 8 ELSE 9 END, convert_to(to_char(n, 'FM000000'), 'UTF8'), 0
        FROM generate_series(1, 20010) n
      """)
    #expect(try second.rows.children(of: [7, 8, 9]).map(\.count) == [100])
    #expect(try second.rows.children(of: [8, 9, 7]).map(\.count) == [19_900])
    #expect(try second.rows.children(of: [9, 7, 8]).map(\.count) == [10, 100])
    let whole = try second.rows.children(of: [8])[0]
    #expect(whole.names == whole.names.sorted() && Set(whole.names).count == 19_900)
  }

  @Test func `directories without birth times are found by their inodes, and no others`() throws {
    let second = try SecondScan()
    for (id, name) in [(10, "a"), (11, "b"), (12, "c"), (13, "d")] as [(Int64, String)] {
      try second.add(id, in: second.scan.root, name)
    }
    try second.scan.connection.query("UPDATE directories SET inode = 5 WHERE id IN (10, 11)")
    try second.scan.connection.query("UPDATE directories SET btime_ns = 7 WHERE id = 11")
    try second.scan.connection.query("UPDATE directories SET inode = 6 WHERE id IN (12, 13)")
    let found = try second.rows.directories(born: [(5, nil), (5, 7), (5, 8), (6, nil), (9, nil)])
    #expect(found.mapValues { $0.map(\.directory.id).sorted() } == [0: [10], 1: [11], 3: [12, 13]])
  }

  @Test func `of what directories hold some names are told, of files and of directories`() throws {
    let second = try SecondScan()
    try second.add(10, in: second.scan.root, "a")
    try second.add(11, in: second.scan.root, "b")
    for (id, name) in [(20, "x"), (21, "y"), (22, "z")] as [(Int64, String)] { try second.add(id, in: 10, name) }
    try second.add(23, in: 10, "w", removed: "now()")
    try second.scan.connection.query("UPDATE directories SET followed = true WHERE id = 20")
    try second.scan.connection.query("UPDATE directories SET name = vacated_name(id, name) WHERE id = 21")
    try second.addFiles(3, in: 10, from: 100)
    try second.addFiles(1, in: 11, from: 200, removed: "now()")
    let names = try second.rows.names(in: [10, 11], limit: 2)
    #expect(names.keys.sorted() == [10])
    #expect(
      names[10]?.map { "\($0.isDirectory ? "d" : "f") " + String(decoding: $0.name, as: UTF8.self) } == [
        "f 000001", "f 000002", "d z",
      ])
  }

  @Test func `files come in the order of the directories and of their names, in pages`() throws {
    let second = try SecondScan()
    try second.addFiles(5_000, in: 21, from: 100_000)
    try second.addFiles(10_000, in: 20, from: 200_000)
    try second.addFiles(3, in: 22, from: 300_000, removed: "now()")
    let directories: [Int64] = [21, 22, 20]
    let first = try second.rows.files(of: directories[...], after: [])
    #expect(!first.isLast && first.page.files.count == 8_192)
    #expect(first.page.files.prefix(5_000).allSatisfy { $0.directory == 21 })
    let last = try #require(first.page.files.last)
    #expect(last.directory == 20)
    let rest = try second.rows.files(of: directories[2...], after: Array(first.page.names[8_191].utf8))
    #expect(rest.isLast && rest.page.files.count == 15_000 - 8_192)
    let names = (first.page.names + rest.page.names).suffix(10_000)
    #expect(Array(names) == names.sorted() && Set(names).count == 10_000)
    let one = try #require(first.page.files.first)
    #expect(one.id == 100_001)
    #expect(
      one.isLike(
        FileAttributes(
          kind: .symlink, mode: 33188, size: 1, device: 99, inode: 1, mtime_ns: -1, ctime_ns: 7, btime_ns: nil)))
    #expect(try second.rows.directoriesWithRemovedFiles(directories) == [22])
  }

  @Test func `of several tombstones of a name the newest is found`() throws {
    let second = try SecondScan()
    try second.addFiles(3, in: 30, from: 1_000, removed: "'2020-01-01'")
    try second.addFiles(2, in: 30, from: 2_000, removed: "'2021-01-01'")
    let names = ["000003", "000009", "000001"].map { Array($0.utf8) }
    #expect(try second.rows.removedFiles(names, in: 30) == [0: 1_003, 2: 2_001])
    try second.add(40, in: 30, "d", removed: "'2020-01-01'")
    try second.add(41, in: 30, "d", removed: "'2021-01-01'")
    #expect(try Array("d".utf8).withUnsafeBytes { try second.rows.removedDirectory($0, in: 30) } == 41)
    #expect(try Array("e".utf8).withUnsafeBytes { try second.rows.removedDirectory($0, in: 30) } == nil)
  }

  @Test func `a directory that this scan itself found is not known`() throws {
    let second = try SecondScan()
    try second.add(50, in: 1, "earlier")
    try second.scan.connection.query("UPDATE directories SET files = 3, bytes = 9, boundary = true WHERE id = 50")
    #expect(
      try second.rows.directory(50) == KnownDirectory(id: 50, isBoundary: true, files: 3, bytes: 9))
    try second.scan.connection.query("UPDATE directories SET first_scan = 1 WHERE id = 50")
    #expect(try second.rows.directory(50) == nil)
    #expect(try second.rows.directory(51) == nil)
  }
}
