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
    #expect(try partitions(database) == ["directories_\(kept)", "files_\(kept)", "scan_changes_\(kept)"])
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
    #expect(try partitions(scan.database) == ["directories_1", "files_1", "scan_changes_1"])
  }

  /// Each is a state in which a removal may have been interrupted.
  @Test(arguments: [
    ["UPDATE libraries SET removing = true"],
    ["UPDATE libraries SET removing = true", "DROP TABLE scan_changes_1"],
    ["UPDATE libraries SET removing = true", "ALTER TABLE files DETACH PARTITION files_1"],
    ["UPDATE libraries SET removing = true", "DROP TABLE files_1"],
    [
      "UPDATE libraries SET removing = true", "DROP TABLE files_1",
      "ALTER TABLE directories DETACH PARTITION directories_1",
    ],
    ["UPDATE libraries SET removing = true", "DROP TABLE files_1", "DROP TABLE directories_1"],
    [
      "UPDATE libraries SET removing = true", "DROP TABLE files_1", "DROP TABLE directories_1",
      "DELETE FROM errors", "DELETE FROM error_counts", "DELETE FROM scan_error_counts",
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

  @Test func `a removal waits for another library's long slice, beyond the timeout for locks`() throws {
    let database = try TestDatabase()
    let removed = try Self.scannedLibrary(database)
    let walked = try Self.scannedLibrary(database, name: "walked")
    let slice = try Self.longSlice(database, of: walked)
    let removal = try Self.removals(database, of: [removed])
    #expect(
      try eventually {
        // Twice as long as the removal's lock_timeout.
        try database.connection().number(
          """
          SELECT count(*) FROM pg_stat_activity
           WHERE datname = current_database() AND query LIKE '%DETACH%CONCURRENTLY' AND wait_event_type = 'Lock'
             AND query_start < clock_timestamp() - interval '1 s'
          """) == 1
      })
    // Readers go on meanwhile, and libraries come.
    #expect(try database.connection().number("SELECT count(*) FROM catalog_files") == 1)
    let catalog = database.catalog(deadline: .seconds(10))
    _ = try catalog.addLibrary(name: "new", rootPath: "/new", rules: LibraryRules())
    try slice.commit()
    #expect(try removal.results() == ["removed"])
    #expect(try partitions(database).contains("files_\(removed)") == false)
  }

  @Test func `removals of several libraries at once all end, with a long slice between them`() throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let removed = try (1...4).map { try Self.scannedLibrary(database, name: "l\($0)") }
    let walked = try Self.scannedLibrary(database, name: "walked")
    let slice = try Self.longSlice(database, of: walked)
    let removal = try Self.removals(database, of: removed + removed)
    #expect(try eventually { try Self.pending(database) == 1 })
    slice.rollback()
    #expect(try removal.results() == Array(repeating: "removed", count: 8))
    try database.catalog().removeLibrary(walked)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
  }

  @Test func `a removal that is held up for good says by whom, and any other ends what it left`() throws {
    let database = try TestDatabase()
    let before = try Self.contents(database)
    let (first, second) = (try Self.scannedLibrary(database), try Self.scannedLibrary(database, name: "b"))
    let slice = try Self.longSlice(database, of: second)
    let catalog = database.catalog(deadline: .seconds(10))
    let error = failure { () throws(CatalogError) in
      try catalog.removeLibrary(first, patience: .milliseconds(300))
    }
    #expect(error?.sqlState == "55P03" && error?.isOutage == false)
    let description = try #require(error?.description)
    let holder = "CatalogTests (process \(try #require(slice.backendPID)), idle in transaction for "
    #expect(description.contains(holder) && !description.contains("\n"), "\(description)")
    #expect(try Self.pending(database) == 1)
    // The connection is as it was, and the next removal's turn can come.
    #expect(try catalog.connection.texts("SHOW lock_timeout") == ["5s"])
    #expect(try catalog.connection.texts("SHOW statement_timeout") == ["0"])

    slice.rollback()
    try database.catalog().removeLibrary(second)
    try catalog.removeLibrary(first)
    #expect(try Self.contents(database) == before)
    #expect(try partitions(database) == [])
  }

  @Test func `a removal that waits in vain for another one says so`() throws {
    let database = try TestDatabase()
    let library = try Self.scannedLibrary(database)
    let other = database.connection()
    try other.query(Statements.libraryLock.sql)
    let error = failure { () throws(CatalogError) in
      try database.catalog().removeLibrary(library, patience: .milliseconds(300))
    }
    let pid = try #require(other.backendPID)
    #expect(error?.description.contains("CatalogTests (process \(pid), idle for ") == true, "\(error as Any)")
    other.close()
    try database.catalog().removeLibrary(library)
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
    #expect(try partitions(database).count == (admitted ? 3 : 0))
    if admitted { #expect(outcomes.contains { $0.hasPrefix("removal: scan ") }, "\(outcomes)") }
  }

  /// A transaction that has written to a library's files, as a slice does; it is left open.
  private static func longSlice(_ database: TestDatabase, of library: LibraryID) throws -> PostgresConnection {
    let connection = database.connection()
    try connection.begin()
    try connection.script("UPDATE files_\(library) SET size = size + 1")
    return connection
  }

  private static func pending(_ database: TestDatabase) throws -> Int64 {
    try database.connection().number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending")
  }

  /// Removes each library on a thread of its own, with a `lock_timeout` of half a second.
  private static func removals(_ database: TestDatabase, of libraries: [LibraryID]) throws -> RunningThreads<String> {
    try RunningThreads(libraries.count) { index in
      let catalog = database.catalog(deadline: .seconds(1))
      return failure { () throws(CatalogError) in try catalog.removeLibrary(libraries[index]) }
        .map { "\($0)" } ?? "removed"
    }
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
    results.errors.changes = [.ioError: 1]
    results.errors.rows = [SliceError(path: [1], type: .ioError, operation: "openat", errno: 5, message: "m")]
    _ = try slot.commit(claim, results)
    _ = try slot.end(try slot.claim(scan.slice(2)))
    // As a late commit may leave it.
    try database.connection().query(
      "INSERT INTO slices (scan_id, number, kind, state, frontier) VALUES ($1, 9, 'walk', 'ready', '{1}')",
      [.int64(scan.rawValue)])
    try database.connection().query(
      "INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name) VALUES ($1, $2, 'f', 1, 1, 'f')",
      [.int64(scan.rawValue), .int64(library.rawValue)])
    try database.connection().query(
      """
      INSERT INTO staged_moves (scan_id, library_id, to_file_id, to_directory, to_name, kind, size, mtime_ns, ctime_ns, inode,
                                mode, file_id, from_directory, from_name, leaves_place, ambiguous)
      VALUES ($1, $2, 1, 1, 'f', 'f', 1, 1, 1, 1, 1, 2, 1, 'g', false, false)
      """, [.int64(scan.rawValue), .int64(library.rawValue)])
    try database.connection().query(
      "INSERT INTO library_mounts (library_id, directory_id, host, fs_type, root_inode) VALUES ($1, 1, 'h', 'ext4', 2)",
      [.int64(library.rawValue)])
    for (table, columns, values) in [
      ("found_identities", "", ""), ("lost_identities", ", kind, size, mtime_ns", ", 'f', 1, 1"),
    ] {
      try database.connection().query(
        """
        INSERT INTO \(table) (scan_id, library_id, file_id, inode, directory_id, name\(columns))
        VALUES ($1, $2, 1, 1, 1, 'f'\(values))
        """, [.int64(scan.rawValue), .int64(library.rawValue)])
    }
    try database.connection().query(
      "INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name) VALUES ($1, $2, 'r', 'f', 1, 1, 'f')",
      [.int64(library.rawValue), .int64(scan.rawValue)])
    return library
  }

  /// The number of rows of every table.
  private static func contents(_ database: TestDatabase) throws -> [String: Int64] {
    let connection = database.connection()
    let tables = [
      "libraries", "scans", "slices", "directories", "files", "errors", "error_counts", "scan_error_counts",
      "scan_events", "scan_shares", "staged_removals", "scan_changes",
      "staged_moves", "found_identities", "lost_identities", "library_mounts",
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
