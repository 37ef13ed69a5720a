import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// How a slice's rest is cut into slices, on the server.
@Suite struct SettleTests {
  @Test(arguments: [1, 3, 4, 16])
  func `a large frontier is cut into rows of bounded size, its order kept, its beginning queued first`(
    _ maxParallel: Int
  ) throws {
    let scan = try RunningScan(maxParallel: maxParallel)
    let frontier = (0..<10_000).map { Int64($0 * 7 + 1_000_000) }
    let queued = try scan.settle(frontier)

    let rows = try scan.connection.query(
      "SELECT number, state, frontier FROM slices WHERE number > 1 ORDER BY number DESC")
    let pieces = try rows.map { try $0.int64Array(2) }
    #expect(pieces.flatMap { $0 } == frontier)
    #expect(pieces.allSatisfy { $0.count <= 4096 })
    #expect(pieces.count == max(maxParallel, 3))
    let states = try rows.map { try $0.text(1) }
    let room = min(maxParallel, pieces.count)
    #expect(states == Array(repeating: "queued", count: room) + Array(repeating: "ready", count: pieces.count - room))
    #expect(try queued.sorted(by: >) == rows.prefix(room).map { try $0.int32(0) })
    #expect(try scan.connection.number("SELECT open_slices FROM scans") == Int64(pieces.count))
    #expect(try scan.connection.number("SELECT next_slice FROM scans") == Int64(pieces.count + 2))
  }

  @Test(arguments: [4096, 4097, 8192, 8193])
  func `a frontier at the bound of a row is cut exactly there`(_ count: Int) throws {
    let scan = try RunningScan(maxParallel: 1)
    _ = try scan.settle((0..<count).map { Int64($0) })
    let sizes = try scan.connection.query(
      "SELECT cardinality(frontier) FROM slices WHERE number > 1 ORDER BY number DESC")
    #expect(try sizes.map { Int(try $0.int32(0)) }.reduce(0, +) == count)
    #expect(sizes.count == (count + 4095) / 4096)
  }

  @Test func `in a scan that has ended nothing is settled`() throws {
    let scan = try RunningScan(maxParallel: 4)
    try scan.connection.query("UPDATE scans SET status = 'cancelled', completed_at = now()")
    do throws(PostgresError) {
      _ = try scan.settle([1])
      Issue.record("settled")
    } catch {
      #expect(error.sqlState == SQLState.scanEnded)
    }
  }

  /// However the planner reads it, the query that promotes must not look for more than it has room for: a
  /// subquery that it runs again would find the next ready slices.
  @Test(arguments: ["hashjoin", "mergejoin", "nestloop", "hashagg", "sort", "indexscan", "bitmapscan", "material"])
  func `promotion keeps to the room in every plan`(_ method: String) throws {
    let scan = try RunningScan(maxParallel: 5)
    try scan.connection.query(
      "INSERT INTO slices (scan_id, number, kind, state, frontier) SELECT 1, n, 'walk', 'ready', '{1}' FROM generate_series(2, 300) n"
    )
    for analyzed in [false, true] {
      if analyzed { try scan.connection.script("ANALYZE slices") }
      for off in [[method], Self.allBut(method)] {
        let settings = off.map { "SET LOCAL enable_\($0) = off;" }.joined()
        try scan.connection.begin()
        try scan.connection.script(settings)
        let promoted = try scan.connection.query("SELECT promote_slices(1)")
        #expect(promoted.count == 4, "without \(off)")
        #expect(try scan.connection.number("SELECT count(*) FROM slices WHERE state = 'queued'") == 4)
        scan.connection.rollback()
      }
    }
  }

  private static func allBut(_ method: String) -> [String] {
    ["hashjoin", "mergejoin", "nestloop", "hashagg", "sort", "seqscan"].filter { $0 != method }
  }

  @Test func `slices that a late commit holds are passed over, and dropped by the next`() throws {
    let scan = try RunningScan(maxParallel: 4)
    _ = try scan.settle([1, 2, 3])
    try scan.connection.query("UPDATE scans SET status = 'cancelled', completed_at = now()")
    let late = scan.database.connection()
    try late.begin()
    try late.query("UPDATE slices SET entries = 1 WHERE number = 3")

    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.connection.query("SELECT number FROM slices").map { try $0.int32(0) } == [3])
    late.rollback()
    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.connection.number("SELECT count(*) FROM slices") == 0)
  }

  @Test(arguments: ["pending", "running", "paused"])
  func `slices of an active scan are not dropped`(_ status: String) throws {
    let scan = try RunningScan(maxParallel: 4)
    try scan.connection.query(
      "UPDATE scans SET status = $1, started_at = CASE WHEN $1 = 'pending' THEN NULL ELSE now() END", [.text(status)])
    try scan.connection.query("SELECT drop_slices(1)")
    #expect(try scan.connection.number("SELECT count(*) FROM slices") == 1)
  }
}

/// A scan whose first slice is running, and a connection to interfere with it.
struct RunningScan {
  let database: TestDatabase
  let connection: PostgresConnection
  let claim: SliceClaim
  let catalog: PostgresSlotCatalog
  /// The connection of `catalog`.
  let catalogConnection: Catalog

  var root: Int64 { claim.frontier.visits[0] }

  init(maxParallel: Int = 16) throws {
    database = try TestDatabase()
    connection = database.connection()
    _ = try database.catalog().addLibrary(
      name: "media", rootPath: "/srv/media", rules: LibraryRules(maxParallel: maxParallel))
    catalogConnection = database.catalog()
    catalog = PostgresSlotCatalog(catalog: catalogConnection, slot: .named("a"), host: "a", maxAttempts: 3)
    let scan = try catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    claim = try catalog.claim(scan.slice(1))
  }

  /// Another worker's slot, on a connection of its own.
  func slot(_ name: String, maxAttempts: Int = 3) -> PostgresSlotCatalog {
    PostgresSlotCatalog(catalog: database.catalog(), slot: .named(name), host: name, maxAttempts: maxAttempts)
  }

  /// How many sessions have such a name.
  func sessions(_ name: String) throws(PostgresError) -> Int64 {
    try connection.number("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE $1", [.text(name)])
  }

  /// The takeovers that were recorded, in order.
  func events() throws(PostgresError) -> [String] {
    try connection.texts(
      """
      SELECT format('slice %s from %s attempt %s dead %s terminated %s', detail->>'slice', detail->>'from',
                    detail->>'attempt', detail->>'dead', detail->>'terminated')
        FROM scan_events WHERE event = 'slice_taken_over' ORDER BY id
      """)
  }

  /// The slice's end without its fence, by hand; the queued slices.
  func settle(_ frontier: [Int64]) throws(PostgresError) -> [Int32] {
    try connection.transaction { () throws(PostgresError) in
      try connection.query("UPDATE slices SET state = 'done' WHERE number = 1")
      return try connection.query("SELECT * FROM settle_slice(1, 1, $1, 1, 1, 1, 0, 0, 1, 0)", [.int64Array(frontier)])
        .map { (row) throws(PostgresError) in try row.int32(0) }
    }
  }
}
