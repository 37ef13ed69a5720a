import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// The two views of the public interface.
@Suite struct ViewTests {
  @Test func `every byte that a name may hold comes out as it went in`() throws {
    let scan = try RunningScan()
    let bytes = (1...255).map { UInt8($0) }.filter { $0 != UInt8(ascii: "/") }
    var names = bytes.map { [$0] } + [bytes.prefix(127) + [], bytes.suffix(127) + []]
    names += ["ü", "日本", "a\nb", "\u{1F600}"].map { Array($0.utf8) }
    let writer = try scan.catalog.rows(for: scan.claim)
    let directory = try writer.directory(named: [0xFF, 0x5C], in: scan.root, .directory)
    for name in names {
      try writer.file(in: scan.root, named: name, .file)
      try writer.file(in: directory, named: name, .file)
    }
    _ = try scan.catalog.commit(scan.claim, SliceResults())

    let rows = try scan.connection.query("SELECT path, name, path_text FROM catalog_files WHERE library = 'media'")
    let paths = Set(names + names.map { [0xFF, 0x5C, 0x2F] + $0 })
    #expect(rows.count == paths.count)
    #expect(Set(try rows.map { try $0.bytes(0) }) == paths)
    for row in rows {
      let path = try row.bytes(0)
      #expect(try path.suffix(row.bytes(1).count) == row.bytes(1)[...])
      #expect(try row.text(2) == (String(validating: path, as: UTF8.self) ?? Self.escaped(path)))
    }
    let below = try scan.connection.query("SELECT path, path_text FROM catalog_directories ORDER BY path")
    #expect(try below.map { try $0.bytes(0) } == [[], [0xFF, 0x5C]])
    #expect(try below.map { try $0.text(1) } == ["", #"\377\\"#])
  }

  /// Bytes outside ASCII as `\ooo`, backslashes doubled; the rest as it is.
  private static func escaped(_ path: [UInt8]) -> String {
    path.map { byte in
      switch byte {
      case UInt8(ascii: "\\"): #"\\"#
      case 0..<0x80: String(UnicodeScalar(byte))
      default: #"\"# + String(byte, radix: 8)
      }
    }.joined()
  }

  @Test func `tombstones keep their paths, whatever becomes of their parents and of their names`() throws {
    let scan = try FinalisingScan()
    let outer = try scan.directory("outer")
    try scan.files(1, in: try scan.directory("inner", in: outer))
    try scan.stage(directory: outer)
    try scan.connection.script("UPDATE scans SET removal_verdict = 'apply'")
    _ = try scan.applyAll(limit: 10)
    // The same names again, as other rows.
    try scan.files(1, in: try scan.directory("inner", in: try scan.directory("outer")))

    let rows = "path_text || CASE WHEN removed_at IS NULL THEN ' lives' ELSE ' is gone' END"
    #expect(
      try scan.connection.texts("SELECT \(rows) FROM catalog_files ORDER BY 1")
        == ["outer/inner/000000 is gone", "outer/inner/000000 lives"])
    #expect(
      try scan.connection.texts("SELECT \(rows) FROM catalog_directories WHERE path <> '' ORDER BY 1")
        == ["outer is gone", "outer lives", "outer/inner is gone", "outer/inner lives"])
  }

  @Test func `a file's row shows what was seen`() throws {
    let scan = try RunningScan()
    let kinds: [FileKind] = [.file, .symlink, .fifo, .socket, .block, .char]
    let writer = try scan.catalog.rows(for: scan.claim)
    for kind in kinds {
      let attributes = FileAttributes(
        kind: kind, mode: 0o644, size: 5, device: 1, inode: .max, mtime_ns: -6, ctime_ns: 7, btime_ns: 8)
      try writer.file(in: scan.root, named: kind.rawValue, attributes)
    }
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    let rows = try scan.connection.query(
      """
      SELECT library, path_text, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan, changed_scan,
             category IS NULL AND course IS NULL AND removed_at IS NULL, id FROM catalog_files
      """)
    #expect(Set(try rows.map { try $0.text(2) }) == Set(kinds.map(\.rawValue)))
    for row in rows {
      #expect(try [row.text(0), row.text(1)] == ["media", row.text(2)])
      #expect(try (3..<10).map { try row.int64($0) } == [5, -6, 7, -1, 0o644, 1, 1])
      #expect(try row.boolean(10))
    }
    #expect(Set(try rows.map { try $0.int64(11) }).count == kinds.count)
  }

  @Test func `a directory's row shows its own files, and the root is the empty path`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    let upper = try writer.directory(named: "a", in: scan.root, .directory, files: 2)
    try writer.directory(named: "b", in: upper, .directory)
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    let rows = try scan.connection.query(
      "SELECT library, path_text, inode, files, bytes, id FROM catalog_directories ORDER BY path")
    #expect(try rows.map { try $0.text(1) } == ["", "a", "a/b"])
    #expect(try rows.map { try $0.optionalInt64(2) } == [nil, 2, 2])
    #expect(try rows.map { try $0.optionalInt64(3) } == [nil, 2, nil])
    #expect(try rows.map { try $0.optionalInt64(4) } == [nil, 200, nil])
    #expect(try rows[0].int64(5) == scan.root)
    #expect(try rows.allSatisfy { try $0.text(0) == "media" })
  }

  @Test(arguments: ["category/course", "flat", nil])
  func `the first two levels are category and course where the layout says so`(_ layout: String?) throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    var directory = scan.root
    try writer.file(in: directory, named: "f", .file)
    for name in ["maths", "algebra", "week 1", "day 1"] {
      directory = try writer.directory(named: name, in: directory, .directory)
      try writer.file(in: directory, named: "f", .file)
    }
    try writer.directory(named: [0xFF], in: scan.root, .directory)
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    try scan.connection.query(
      layout.map { "UPDATE libraries SET rules = rules || '{\"layout\": \"\($0)\"}'" }
        ?? "UPDATE libraries SET rules = rules - 'layout'")
    let hasBoth = layout == "category/course"
    func rows(_ view: String) throws -> [String] {
      try scan.connection.texts(
        "SELECT concat_ws('|', path_text, coalesce(category, '-'), coalesce(course, '-')) FROM \(view) ORDER BY path")
    }
    let named = ["": "-|-", "maths": "maths|-"].merging(
      ["maths/algebra", "maths/algebra/week 1", "maths/algebra/week 1/day 1"].map { ($0, "maths|algebra") }
    ) { $1 }
    let paths = ["", "maths", "maths/algebra", "maths/algebra/week 1", "maths/algebra/week 1/day 1"]
    func expected(_ path: String) -> String { hasBoth ? named[path] ?? "" : "-|-" }
    #expect(
      try rows("catalog_directories") == paths.map { "\($0)|\(expected($0))" } + [
        "\\377|" + (hasBoth ? "\\377|-" : "-|-")
      ])
    #expect(
      try Set(rows("catalog_files")) == Set(paths.map { ($0.isEmpty ? "f" : "\($0)/f") + "|\(expected($0))" }))
  }

  @Test func `category and course are those of the last scan that has ended, whatever the rules say by now`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    let maths = try writer.directory(named: "maths", in: scan.root, .directory)
    try writer.file(in: try writer.directory(named: "algebra", in: maths, .directory), named: "f", .file)
    let finalise = try scan.catalog.commit(scan.claim, SliceResults())
    let rows = """
      SELECT coalesce(category || '|' || course, '-') FROM catalog_files
      UNION SELECT coalesce(category || '|' || course, '-') FROM catalog_directories WHERE path = 'maths/algebra'
      """
    func set(_ layout: String) throws {
      try scan.connection.script("UPDATE libraries SET rules = rules || '{\"layout\": \"\(layout)\"}'")
    }
    #expect(try scan.connection.texts(rows) == ["-"])
    try set("category/course")
    #expect(try scan.connection.texts(rows) == ["maths|algebra"], "no scan has ended")
    #expect(try scan.catalog.end(try scan.catalog.claim(finalise[0])) == .completed)
    #expect(try scan.connection.texts(rows) == ["-"], "it ran under the rules before")

    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    #expect(try scan.connection.texts(rows) == ["-"], "it goes on")
    #expect(try scan.catalog.finish(next) == .completed)
    #expect(try scan.connection.texts(rows) == ["maths|algebra"])
    try set("flat")
    #expect(try scan.connection.texts(rows) == ["maths|algebra"])
    let failed = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    try scan.connection.query("SELECT fail_scan($1, 'w', 'm')", [.int64(failed.rawValue)])
    #expect(try scan.connection.texts(rows) == ["maths|algebra"])
  }

  @Test func `a tombstone says whether a rule has excluded it, and columns are added at the end only`() throws {
    let scan = try FinalisingScan()
    let (ignored, missing) = (try scan.directory("ignored"), try scan.directory("missing"))
    for directory in [ignored, missing] { try scan.files(1, in: directory) }
    try scan.stage(directory: ignored, excluded: true)
    try scan.stage(directory: missing)
    try scan.excludeAll(limit: 10)
    try scan.decide()
    _ = try scan.applyAll(limit: 10)
    try scan.files(1, in: scan.root)
    let rows = "SELECT concat_ws(' ', path_text, removed_at IS NOT NULL, excluded) FROM"
    #expect(
      try scan.connection.texts("\(rows) catalog_files ORDER BY path") == [
        "000000 f f", "ignored/000000 t t", "missing/000000 t f",
      ])
    #expect(
      try scan.connection.texts("\(rows) catalog_directories ORDER BY path") == [" f f", "ignored t t", "missing t f"])
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND attrelid ="
    #expect(
      try scan.connection.texts("\(columns) 'catalog_files'::regclass") == [
        "library path path_text name kind size mtime_ns ctime_ns inode mode category course id first_scan changed_scan removed_at excluded"
      ])
    #expect(
      try scan.connection.texts("\(columns) 'catalog_directories'::regclass") == [
        "library path path_text id inode files bytes category course removed_at excluded"
      ])
  }

  @Test func `two libraries do not mix`() throws {
    let fixture = try PostgresFixture()
    var expected: [String] = []
    for (library, files) in [("one", 3), ("two", 4)] {
      let scan = try fixture.admitScan(of: library)
      let catalog = PostgresSlotCatalog(
        catalog: fixture.database.catalog(), slot: .named(library), host: "h", maxAttempts: 3)
      let claim = try catalog.claim(scan.slice(1))
      let writer = try catalog.rows(for: claim)
      let directory = try writer.directory(named: "d", in: claim.frontier.visits[0], .directory)
      for index in 0..<files { try writer.file(in: directory, named: "\(index)", .file) }
      _ = try catalog.commit(claim, SliceResults())
      expected += (0..<files).map { "\(library):d/\($0)" }
    }
    let connection = fixture.database.connection()
    #expect(
      try connection.texts("SELECT library || ':' || path_text FROM catalog_files ORDER BY 1") == expected)
    #expect(
      try connection.texts("SELECT path_text FROM catalog_files WHERE library = 'two' ORDER BY 1")
        == (0..<4).map { "d/\($0)" })
    #expect(try connection.number("SELECT count(*) FROM files_1") == 3)
    #expect(try connection.number("SELECT count(*) FROM files_2") == 4)
  }

  /// A chain of directories beside many others: each level must cost what it holds, not what the library holds.
  @Test(arguments: [300, 3_000])
  func `a deep chain in a large library is shown in time`(_ depth: Int) throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<20_000 { try writer.directory(named: "side\(index)", in: scan.root, .directory) }
    var deepest = scan.root
    for level in 0..<depth { deepest = try writer.directory(named: "level\(level)", in: deepest, .directory) }
    try writer.file(in: deepest, named: "leaf", .file)
    var results = SliceResults()
    results.frontier = [deepest]
    _ = try scan.catalog.commit(scan.claim, results)
    let path = (0..<depth).map { "level\($0)" }.joined(separator: "/") + "/leaf"

    for analyzed in [false, true] {
      if analyzed { try scan.connection.script("ANALYZE") }
      let start = ContinuousClock.now
      #expect(try scan.connection.texts("SELECT path_text FROM catalog_files") == [path])
      #expect(try scan.connection.number("SELECT count(*) FROM catalog_directories") == Int64(20_001 + depth))
      let frontier = try scan.catalog.claim(scan.claim.slice.scan.slice(2)).frontier
      #expect(frontier.directories.count == depth + 1)
      let took = ContinuousClock.now - start
      // Where each level cost the library, it would be minutes.
      #expect(took < .seconds(30), "depth \(depth), analyzed: \(analyzed)")
    }
  }
}
