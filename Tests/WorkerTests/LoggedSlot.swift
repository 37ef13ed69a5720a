import BlockingThread
import Catalog
import Foundation
import InMemoryModels
import JobQueue
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// A slot that finds a message on its queue, which is a request unless it is told, on the real catalogue and the model's queue, and whose log is read. The
/// library `x` holds one file.
final class LoggedSlot {
  let database: TestDatabase
  let shared: WorkerShared
  private let log = RecordedLog()
  private let directory: TemporaryDirectory
  private let message: String

  /// - Parameter hasRoot: whether the library's root is there.
  init(hasRoot: Bool = true, message: String = #"{"library":"x"}"#) throws {
    self.message = message
    directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.appending("file")))
    database = try TestDatabase()
    shared = WorkerShared(lockTTL: .seconds(30), logger: log.logger)
    let catalog = Self.catalog(database.url, log)
    _ = try catalog.migrate()
    let root = hasRoot ? directory.path : directory.appending("gone")
    _ = try catalog.addLibrary(name: "x", rootPath: root, rules: LibraryRules())
  }

  private static func catalog(_ url: String, _ log: RecordedLog) -> Catalog {
    Catalog(url: url, applicationName: "slot", deadline: .seconds(60), logger: log.logger)
  }

  /// What was logged from the level `notice` on.
  var complaints: [String] {
    log.lines.filter { line in !["trace", "debug", "info"].contains { line.hasPrefix($0) } }
  }

  /// Runs it on a thread of its own, until it is told to stop.
  func start() throws -> BlockingThread {
    let (url, redisURL, shared, log, message) = (database.url, try TestServers.redisURL(), shared, log, message)
    return try BlockingThread(name: "slot") {
      do { try Self.drive(message, url, redisURL, shared, log) } catch { Issue.record("\(error)") }
    }
  }

  private static func drive(
    _ message: String, _ url: String, _ redisURL: String, _ shared: WorkerShared, _ log: RecordedLog
  ) throws {
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    let server = MemoryQueueServer()
    // As nobody would complain about.
    var standing = RedisStanding(endpoint: redisURL)
    (standing.evictionPolicy, standing.hasAppendOnlyFile) = ("noeviction", true)
    shared.health.note(standing)
    server.push(Array(message.utf8), to: "default")
    let queue = server.slot(slot, queues: ["default"])
    let connection = catalog(url, log)
    shared.stop.whenUrgent(connection.interrupt)
    let catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    let activity = SlotActivity(slot: slot)
    let inspector = RedisQueues(
      connection: RedisConnection(endpoint: try RedisEndpoint(url: redisURL)), prefix: TestServers.uniqueName())
    let pace = try SlotPace.forTests(of: activity, prefix: TestServers.uniqueName())
    SlotDriver(
      slot: slot, machine: SlotMachine(worker: slot.worker, retryInterval: .milliseconds(1)), queue: queue,
      catalog: catalog,
      runner: SliceRunner(
        catalog: catalog, queue: queue, activity: activity, stop: shared.stop, pace: pace, logger: log.logger),
      preflight: ScanPreflight(
        catalog: catalog,
        examination: RedisExamination(connection: RedisConnection(endpoint: try RedisEndpoint(url: redisURL))),
        health: shared.health, interval: .seconds(600), logger: log.logger),
      servingHosts: ServingHosts(inspector: inspector, ownHost: "h"), activity: activity, shared: shared,
      logger: log.logger
    ).run()
  }
}
