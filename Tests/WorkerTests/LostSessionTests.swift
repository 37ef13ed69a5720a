import BlockingThread
import Catalog
import Foundation
import InMemoryModels
import JobQueue
import Logging
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import Worker

@Suite struct LostSessionTests {
  @Test func `a slot whose session is ended from outside says so in one line, and works on`() throws {
    let (database, lines) = try Self.scan(
      troubledBy: """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('tries') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER cut BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION cut();
        """)
    #expect(
      lines.count == 2 && lines.allSatisfy { $0.hasPrefix("notice lost a connection to Postgres, which is there") },
      "\(lines)")
    #expect(try database.query("SELECT slices_redone, files_seen FROM scans") == ["2\t1"])
    #expect(
      try database.query("SELECT count(*) FROM scan_events WHERE event IN ('slice_failed', 'slice_taken_over')") == [
        "0"
      ])
  }

  @Test func `a claim that has waited in vain for a lock is tried again, and Postgres is not said to be away`() throws {
    let (_, lines) = try Self.scan(
      troubledBy: """
        CREATE FUNCTION lock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('tries') <= 2 THEN RAISE lock_not_available; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER lock BEFORE UPDATE ON slices FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION lock();
        """)
    #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("notice Postgres asks to try again") }, "\(lines)")
  }

  /// Scans a tree of one file to its end; the log's lines about Postgres. The trouble's SQL has a sequence `tries`.
  private static func scan(troubledBy trouble: String) throws -> (database: TestDatabase, lines: [String]) {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.appending("file")))
    let database = try TestDatabase()
    let log = RecordedLog()
    let logger = Logger(label: "test") { _ in RecordingLogHandler(log: log) }
    let setUp = Catalog(url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try setUp.migrate()
    _ = try setUp.addLibrary(name: "x", rootPath: directory.path, rules: LibraryRules())
    try database.query("CREATE SEQUENCE tries;" + trouble)
    let shared = WorkerShared(lockTTL: .seconds(30), logger: logger)
    let (url, redisURL) = (database.url, try TestServers.redisURL())
    let thread = try BlockingThread(name: "slot") {
      drive(url: url, redisURL: redisURL, shared: shared, logger: logger)
    }
    try eventually("the scan ends") { try database.query("SELECT status FROM scans") == ["completed"] }
    shared.stop.request()
    thread.join()
    return (database, log.lines.filter { $0.contains("Postgres") && !$0.hasPrefix("debug") })
  }

  /// A slot that finds a request on its queue, on the real catalogue and the model's queue.
  private static func drive(url: String, redisURL: String, shared: WorkerShared, logger: Logger) {
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    let server = MemoryQueueServer()
    server.push(Array(#"{"library":"x"}"#.utf8), to: "default")
    let queue = server.slot(slot, queues: ["default"])
    let catalog = PostgresSlotCatalog(
      catalog: Catalog(url: url, applicationName: "test", deadline: .seconds(30), logger: logger), slot: slot,
      host: "h",
      maxAttempts: 3)
    let activity = SlotActivity(slot: slot)
    do {
      let inspector = RedisQueues(
        connection: RedisConnection(endpoint: try RedisEndpoint(url: redisURL)), prefix: TestServers.uniqueName())
      let pace = try SlotPace.forTests(of: activity, prefix: TestServers.uniqueName())
      SlotDriver(
        slot: slot, machine: SlotMachine(worker: slot.worker, retryInterval: .milliseconds(1)), queue: queue,
        catalog: catalog,
        runner: SliceRunner(
          catalog: catalog, queue: queue, activity: activity, stop: shared.stop, pace: pace, logger: logger),
        servingHosts: ServingHosts(inspector: inspector, ownHost: "h"), activity: activity, shared: shared,
        logger: logger
      ).run()
    } catch {
      Issue.record("\(error)")
    }
  }
}
