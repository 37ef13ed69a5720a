import BlockingThread
import Catalog
import Foundation
import JobQueue
import Logging
import RedisClient
import ScanModel
import ServiceLifecycle

/// A worker: slots that run jobs, and the heartbeat. Nothing is shared between threads but the board of
/// locks, the outages that they see and the order to stop.
///
///     thread        connections of its own    ends
///     slot-0 …      Redis, Postgres           at its next seam after the order to stop
///     health        Redis, Postgres           by itself, after the order to stop; with its lookouts, which have none
///     heartbeat     Redis                     after the last slot, whose lock it keeps until then
///     shutdown      none                      with the heartbeat; it hurries slots that are late
///
/// A graceful shutdown hands every job back at its next seam. What cannot be started (a URL that cannot be
/// parsed, a server that is away, a schema that this program does not know) is an error of `run`; what goes
/// away later is waited for.
public final class Worker: Service {
  public let id: WorkerID
  private let settings: WorkerSettings
  private let endpoint: RedisEndpoint
  private let shared: WorkerShared
  private let logger: Logger

  public init(settings: WorkerSettings, logger: Logger) throws(RedisError) {
    id = WorkerID(name: settings.name)
    self.settings = settings
    endpoint = try RedisEndpoint(url: settings.redisURL)
    var logger = logger
    logger[metadataKey: "worker"] = "\(id)"
    self.logger = logger
    shared = WorkerShared(lockTTL: settings.lockTTL, logger: logger)
  }

  public func run() async throws {
    let threads = try await offPool { try self.start() }
    logger.info(
      "worker started", metadata: ["slots": "\(settings.slots)", "queues": "\(settings.queues.joined(separator: ","))"])
    try await withGracefulShutdownHandler {
      try await offPool { threads.join() }
    } onGracefulShutdown: {
      self.shared.stop.request()
    }
    logger.info("worker stopped")
  }

  /// Proves that both servers can be worked with, registers, and starts the threads.
  private func start() throws -> WorkerThreads {
    try catalog(slot: 0).connect()
    let activities = (0..<settings.slots).map { SlotActivity(slot: SlotID(worker: id, index: $0)) }
    let registration = WorkerRegistration(slots: settings.slots, startedAt: Date())
    try heartbeat(activities, registration).register()
    var threads = WorkerThreads(stop: shared.stop)
    do {
      try start(activities, registration, &threads)
    } catch {
      // Those that were started before the one that could not be.
      shared.stop.request()
      threads.join()
      throw error
    }
    return threads
  }

  private func start(
    _ activities: [SlotActivity], _ registration: WorkerRegistration, _ threads: inout WorkerThreads
  ) throws {
    let over = threads.over
    threads.others.append(
      try BlockingThread(name: "heartbeat") { [self] in
        let heartbeat = heartbeat(activities, registration)
        heartbeat.run(until: { over.isSet }, wait: { over.wait(for: $0) })
        do { try heartbeat.unregister() } catch {
          logger.warning("cannot end the registration; it ends with the heartbeat", metadata: ["error": "\(error)"])
        }
      })
    // Not waited for at the end: it may stand in a call, and has nothing in hand.
    _ = try BlockingThread(name: "health") { [self] in
      let catalog = catalog("health")
      shared.stop.whenUrgent(catalog.interrupt)
      Health(settings: settings, shared: shared, logger: logger).run(catalog, examination())
    }
    threads.others.append(
      try BlockingThread(name: "shutdown") { [shared] in shared.stop.hurryUnless(over, within: .seconds(1)) })
    for activity in activities {
      threads.slots.append(
        try BlockingThread(name: "slot-\(activity.slot.index)") { [self] in driver(activity).run() })
    }
  }

  private func redis() -> RedisConnection { RedisConnection(endpoint: endpoint) }

  private func catalog(slot: Int) -> Catalog { catalog("\(slot)") }

  private func catalog(_ part: String) -> Catalog {
    Catalog(
      url: settings.postgresURL, applicationName: "rollcall \(id)/\(part)", deadline: settings.operationTimeout,
      logger: logger)
  }

  /// Short deadlines: a scan waits for it, and goes on without it.
  private func examination() -> RedisExamination {
    RedisExamination(
      connection: RedisConnection(
        endpoint: endpoint, connectTimeout: .milliseconds(500), deadline: .milliseconds(500)))
  }

  private func heartbeat(_ activities: [SlotActivity], _ registration: WorkerRegistration) -> Heartbeat {
    // Short: a slot that leaves the board waits for a renewal under way, and a shutdown for the slot.
    let connection = RedisConnection(endpoint: endpoint, connectTimeout: .seconds(1), deadline: .seconds(1))
    return Heartbeat(
      redis: RedisHeartbeat(connection: connection, prefix: settings.prefix, worker: id, queues: settings.queues),
      settings: settings, activities: activities, registration: registration, shared: shared, logger: logger)
  }

  private func driver(_ activity: SlotActivity) -> SlotDriver {
    let slot = activity.slot
    var logger = logger
    logger[metadataKey: "slot"] = "\(slot.index)"
    let queue = RedisSlotQueue(
      connection: redis(), prefix: settings.prefix, slot: slot, queues: settings.queues,
      lockTTL: settings.lockTTL, complaints: shared.complaints, logger: logger)
    let connection = catalog(slot: slot.index)
    shared.stop.whenUrgent(connection.interrupt)
    let catalog = PostgresSlotCatalog(
      catalog: connection, slot: slot, host: settings.host, maxAttempts: settings.maxAttempts)
    let hosts = ServingHosts(
      inspector: RedisQueues(connection: redis(), prefix: settings.prefix), ownHost: settings.host)
    // Short deadlines: a walk waits for it, and goes on without it.
    let throttle = RedisThrottle(
      connection: RedisConnection(
        endpoint: endpoint, connectTimeout: .milliseconds(500), deadline: .milliseconds(500)),
      prefix: settings.prefix)
    let pace = SlotPace(throttle: throttle, activity: activity, outage: shared.redisOutage, logger: logger)
    return SlotDriver(
      slot: slot, machine: SlotMachine(worker: id, retryInterval: settings.retryInterval), queue: queue,
      catalog: catalog,
      runner: SliceRunner(
        catalog: catalog, queue: queue, activity: activity, stop: shared.stop, pace: pace, logger: logger,
        allowedRoots: settings.allowedRoots),
      preflight: ScanPreflight(
        catalog: catalog, examination: examination(), health: shared.health, interval: settings.healthInterval,
        logger: logger),
      servingHosts: hosts, activity: activity, shared: shared, logger: logger)
  }
}

/// The threads of a running worker.
private struct WorkerThreads: Sendable {
  var slots: [BlockingThread] = []
  var others: [BlockingThread] = []
  /// Set after the last slot's end: the others may end too.
  let over = StopSignal()
  let stop: WorkerStop

  init(stop: WorkerStop) { self.stop = stop }

  /// Waits for the slots' ends; then the heartbeat may end, which until then keeps their locks.
  func join() {
    for slot in slots { slot.join() }
    stop.request()
    over.set()
    for thread in others { thread.join() }
  }
}
