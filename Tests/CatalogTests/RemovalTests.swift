import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// Removing libraries: nothing is left, whatever interrupts it.
@Suite struct RemovalTests {
  @Test func `a removed library leaves no row in any table, and its name and root are free`() throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let library = try Self.scannedLibrary(database)
    #expect(try Self.contents(database) != before)
    let catalog = database.catalog()
    try catalog.removeLibrary(library)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
    #expect(try Self.scannedLibrary(database) != library)
  }

  @Test func `other libraries keep all they have`() throws {
    let database = try TestDatabase()
    let kept = try Self.scannedLibrary(database, name: "kept")
    let before = try Self.contents(database)
    try database.catalog().removeLibrary(try Self.scannedLibrary(database))
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == ["directories_\(kept)", "files_\(kept)"])
  }

  @Test func `a library that is gone is removed again without complaint`() throws {
    let database = try TestDatabase()
    let library = try Self.scannedLibrary(database)
    try database.catalog().removeLibrary(library)
    try database.catalog().removeLibrary(library)
    try database.catalog().removeLibrary(LibraryID(999))
  }

  @Test(arguments: ["pending", "running", "paused"])
  func `while a scan is active the removal is refused, and the library can go on`(_ status: String) throws {
    let scan = try RunningScan()
    try scan.connection.query(
      "UPDATE scans SET status = $1, started_at = CASE WHEN $1 = 'pending' THEN NULL ELSE now() END", [.text(status)])
    let catalog = scan.database.catalog()
    let error = failure { () throws(CatalogError) in try catalog.removeLibrary(LibraryID(1)) }
    guard case .libraryActive(scan: 1) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try catalog.library(named: "media")?.isRemoving == false)
    #expect(try partitions(scan.database) == ["directories_1", "files_1"])
  }

  /// Each is a state in which a removal may have been interrupted.
  @Test(arguments: [
    ["UPDATE libraries SET removing = true"],
    ["UPDATE libraries SET removing = true", "ALTER TABLE files DETACH PARTITION files_1"],
    ["UPDATE libraries SET removing = true", "DROP TABLE files_1"],
    [
      "UPDATE libraries SET removing = true", "DROP TABLE files_1",
      "ALTER TABLE directories DETACH PARTITION directories_1",
    ],
    ["UPDATE libraries SET removing = true", "DROP TABLE files_1", "DROP TABLE directories_1"],
    [
      "UPDATE libraries SET removing = true", "DROP TABLE files_1", "DROP TABLE directories_1",
      "DELETE FROM scan_errors",
    ],
  ])
  func `a removal that was interrupted is ended by the next`(_ done: [String]) throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let library = try Self.scannedLibrary(database)
    for step in done { try database.connection().script(step) }
    let catalog = database.catalog()
    #expect(try catalog.library(named: "media")?.isRemoving == true)
    #expect(try catalog.admit(ScanRequest(target: .name("media")), through: .cli).outcome == "removing")
    try catalog.removeLibrary(library)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
  }

  @Test func `a removal that a long reader holds up gives up in time, and is ended by the next`() throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let library = try Self.scannedLibrary(database)
    let reader = database.connection()
    try reader.begin()
    try reader.query("SELECT count(*) FROM files")

    #expect(
      failure { () throws(CatalogError) in try database.catalog(deadline: .seconds(1)).removeLibrary(library) } != nil)
    // Others still read and are served meanwhile: the detachment is pending, not exclusive.
    #expect(try database.connection().number("SELECT count(*) FROM catalog_files") == 0)
    _ = try database.catalog(deadline: .seconds(10)).library(named: "media")
    #expect(
      try database.connection().number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1)

    reader.rollback()
    try database.catalog().removeLibrary(library)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
  }

  @Test func `two removals at once both end, and nothing is left`() throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let library = try Self.scannedLibrary(database)
    _ = try onThreads(2) { _ in
      failure { () throws(CatalogError) in try database.catalog().removeLibrary(library) }
    }
    // One may have lost its table to the other; whoever repeats it finds nothing to do.
    try database.catalog().removeLibrary(library)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
  }

  @Test(arguments: 1...5)
  func `of a removal and an admission at once one gives way`(_ round: Int) throws {
    let database = try TestDatabase()
    let library = try database.catalog().addLibrary(name: "media", rootPath: "/srv/media", rules: LibraryRules())
    let outcomes = try onThreads(4) { index in
      if index == round % 4 {
        let error = failure { () throws(CatalogError) in try database.catalog().removeLibrary(library) }
        return error.map { "removal: \($0)" } ?? "removed"
      }
      return try database.catalog().admit(ScanRequest(target: .name("media")), through: .cli).outcome
    }
    let admitted = outcomes.contains { $0.hasPrefix("admitted") }
    #expect(outcomes.contains("removed") != admitted, "\(outcomes)")
    #expect(try database.connection().number("SELECT count(*) FROM scans") == (admitted ? 1 : 0))
    #expect(try partitions(database).count == (admitted ? 2 : 0))
    if admitted { #expect(outcomes.contains { $0.hasPrefix("removal: scan ") }, "\(outcomes)") }
  }

  /// A library with rows in every table, whose only scan has ended.
  private static func scannedLibrary(_ database: TestDatabase, name: String = "media") throws -> LibraryID {
    let catalog = database.catalog()
    let library = try catalog.addLibrary(name: name, rootPath: "/srv/\(name)", rules: LibraryRules())
    let slot = PostgresSlotCatalog(catalog: catalog, slot: .named("a"), host: "a", maxAttempts: 3)
    let scan = try slot.admit(ScanRequest(target: .name(name))).admittedScan().id
    let claim = try slot.claim(scan.slice(1))
    let writer = try slot.rows(for: claim)
    let directory = try writer.directory(named: "d", in: claim.frontier.visits[0], .directory)
    try writer.file(in: directory, named: "f", .file)
    var results = SliceResults()
    results.errorsCount = 1
    results.errors = [SliceError(path: [1], type: .ioError, operation: "openat", errno: 5, message: "m")]
    _ = try slot.commit(claim, results)
    _ = try slot.end(try slot.claim(scan.slice(2)))
    // As a late commit may leave it.
    try database.connection().query(
      "INSERT INTO slices (scan_id, number, kind, state, frontier) VALUES ($1, 9, 'walk', 'ready', '{1}')",
      [.int64(scan.rawValue)])
    return library
  }

  /// The number of rows of every table.
  private static func contents(_ database: TestDatabase) throws -> [String: Int64] {
    let connection = database.connection()
    let tables = [
      "libraries", "scans", "slices", "directories", "files", "scan_errors", "scan_events", "scan_shares",
    ]
    let known = try connection.texts(
      """
      SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
         AND NOT relispartition AND relname <> 'schema_migrations' AND relname !~ '_[0-9]+$'
      """)
    #expect(Set(known) == Set(tables), "a table that no removal is tested for")
    return try Dictionary(
      uniqueKeysWithValues: tables.map { ($0, try connection.number("SELECT count(*) FROM \($0)")) })
  }
}
