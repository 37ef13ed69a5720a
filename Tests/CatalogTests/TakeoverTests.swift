import Logging
import PostgresClient
import ScanModel
import Synchronization
import TestSupport
import Testing

@testable import Catalog

/// What a claim does to the session of whoever held the slice.
@Suite struct TakeoverTests {
  /// Far more than a claim needs, far less than a lock's timeout.
  private static let soon = Duration.seconds(10)

  @Test func `a session says under which claim it works, whatever the worker's name`() throws {
    let scan = try RunningScan()
    let long = SlotID(worker: WorkerID(name: String(repeating: "ä", count: 200), suffix: "1"), index: 0)
    let catalog = PostgresSlotCatalog(catalog: scan.database.catalog(), slot: long, host: "h", maxAttempts: 3)
    #expect(try scan.sessions("rollcall \(scan.claim.claim) a-1/0") == 1)
    let claim = try catalog.claim(scan.claim.slice)
    #expect(try scan.sessions("rollcall \(claim.claim)%") == 1)
    #expect(try scan.sessions("rollcall \(scan.claim.claim)%") == 0)
  }

  @Test func `a former holder that stands inside a transaction is cut off, and its rows are in nobody's way`() throws {
    let scan = try RunningScan()
    let writer = try scan.catalog.rows(for: scan.claim)
    for index in 0..<6_000 { try writer.file(in: scan.root, named: "f\(index)", .file) }
    let other = scan.slot("b")
    let duration = try ContinuousClock().measure {
      let claim = try other.claim(scan.claim.slice)
      let rows = try other.rows(for: claim)
      for index in 0..<6_000 { try rows.file(in: scan.root, named: "f\(index)", .file) }
      _ = try other.commit(claim, SliceResults())
    }
    #expect(duration < Self.soon)
    #expect(try scan.connection.number("SELECT count(*) FROM files") == 6_000)
    #expect(try scan.events() == ["slice 1 from a-1/0 attempt 0 dead false terminated true"])
    #expect(throws: CatalogError.self) { try scan.catalog.commit(scan.claim, SliceResults()) }
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }?.isFenced == true)
  }

  @Test func `a former holder that is frozen inside COPY, with the slice's row locked, is cut off`() throws {
    let scan = try RunningScan()
    let frozen = try FrozenClient(scan)
    let other = scan.slot("b")
    let duration = try ContinuousClock().measure { _ = try other.claim(scan.claim.slice) }
    #expect(duration < Self.soon)
    #expect(try scan.connection.number("SELECT count(*) FROM pg_stat_activity WHERE pid = \(frozen.backend)") == 0)
    #expect(try scan.events() == ["slice 1 from a-1/0 attempt 0 dead false terminated true"])
  }

  @Test func `a slice is walked in the session that claimed it, which whoever takes it over can find, or not at all`()
    throws
  {
    let scan = try RunningScan()
    _ = try scan.catalog.rows(for: scan.claim)
    scan.catalogConnection.connection.close()
    scan.catalog.abandon(scan.claim)
    let refused = failure { () throws(CatalogError) in _ = try scan.catalog.rows(for: scan.claim) }
    #expect(refused?.isConnectionLoss == true)
    let again = try scan.catalog.claim(scan.claim.slice)
    _ = try scan.catalog.rows(for: again)
    _ = try scan.catalog.commit(again, SliceResults())
  }

  @Test func `a backend that works under another claim by now, or is another by now, is left alone`() throws {
    for change in ["SET application_name = 'rollcall \(ClaimID()) a-1/0'", "SET application_name = 'somebody'"] {
      let scan = try RunningScan()
      try scan.catalogConnection.connection.script(change)
      let claim = try scan.slot("b").claim(scan.claim.slice)
      #expect(claim.epoch == 2)
      try scan.catalogConnection.connection.script("SELECT 1")
      #expect(try scan.events() == ["slice 1 from a-1/0 attempt 0 dead false terminated false"])
    }
    let scan = try RunningScan()
    try scan.connection.query("UPDATE slices SET backend_start = backend_start - interval '1 second'")
    _ = try scan.slot("b").claim(scan.claim.slice)
    try scan.catalogConnection.connection.script("SELECT 1")
  }

  @Test func `a claim from another epoch cuts nobody off`() throws {
    let scan = try RunningScan()
    for epoch: Int32 in [0, 2] {
      #expect(try scan.slot("b").claim(scan.claim.slice, epoch: epoch, as: ClaimID()) == nil)
    }
    try scan.catalogConnection.connection.script("SELECT 1")
    #expect(try scan.catalog.release(scan.claim))
  }

  @Test func `a slice that is done is claimed by nobody, and cuts nobody off`() throws {
    let scan = try RunningScan()
    _ = try scan.catalog.commit(scan.claim, SliceResults())
    #expect(try scan.slot("b").claim(scan.claim.slice, epoch: 1, as: ClaimID()) == nil)
    try scan.catalogConnection.connection.script("SELECT 1")
    #expect(try scan.connection.texts("SELECT state || epoch FROM slices WHERE number = 1") == ["done1"])
  }

  @Test func `a slice that is ready may be claimed before anybody has queued it`() throws {
    let scan = try RunningScan()
    #expect(try scan.catalog.release(scan.claim))
    try scan.connection.query("UPDATE slices SET state = 'ready'")
    #expect(try scan.slot("b").claim(scan.claim.slice, epoch: 1, as: ClaimID())?.epoch == 2)
  }

  @Test func `a claim that has waited for another one finds the slice moved on`() throws {
    let scan = try RunningScan()
    #expect(try scan.catalog.release(scan.claim))
    try scan.connection.begin()
    try scan.connection.query("UPDATE slices SET epoch = 2")
    let (database, slice) = (scan.database, scan.claim.slice)
    let claims = try RunningThreads(1) { _ in
      try PostgresSlotCatalog(catalog: database.catalog(), slot: .named("b"), host: "h", maxAttempts: 3)
        .claim(slice, epoch: 1, as: ClaimID())
    }
    let waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    let observer = database.connection()
    #expect(try eventually { try observer.number(waiting) == 1 })
    try scan.connection.query("COMMIT")
    #expect(try claims.results() == [nil])
    #expect(try scan.connection.number("SELECT epoch FROM slices") == 2)
  }

  @Test func `whoever may not end another's session claims all the same, and says so`() throws {
    let scan = try RunningScan()
    let role = TestServers.uniqueName()
    try scan.connection.script("CREATE ROLE \(role); GRANT ALL ON ALL TABLES IN SCHEMA public TO \(role)")
    defer { try? scan.connection.script("DROP OWNED BY \(role); DROP ROLE \(role)") }  // in a database that goes
    let log = Mutex<[String]>([])
    let catalog = Catalog(
      url: scan.database.url, applicationName: "test", deadline: .seconds(60),
      logger: Logger(label: "test") { _ in LineLog { line in log.withLock { $0.append(line) } } })
    try catalog.connect()
    try catalog.connection.script("SET ROLE \(role)")
    let other = PostgresSlotCatalog(catalog: catalog, slot: .named("b"), host: "b", maxAttempts: 3)
    #expect(try other.claim(scan.claim.slice).epoch == 2)
    let lines = log.withLock { $0 }
    #expect(lines.contains { $0.hasPrefix("warning Postgres: cannot terminate backend") }, "\(lines)")
    try scan.catalogConnection.connection.script("SELECT 1")
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.commit(scan.claim, SliceResults()) }?.isFenced == true)
  }

  @Test func `a claim that waits too long for a lock may be tried again, and counts no attempt`() throws {
    let scan = try RunningScan()
    try scan.connection.begin()
    try scan.connection.query("SELECT 1 FROM slices FOR UPDATE")
    let impatient = PostgresSlotCatalog(
      catalog: scan.database.catalog(deadline: .seconds(1)), slot: .named("b"), host: "b", maxAttempts: 3)
    let error = failure { () throws(CatalogError) in
      try impatient.claim(scan.claim.slice, epoch: 1, as: ClaimID(), holderDied: true)
    }
    #expect(error?.sqlState == "55P03")
    #expect(error?.isRetryable == true)
    scan.connection.rollback()
    #expect(try scan.connection.number("SELECT attempts + epoch FROM slices") == 1)
  }

  @Test func `of two that take a frozen slice over at once one gets it, and both are soon done`() throws {
    let scan = try RunningScan()
    let frozen = try FrozenClient(scan)
    let database = scan.database
    let slice = scan.claim.slice
    let claims = try onThreads(4) { index in
      try PostgresSlotCatalog(
        catalog: database.catalog(), slot: .named("s\(index)"), host: "h", maxAttempts: 3
      ).claim(slice, epoch: 1, as: ClaimID(), holderDied: true)
    }
    #expect(claims.count { $0 != nil } == 1)
    #expect(try scan.connection.number("SELECT attempts FROM slices") == 1)
    #expect(try scan.connection.number("SELECT slices_redone FROM scans") == 1)
    #expect(try scan.events().count == 1)
    withExtendedLifetime(frozen) {}
  }
}

/// A client that stands still inside COPY, under the running claim of a scan's first slice, whose row it has
/// locked.
private struct FrozenClient {
  let backend: Int64
  private let client: ChildProcess

  init(_ scan: RunningScan) throws {
    let name = "rollcall \(scan.claim.claim) a-1/0"
    try scan.catalogConnection.connection.script("SET application_name = 'gone'")
    let script = """
      SET application_name = '\(name)';
      UPDATE slices SET backend_pid = pg_backend_pid(), backend_start =
        (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid());
      BEGIN;
      SELECT 1 FROM slices FOR UPDATE;
      \\copy directories_1 FROM PROGRAM 'sleep 30'
      """
    client = try ChildProcess(
      ["psql", "--no-psqlrc", "--dbname=\(scan.database.url)", "--file=-"], input: Array(script.utf8))
    let query = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'COPY%'"
    var found: Int64?
    let isThere = try eventually {
      found = try scan.connection.query(query, [.text(name)]).first.map { Int64(try $0.int32(0)) }
      return found != nil
    }
    backend = try #require(isThere ? found : nil)
  }
}

/// A logger's lines, as level and message.
private struct LineLog: LogHandler {
  let write: @Sendable (String) -> Void
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  init(write: @escaping @Sendable (String) -> Void) { self.write = write }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { write("\(event.level) \(event.message)") }
}
