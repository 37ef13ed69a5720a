import Catalog
import Glibc
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// What becomes of errors from scan to scan.
@Suite struct ErrorRescanTests {
  typealias Counters = RescannedTree.Counters
  typealias Mischief = RescannedTree.Mischief

  private static let denied = WalkFailure.Cause.system(SystemError(operation: .stat, errno: EACCES))
  private static let broken = WalkFailure.Cause.system(SystemError(operation: .stat, errno: EIO))

  private static func tree() throws -> RescannedTree {
    try RescannedTree { tree in
      try tree.directory("d")
      for name in ["a", "b", "d/f", "d/g", "d/h"] { try tree.file(name, bytes: 1) }
    }
  }

  /// A walk in which these names fail, and these directories.
  private static func failing(
    _ names: [String: WalkFailure.Cause], _ directories: [Int64: WalkFailure.Cause] = [:]
  ) -> Mischief {
    Mischief(failing: { names[String(decoding: $0, as: UTF8.self)] }, unreadable: { directories[$0] })
  }

  private static let all =
    "SELECT convert_from(name, 'UTF8'), error_type, first_scan, resolved_scan FROM errors ORDER BY 1, 2, 3"

  @Test func `an error that is met again stays one row, and costs no write at all`() throws {
    let rescanned = try Self.tree()
    let mischief = Self.failing(["g": Self.denied, "h": Self.broken])
    #expect(try rescanned.scan(mischief) == Counters(status: "partial", added: 3))
    let (state, errors, ids) = (try rescanned.state(), try rescanned.errorState(), try rescanned.ids(1))
    #expect(errors.count == 2 + 2)
    for scan in 2...3 {
      #expect(try rescanned.scan(mischief) == Counters(status: "partial", unchanged: 3))
      #expect(try rescanned.state() == state)
      #expect(try rescanned.errorState() == errors)
      #expect(try rescanned.ids(scan) == ids)
      #expect(try rescanned.shown(scan) == ["g\tpermission_denied\tstatx\t13\topen", "h\tio_error\tstatx\t5\topen"])
      #expect(try rescanned.totals(scan) == "2: io_error 1, permission_denied 1")
    }
    #expect(
      try rescanned.database.query("SELECT errors, unread FROM directories ORDER BY id") == [
        "\t", "{\"io_error\": 1, \"permission_denied\": 1}\t",
      ])
  }

  @Test func `a tree with nothing but rejections is settled: a rescan writes nothing, and is partial still`() throws {
    let rescanned = try RescannedTree(rules: LibraryRules(extensions: ["mp4"])) { tree in
      try tree.directory("d")
      for name in ["a.mp4", "b.tmp", "d/c.mp4", "d/d.tmp", "d/e.tmp", "d/f.tmp"] { try tree.file(name, bytes: 1) }
    }
    #expect(try rescanned.scan() == Counters(status: "partial", added: 2))
    #expect(try rescanned.live() == ["/", "a.mp4", "d/", "d/c.mp4"])
    let (state, errors) = (try rescanned.state(), try rescanned.errorState())
    for scan in 2...3 {
      #expect(try rescanned.scan() == Counters(status: "partial", unchanged: 2))
      #expect(try rescanned.state() == state)
      #expect(try rescanned.errorState() == errors)
      #expect(try rescanned.totals(scan) == "4: invalid_extension 4")
    }
    // What is rejected is no part of the signature, but the directory knows of it.
    rescanned.remove("d/d.tmp", "d/e.tmp")
    #expect(try rescanned.scan() == Counters(status: "partial", unchanged: 2))
    #expect(try rescanned.totals(4) == "2: invalid_extension 2")
    #expect(try rescanned.shown(4).map { $0.prefix(5) } == ["b.tmp", "f.tmp"])
    try rescanned.set(LibraryRules())
    #expect(try rescanned.scan() == Counters(added: 2, unchanged: 2))
    #expect(try rescanned.totals(5) == "0: ")
  }

  @Test func `what is healthy again is resolved, what is new is added, and what was said stays with its scan`() throws {
    let rescanned = try Self.tree()
    #expect(try rescanned.scan(Self.failing(["g": Self.denied, "h": Self.broken])).status == "partial")
    #expect(
      try rescanned.scan(Self.failing(["f": Self.denied, "h": Self.broken, "a": Self.broken])).status == "partial")
    #expect(try rescanned.totals(1) == "2: io_error 1, permission_denied 1")
    #expect(try rescanned.totals(2) == "3: io_error 2, permission_denied 1")
    #expect(
      try rescanned.database.query(Self.all) == [
        "a\tio_error\t2\t", "f\tpermission_denied\t2\t", "g\tpermission_denied\t1\t2", "h\tio_error\t1\t",
      ])
    #expect(try rescanned.scan().status == "completed")
    #expect(try rescanned.totals(3) == "0: ")
    #expect(try rescanned.shown(3) == [])
    #expect(try rescanned.shown(1).map { $0.prefix(1) } == ["g", "h"])
    #expect(try rescanned.shown(2).map { $0.prefix(1) } == ["a", "f", "h"])
    #expect(
      try rescanned.database.query("SELECT 1 FROM errors WHERE resolved_at IS NULL OR resolved_at < first_seen") == [])
    #expect(try rescanned.database.query("SELECT 1 FROM directories WHERE errors IS NOT NULL") == [])
  }

  @Test func `an error that says something else keeps its row, another type is another error`() throws {
    let rescanned = try Self.tree()
    let perm = WalkFailure.Cause.system(SystemError(operation: .stat, errno: EPERM))
    try rescanned.scan(Self.failing(["f": Self.denied, "g": Self.denied]))
    let before = try rescanned.ids(1)
    try rescanned.scan(Self.failing(["f": perm, "g": Self.broken]))
    #expect(try rescanned.shown(2) == ["f\tpermission_denied\tstatx\t1\topen", "g\tio_error\tstatx\t5\topen"])
    #expect(try rescanned.ids(2)[0] == before[0])
    #expect(try rescanned.totals(2) == "2: io_error 1, permission_denied 1")
  }

  @Test func `below a directory that cannot be read all errors stay, and they count`() throws {
    let rescanned = try Self.tree()
    try rescanned.scan(Self.failing(["f": Self.broken, "a": Self.broken]))
    let d = try rescanned.directory("d")
    for scan in 2...3 {
      try rescanned.scan(Self.failing(["a": Self.broken], [d: Self.denied]))
      #expect(try rescanned.totals(scan) == "3: io_error 2, permission_denied 1")
      #expect(try rescanned.shown(scan).count == 3)
    }
    let (state, errors) = (try rescanned.state(), try rescanned.errorState())
    try rescanned.scan(Self.failing(["a": Self.broken], [d: Self.denied]))
    #expect(try rescanned.state() == state)
    #expect(try rescanned.errorState() == errors)
    // Otherwise unreadable: another error, in place of the one before.
    try rescanned.scan(Self.failing(["a": Self.broken], [d: Self.broken]))
    #expect(try rescanned.totals(5) == "3: io_error 3")
    #expect(try rescanned.shown(5).count == 3)
    // It can be read, and one entry of it fails as before.
    try rescanned.scan(Self.failing(["f": Self.broken]))
    #expect(try rescanned.totals(6) == "1: io_error 1")
    #expect(try rescanned.shown(6).map { $0.prefix(2) } == ["f\t"])
    #expect(try rescanned.scan() == Counters(added: 1, unchanged: 4))
    #expect(try rescanned.scan() == Counters(unchanged: 5))
    #expect(try rescanned.differences() == [])
  }

  @Test func `a directory that is removed takes its errors with it in the same scan`() throws {
    let rescanned = try Self.tree()
    try rescanned.scan(Self.failing(["f": Self.broken, "a": Self.broken]))
    rescanned.remove("d/f", "d/g", "d/h", "d")
    #expect(try rescanned.scan(Self.failing(["a": Self.broken])).removed == 2)
    #expect(try rescanned.totals(2) == "1: io_error 1")
    #expect(try rescanned.shown(2).count == 1)
    #expect(try rescanned.database.query(Self.all) == ["a\tio_error\t1\t", "f\tio_error\t1\t2"])
    rescanned.remove("a")
    #expect(try rescanned.scan().status == "completed")
    try rescanned.tree.directory("d")
    #expect(try rescanned.scan().status == "completed")
    #expect(try rescanned.totals(4) == "0: ")
  }

  @Test func `an error of what is nowhere any more is the scan's alone`() throws {
    let rescanned = try Self.tree()
    try rescanned.scan()
    let d = try rescanned.directory("d")
    #expect(try rescanned.scan(Self.failing([:], [d: .replaced])).status == "partial")
    #expect(try rescanned.totals(2) == "1: changed_during_scan 1")
    #expect(try rescanned.scan().status == "completed")
    #expect(try rescanned.shown(2).count == 1)
    #expect(try rescanned.shown(3) == [])
  }

  @Test(arguments: [
    (ESTALE, "stale_handle"), (ENAMETOOLONG, "name_too_long"), (EOVERFLOW, "io_error"), (ENOENT, "file_not_found"),
  ])
  func `an errno of an entry and of a directory is a row under its type`(_ errno: Int32, _ type: String) throws {
    let rescanned = try Self.tree()
    try rescanned.scan()
    let d = try rescanned.directory("d")
    let cause = { WalkFailure.Cause.system(SystemError(operation: $0, errno: errno)) }
    let failing = Self.failing(["a": cause(.stat)], [d: cause(.open)])
    for scan in 2...3 {
      #expect(try rescanned.scan(failing) == Counters(status: "partial", unchanged: 1))
      #expect(try rescanned.totals(scan) == "2: \(type) 2")
      #expect(
        try rescanned.shown(scan) == ["\(d)\t\(type)\topenat\t\(errno)\topen", "a\t\(type)\tstatx\t\(errno)\topen"])
    }
    #expect(try rescanned.scan() == Counters(unchanged: 5))
    #expect(try rescanned.totals(4) == "0: ")
  }

  @Test func `a directory whose time no row can hold is never settled, and else as any other`() throws {
    let rescanned = try Self.tree()
    let setTimes = { for name in ["d", "."] { try rescanned.tree.setTime(name, -(1 << 40)) } }
    try setTimes()
    #expect(try rescanned.scan() == Counters(status: "partial", added: 5))
    #expect(try rescanned.live() == ["/?", "a", "b", "d/?", "d/f", "d/g", "d/h"])
    let shown = ["\ttimestamp_out_of_range\t\t\topen", "d\ttimestamp_out_of_range\t\t\topen"]
    let (state, errors) = (try rescanned.state(), try rescanned.errorState())
    for scan in 2...3 {
      #expect(try rescanned.scan() == Counters(status: "partial", unchanged: 5))
      #expect(try rescanned.state() == state)
      #expect(try rescanned.errorState() == errors)
      #expect(try rescanned.totals(scan) == "2: timestamp_out_of_range 2")
      #expect(try rescanned.shown(scan) == shown)
    }
    rescanned.remove("d/f")
    try rescanned.tree.file("d/new")
    try setTimes()
    #expect(try rescanned.scan() == Counters(status: "partial", added: 1, unchanged: 4, removed: 1))
    #expect(try rescanned.shown(4) == shown)
    let d = try rescanned.directory("d")
    // It cannot be read at all: another error takes the place of the first, for as long as that is so.
    try rescanned.scan(Self.failing([:], [d: Self.denied]))
    #expect(try rescanned.totals(5) == "2: permission_denied 1, timestamp_out_of_range 1")
    try rescanned.scan()
    #expect(try rescanned.totals(6) == "2: timestamp_out_of_range 2")
    #expect(utimensat(AT_FDCWD, rescanned.tree.path("d"), nil, 0) == 0)
    #expect(utimensat(AT_FDCWD, rescanned.tree.path("."), nil, 0) == 0)
    #expect(try rescanned.scan() == Counters(unchanged: 5))
    #expect(try rescanned.live() == ["/", "a", "b", "d/", "d/g", "d/h", "d/new"])
    #expect(try rescanned.totals(7) == "0: ")
    #expect(try rescanned.directory("d") == d)
    #expect(try rescanned.differences() == [])
  }

  @Test(arguments: [true, false])
  func `a link that takes a directory's place before it is opened is a row, and leads nowhere`(
    isKnown: Bool
  ) throws {
    let rescanned = try Self.tree()
    let tree = rescanned.tree
    mkdir(tree.outside("secret"), 0o755)
    close(open(tree.outside("secret/s"), O_CREAT | O_WRONLY, 0o644))
    if isKnown { try rescanned.scan() }
    var listings = 0
    let mischief = Mischief(listed: { _ in
      listings += 1
      guard listings == 1 else { return }
      #expect(rename(tree.path("d"), tree.outside("d")) == 0)
      #expect(symlink(tree.outside("secret"), tree.path("d")) == 0)
    })
    #expect(try rescanned.scan(mischief).status == "partial")
    let scan = isKnown ? 2 : 1
    #expect(try rescanned.totals(scan) == "1: path_traversal 1")
    #expect(try rescanned.shown(scan).map { $0.prefix(26) } == ["d\tpath_traversal\topenat\t40"])
    #expect(try rescanned.live().filter { $0.contains("/s") } == [])
    #expect(try rescanned.scan().status == "completed")
    #expect(try rescanned.live() == ["/", "a", "b", "d"])
    #expect(try rescanned.totals(scan + 1) == "0: ")
  }
}

extension RescannedTree {
  /// Every tuple about errors as it lies on disk, those of the scans aside.
  func errorState() throws -> [String] {
    try database.query(
      """
      SELECT 'e', ctid, xmin, xmax FROM errors UNION ALL SELECT 'c', ctid, xmin, xmax FROM error_counts ORDER BY 1, 2
      """)
  }

  /// The ids of a scan's errors, by name.
  func ids(_ scan: Int) throws -> [String] {
    try database.query(
      "SELECT e.id FROM scan_errors s JOIN errors e USING (id) WHERE s.scan_id = \(scan) ORDER BY e.name, s.error_type")
  }

  /// A scan's errors, by name.
  func shown(_ scan: Int) throws -> [String] {
    try database.query(
      """
      SELECT convert_from(coalesce(e.name, e.path), 'UTF8'), s.error_type, s.operation, s.errno,
             coalesce('until ' || s.resolved_scan, 'open')
        FROM scan_errors s JOIN errors e USING (id) WHERE s.scan_id = \(scan) ORDER BY 1, 2
      """)
  }

  /// How many errors a scan has, and how many of each type.
  func totals(_ scan: Int) throws -> String {
    let types = try database.query(
      """
      SELECT error_type || ' ' || total FROM scan_error_counts WHERE scan_id = \(scan) AND total > 0 ORDER BY 1
      """)
    let count = try database.query("SELECT errors_count FROM scans WHERE id = \(scan)")[0]
    return "\(count): \(types.joined(separator: ", "))"
  }
}
