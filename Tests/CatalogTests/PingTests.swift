import Catalog
import Logging
import PostgresClient
import ScanModel
import TestSupport
import Testing

struct PingTests {
  @Test func `a database that takes no writes is away until it takes them again`() throws {
    let database = try TestDatabase()
    let admin = database.connection()
    let catalog = database.catalog()
    let slot = PostgresSlotCatalog(catalog: catalog, slot: .named("a"), host: "a", maxAttempts: 3)
    try slot.ping()

    let name = try admin.texts("SELECT current_database()")[0]
    try admin.query("ALTER DATABASE \"\(name)\" SET default_transaction_read_only = on")
    try admin.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    var error: CatalogError?
    for _ in 0..<2 { do { try slot.ping() } catch let thrown { error = thrown } }
    #expect(try #require(error).isOutage)
    #expect("\(try #require(error))".contains("[25006]"))

    try admin.query("ALTER DATABASE \"\(name)\" RESET default_transaction_read_only")
    try slot.ping()
  }
}
