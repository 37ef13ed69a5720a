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

@Suite struct UrgentStopTests {
  struct Step: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The update of the slice's row at which Postgres hangs.
    let update: String
    /// What makes the slot take this step.
    var cause: (failsVisits: Bool, hasRoot: Bool) = (false, true)
  }

  @Test(arguments: [
    Step(testDescription: "claim", update: "NEW.state = 'running'"),
    Step(testDescription: "fail", update: "NEW.attempts > OLD.attempts", cause: (true, true)),
    Step(testDescription: "refuse", update: "NEW.refused_hosts <> OLD.refused_hosts", cause: (false, false)),
  ])
  func `a step that is cut short to be in time is told neither as an error nor as an outage`(_ step: Step) throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.appending("file")))
    let database = try TestDatabase()
    let log = RecordedLog()
    let logger = Logger(label: "test") { _ in RecordingLogHandler(log: log) }
    let catalog = Catalog(url: database.url, applicationName: "test", deadline: .seconds(60), logger: logger)
    _ = try catalog.migrate()
    let root = step.cause.hasRoot ? directory.path : directory.appending("gone")
    _ = try catalog.addLibrary(name: "x", rootPath: root, rules: LibraryRules())
    try Self.trouble(database, step)

    let shared = WorkerShared(lockTTL: .seconds(30), logger: logger)
    let (url, redisURL) = (database.url, try TestServers.redisURL())
    let thread = try BlockingThread(name: "slot") {
      Self.drive(url: url, redisURL: redisURL, shared: shared, logger: logger)
    }
    try eventually("the slot's statement hangs") {
      try database.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != ["0"]
    }
    shared.stop.request()
    shared.stop.hurry()
    thread.join()
    let complaints = log.lines.filter { line in !["debug", "info", "trace"].contains { line.hasPrefix($0) } }
    #expect(complaints == [])
    #expect(try database.query("SELECT attempts, cardinality(refused_hosts) FROM slices") == ["0\t0"])
  }

  private static func trouble(_ database: TestDatabase, _ step: Step) throws {
    try database.query(
      """
      CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
      CREATE TRIGGER hang BEFORE UPDATE ON slices FOR EACH ROW WHEN (\(step.update)) EXECUTE FUNCTION hang();
      CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'poison'; END $$;
      """)
    guard step.cause.failsVisits else { return }
    try database.query("CREATE TRIGGER poison BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION poison()")
  }

  /// A slot that finds a request on its queue, on the real catalogue and the model's queue.
  private static func drive(url: String, redisURL: String, shared: WorkerShared, logger: Logger) {
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    let server = MemoryQueueServer()
    server.push(Array(#"{"library":"x"}"#.utf8), to: "default")
    let queue = server.slot(slot, queues: ["default"])
    let connection = Catalog(url: url, applicationName: "slot", deadline: .seconds(60), logger: logger)
    shared.stop.whenUrgent(connection.interrupt)
    let catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
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
