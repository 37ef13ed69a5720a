import Logging
import PostgresClient
import ScanModel
import TestSupport
import Testing

@testable import Catalog
@testable import Worker

/// A slice that visits so many directories, ids from 1,000,001 on, each known with so many children.
private final class KnownTree {
  let visits: [Int64]
  private let database: TestDatabase
  private let connection: Catalog
  private let rows: KnownRows
  private(set) var known: KnownDirectories

  init(visits count: Int, children: Int) throws {
    database = try TestDatabase()
    visits = (1...Int64(count)).map { 1_000_000 + $0 }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    connection = Catalog(url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: "/x", rules: LibraryRules())
    try database.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan)
      SELECT 1, 2000000 + (v - 1) * \(children) + n, 1000000 + v, convert_to(n::text, 'UTF8'), 0
        FROM generate_series(1, \(count)) v, generate_series(1, \(children)) n
      """)
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    let catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    guard case .admitted(let scan) = try catalog.admit(ScanRequest(target: .name("x"))) else { throw NotAdmitted() }
    let claim = try #require(
      try catalog.claim(SliceID(scan: scan.id, number: 1), epoch: 0, as: ClaimID(), holderDied: false))
    _ = try catalog.rows(for: claim)
    rows = catalog.knownRows(for: claim)
    let directories = visits.map {
      SliceFrontier.Directory(id: $0, parent: 1, name: Array("\($0)".utf8), known: KnownDirectory(id: $0))
    }
    known = KnownDirectories(SliceFrontier(directories: directories, visits: visits), rows: rows)
  }

  struct NotAdmitted: Error {}

  /// How often the session has run a statement.
  func runs(of statement: PostgresStatement) throws -> Int64 {
    let count = PostgresStatement(
      name: "runs",
      sql:
        "SELECT coalesce(sum(generic_plans + custom_plans), 0)::bigint FROM pg_prepared_statements WHERE name LIKE $1")
    return try connection.connection.execute(count, [.text("\(statement.name)%")])[0].int64(0)
  }

  /// Lists directories one after the other; how many queries fetched their children.
  func list(_ directories: some Sequence<Int64>, children: Int) throws -> Int64 {
    let before = try runs(of: Statements.childrenLive)
    for id in directories {
      _ = try known.take(id)
      #expect(try known.takeChildren(of: id).count == children)
    }
    return try runs(of: Statements.childrenLive) - before
  }

  func take(_ id: Int64) throws -> KnownDirectory? { try known.take(id) }

  /// The same frontier, found by the scan itself.
  func forget() { known = KnownDirectories(SliceFrontier(visits: visits), rows: rows) }

  func add(_ id: Int64) { known.add(KnownDirectory(id: id)) }
}

@Suite("Known directories that are fetched ahead")
struct KnownDirectoriesTests {
  @Test func `one query fetches the children of many directories, and of no more than its bound`() throws {
    let tree = try KnownTree(visits: 300, children: 1)
    #expect(try tree.list(tree.visits, children: 1) == 3)
  }

  @Test func `what an answer has no room for is fetched with the next`() throws {
    let tree = try KnownTree(visits: 40, children: 1_000)
    #expect(try tree.list(tree.visits, children: 1_000) == 5)
  }

  @Test func `children are kept up to a bound, and what is taken makes room`() throws {
    let tree = try KnownTree(visits: 100, children: 1_000)
    // Ten others are listed first: five of their queries fetch eight of the visits each, then it is enough.
    #expect(try tree.list(1...10, children: 0) == 10)
    #expect(try tree.list(tree.visits.prefix(40), children: 1_000) == 0)
    #expect(try tree.list(tree.visits.dropFirst(40), children: 1_000) == 8)
  }

  @Test func `for a directory that was left out no children are fetched`() throws {
    let tree = try KnownTree(visits: 100, children: 1_000)
    for id in tree.visits.prefix(60) { #expect(try tree.take(id) != nil) }
    #expect(try tree.list(tree.visits.dropFirst(60), children: 1_000) == 5)
  }

  @Test func `so many directories wait, and of any other is asked again`() throws {
    let tree = try KnownTree(visits: 1, children: 16_400)
    let children = (1...16_400).map { 2_000_000 + Int64($0) }
    for id in children { tree.add(id) }
    for id in children { #expect(try tree.take(id)?.id == id) }
    // The one visit waits too.
    #expect(try tree.runs(of: Statements.directoryKnown) == 17)
    #expect(try tree.take(9) == nil)
  }

  @Test func `of what the scan itself has found nobody is asked`() throws {
    let tree = try KnownTree(visits: 3, children: 1)
    tree.forget()
    for id in tree.visits { #expect(try tree.take(id) == nil) }
    #expect(try tree.runs(of: Statements.directoryKnown) == 0)
  }
}
