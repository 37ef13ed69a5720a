import PostgresClient
import Testing

@testable import Catalog

@Suite struct MigrationTests {
  private static let versions = Array(1...Migrations.all.count)

  @Test func `a second run applies nothing`() throws {
    let database = try TestDatabase(migrated: false)
    let catalog = database.catalog()
    #expect(try catalog.migrate() == MigrationReport(applied: Self.versions, version: Self.versions.count))
    #expect(try catalog.migrate() == MigrationReport(applied: [], version: Self.versions.count))
    #expect(try database.catalog().migrate().applied == [])
    try database.catalog().connect()
  }

  @Test func `of several migrators at once each version is applied by one`() throws {
    let database = try TestDatabase(migrated: false)
    let reports = try onThreads(4) { _ in try database.catalog().migrate() }
    #expect(reports.flatMap(\.applied).sorted() == Self.versions)
    #expect(reports.allSatisfy { $0.version == Self.versions.count })
  }

  @Test func `each version is recorded with its checksum`() throws {
    let database = try TestDatabase()
    let rows = try database.connection().query("SELECT version, checksum FROM schema_migrations ORDER BY version")
    #expect(try rows.map { try $0.int64(0) } == Self.versions.map(Int64.init))
    #expect(Set(try rows.map { try $0.text(1) }).count == Self.versions.count)
    #expect(try rows.allSatisfy { try $0.text(1).count == 64 })
  }

  @Test func `a migration that fails leaves nothing of itself, and the next run goes on there`() throws {
    let database = try TestDatabase(migrated: false)
    let connection = database.connection()
    // In the way of the second migration's last view.
    try connection.script("CREATE VIEW scan_records AS SELECT 1")
    #expect(failure { () throws(CatalogError) in try database.catalog().migrate() }?.sqlState == "42P07")
    #expect(try connection.number("SELECT max(version) FROM schema_migrations") == 1)
    #expect(try connection.number("SELECT count(*) FROM pg_class WHERE relname = 'catalog_files'") == 0)

    try connection.script("DROP VIEW scan_records")
    #expect(try database.catalog().migrate().applied == Array(Self.versions.dropFirst()))
  }

  @Test func `a migration that was applied from another file is refused`() throws {
    let database = try TestDatabase()
    try database.connection().query("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = 2")
    let error = failure { () throws(CatalogError) in try database.catalog().migrate() }
    guard case .migrationChanged(version: 2) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `a database without a schema says so`() throws {
    let database = try TestDatabase(migrated: false)
    let error = failure { () throws(CatalogError) in try database.catalog().connect() }
    guard case .schemaMissing = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains("rollcall migrate") == true)
  }

  @Test func `an older schema is refused until it is migrated`() throws {
    let database = try TestDatabase()
    let known = Migrations.all.count
    try database.connection().query("DELETE FROM schema_migrations WHERE version = $1", [.int32(Int32(known))])
    let error = failure { () throws(CatalogError) in try database.catalog().connect() }
    guard case .schemaOlder(found: known - 1, needed: known) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `a newer schema is refused, and not migrated back`() throws {
    let database = try TestDatabase()
    try database.connection().query("INSERT INTO schema_migrations (version, checksum) VALUES (99, 'x')")
    let known = Migrations.all.count
    for error in [
      failure { () throws(CatalogError) in try database.catalog().connect() },
      failure { () throws(CatalogError) in _ = try database.catalog().migrate() },
    ] {
      guard case .schemaNewer(found: 99, known: known) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    #expect(try database.connection().number("SELECT max(version) FROM schema_migrations") == 99)
  }

  @Test func `a schema that changes under a connection is seen at the next connection`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    try catalog.connect()
    try database.connection().query("INSERT INTO schema_migrations (version, checksum) VALUES (99, 'x')")
    try catalog.connect()
    catalog.connection.close()
    #expect(failure { () throws(CatalogError) in try catalog.connect() } != nil)
  }
}
