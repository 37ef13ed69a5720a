import PostgresClient
import ScanModel
import TestSupport
import Testing

@testable import Catalog

/// What is proved and recorded before a scan begins, in Postgres.
@Suite struct PreflightTests {
  private static let warning = PreflightFinding(
    .redisPersistence, .warning(advice: "do \"this\""), "nothing is kept\u{1}")

  @Test func `the proof of room leaves nothing behind`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    let connection = database.connection()
    func standing() throws -> [String] {
      try connection.texts(
        """
        SELECT concat_ws(' ', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace),
                         (SELECT count(*) FROM pg_type), (SELECT count(*) FROM scan_events))
        """)
    }
    try catalog.connect()
    let before = try standing()
    for bytes in [0, 1 << 20, 16 << 20] as [Int64] { #expect(try catalog.proveRoom(bytes: bytes)) }
    #expect(try standing() == before)
    #expect(!catalog.connection.inTransaction)
  }

  @Test func `so many bytes are written as are to be proved`() throws {
    let database = try TestDatabase()
    let connection = database.connection()
    // As prove_room does it, up to its end.
    _ = try connection.query(
      "CREATE TEMPORARY TABLE room AS SELECT repeat('0 ', 2000)::oidvector AS filler FROM generate_series(1, 128)")
    #expect(try connection.number("SELECT pg_total_relation_size('room')") == 1 << 20)
  }

  @Test func `warnings are one event of their scan, however often it is begun`() throws {
    let fixture = try PostgresFixture()
    let scan = try fixture.admitScan()
    let slot = try fixture.slot("a")
    for _ in 0..<2 { try slot.note([Self.warning], of: try slot.claim(scan.slice(1))) }
    let connection = fixture.database.connection()
    #expect(try connection.number("SELECT count(*) FROM scan_events WHERE event = 'preflight'") == 1)
    let said = try connection.query(
      "SELECT actor, detail->'warnings'->0->>'message', detail->'warnings'->0->>'advice' FROM scan_events WHERE event = 'preflight'"
    )
    #expect(try said[0].text(0) == SlotID.named("a").description)
    #expect(try said[0].text(1) == "nothing is kept\u{1}" && said[0].text(2) == "do \"this\"")
  }

  @Test func `the libraries of a worker's queues are found, the oldest first, and none that is being removed`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    for (name, queue) in [("a", "p"), ("b", "q"), ("c", "r"), ("d", "p")] {
      _ = try catalog.addLibrary(name: name, rootPath: "/\(name)", rules: LibraryRules(queue: queue))
    }
    #expect(try catalog.libraries(servedBy: ["p", "r"]).map(\.name) == ["a", "c", "d"])
    #expect(try catalog.libraries(servedBy: ["q"]).map(\.rootPath) == ["/b"])
    #expect(try catalog.libraries(servedBy: []).isEmpty)
    let c = try #require(try catalog.library(named: "c"))
    _ = try catalog.execute(Statements.libraryClose, [.int64(c.id.rawValue)])
    #expect(try catalog.libraries(servedBy: ["p", "r"]).map(\.name) == ["a", "d"])
  }
}
