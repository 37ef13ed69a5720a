import Catalog
import Logging
import PostgresClient
import ScanModel
import TestSupport
import Testing

struct PingTests {
  @Test func `to a slot a database that takes no writes is away until it takes them again`() throws {
    let database = try TestDatabase()
    let slot = PostgresSlotCatalog(catalog: database.catalog(), slot: .named("a"), host: "a", maxAttempts: 3)
    try Self.expectAway(database) { () throws(CatalogError) in try slot.ping() }
  }

  @Test func `to a reaper it is, too`() throws {
    let database = try TestDatabase()
    let repairs = PostgresRepairCatalog(catalog: database.catalog())
    try Self.expectAway(database) { () throws(CatalogError) in _ = try repairs.queues() }
  }

  /// Asks of a database before, while and after it takes no writes.
  private static func expectAway(_ database: TestDatabase, _ ask: () throws(CatalogError) -> Void) throws {
    let admin = database.connection()
    try ask()

    let name = try admin.texts("SELECT current_database()")[0]
    try admin.query("ALTER DATABASE \"\(name)\" SET default_transaction_read_only = on")
    try admin.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    var error: CatalogError?
    for _ in 0..<2 { do { try ask() } catch let thrown { error = thrown } }
    #expect(try #require(error).isOutage)
    #expect("\(try #require(error))".contains("[25006]"))

    try admin.query("ALTER DATABASE \"\(name)\" RESET default_transaction_read_only")
    try ask()
  }
}
