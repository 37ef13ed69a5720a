import BlockingThread
import Catalog
import JobQueue
import Logging
import RedisClient
import ScanModel
import ServiceLifecycle
import Synchronization

/// The reaper: returns what dead workers have taken, and mends what Redis and Postgres disagree on. Any
/// number of them may run at once.
///
///     thread      connections of its own    ends
///     reaper      Redis, Postgres           after the action at hand
///     reap-stop   none                      with the reaper; it interrupts a statement that takes too long
///
/// What cannot be started (a URL that cannot be parsed, a server that is away, a schema that this program
/// does not know) is an error of `run`; what goes away later is waited for.
public final class Reaper: Service {
  /// The name with a random suffix, new at every start, as a worker's.
  public let id: String
  private let settings: ReaperSettings
  private let endpoint: RedisEndpoint
  private let stop = StopSignal()
  /// Cancels the statement under way; there is none before the thread has its connection.
  private let interrupt: Mutex<(@Sendable () -> Void)?> = Mutex(nil)
  private let logger: Logger

  /// A call to Redis under way delays a shutdown.
  private static let redisDeadline = Duration.milliseconds(1_500)
  /// The longest that a statement may keep the next sweep waiting.
  private static let mostDeadline = Duration.seconds(10)
  /// How long a statement may go on after the order to stop.
  private static let patience = Duration.milliseconds(500)

  public init(settings: ReaperSettings, logger: Logger) throws(RedisError) {
    id = WorkerID(name: settings.name).description
    self.settings = settings
    endpoint = try RedisEndpoint(url: settings.redisURL)
    var logger = logger
    logger[metadataKey: "reaper"] = "\(id)"
    self.logger = logger
  }

  public func run() async throws {
    let threads = try await offPool { try self.start() }
    let pace = settings.pace
    if pace.sweep < settings.sweepInterval {
      logger.notice(
        "sweep_interval is longer than a third of lock_ttl; sweeping that often",
        metadata: ["interval": "\(pace.sweep)"])
    }
    logger.info("reaper started", metadata: ["sweep": "\(pace.sweep)", "reconcile": "\(pace.reconcile)"])
    try await withGracefulShutdownHandler {
      try await offPool { for thread in threads { thread.join() } }
    } onGracefulShutdown: {
      self.stop.set()
    }
    logger.info("reaper stopped")
  }

  /// Proves that both servers can be worked with, and starts the threads.
  private func start() throws -> [BlockingThread] {
    try catalog().connect()
    // That it is gone is not missed: the first round reconciles in any case.
    try sweepQueue().unmark()
    let over = StopSignal()
    let reaper = try BlockingThread(name: "reaper") { [self] in
      driver().run()
      over.set()
    }
    do {
      let stopper = try BlockingThread(name: "reap-stop") { [self] in
        stop.wait()
        if !over.wait(for: Self.patience) { interrupt.withLock { $0 }?() }
      }
      return [reaper, stopper]
    } catch {
      stop.set()
      reaper.join()
      throw error
    }
  }

  private func catalog() -> Catalog {
    Catalog(
      url: settings.postgresURL, applicationName: "rollcall reaper \(id)",
      deadline: min(settings.operationTimeout, Self.mostDeadline), logger: logger)
  }

  private func sweepQueue() -> RedisSweepQueue {
    let connection = RedisConnection(
      endpoint: endpoint, connectTimeout: Self.redisDeadline, deadline: Self.redisDeadline)
    return RedisSweepQueue(
      connection: connection, prefix: settings.prefix, reaper: id, queue: settings.queues.first ?? "default")
  }

  private func driver() -> ReaperDriver {
    let catalog = catalog()
    interrupt.withLock { $0 = catalog.interrupt }
    return ReaperDriver(
      machine: ReaperMachine(pace: settings.pace, queues: settings.queues), queue: sweepQueue(),
      catalog: PostgresRepairCatalog(catalog: catalog), actor: "reaper \(id)",
      markerTTL: max(.seconds(3600), settings.reconcileInterval * 4), stop: stop, logger: logger)
  }
}
