import BlockingThread
import Catalog
import JobQueue
import Logging
import ScanModel

/// Performs the actions of the reaper's machine, on the reaper's own thread and connections.
final class ReaperDriver {
  private var machine: ReaperMachine
  private let queue: any SweepQueue
  private let catalog: any RepairCatalog
  /// How the events name this reaper.
  private let actor: String
  private let markerTTL: Duration
  private let stop: StopSignal
  private let logger: Logger
  private let redisOutage: Outage
  private let postgresOutage: Outage
  /// A list that cannot be read would fill the log.
  private let complaints: Complaints

  init(
    machine: ReaperMachine, queue: any SweepQueue, catalog: any RepairCatalog, actor: String, markerTTL: Duration,
    stop: StopSignal, logger: Logger
  ) {
    self.machine = machine
    self.queue = queue
    self.catalog = catalog
    self.actor = actor
    self.markerTTL = markerTTL
    self.stop = stop
    self.logger = logger
    complaints = Complaints(logger: logger)
    redisOutage = Outage(of: "Redis", logger: logger)
    postgresOutage = Outage(of: "Postgres", logger: logger)
  }

  /// Runs until it is told to stop.
  func run() {
    let begin = ContinuousClock.now
    var action = machine.start(now: .zero)
    while action != .stop {
      let event = perform(action)
      crashPoint(after: action, event)
      action = machine.handle(event, now: ContinuousClock.now - begin, stopping: stop.isSet)
    }
    do { try queue.unmark() } catch {
      logger.debug("the reaper's marker is left to expire", metadata: ["error": "\(error)"])
    }
  }

  private func perform(_ action: ReaperMachine.Action) -> ReaperMachine.Event {
    do {
      let event = try answer(action)
      answered(action)
      return event
    } catch let error as QueueError {
      guard error.isOutage else { return complain(error.description) }
      redisOutage.begin(error.description)
      return .queueAway
    } catch let error as CatalogError {
      if stop.isSet && error.isCancelled { return .failed }
      guard error.isOutage else { return complain(error.description) }
      postgresOutage.begin(error.description)
      return .catalogAway
    } catch {
      preconditionFailure("neither queue nor catalogue: \(error)")
    }
  }

  /// A server that takes no writes answers most questions nevertheless: only these prove that it does.
  private func answered(_ action: ReaperMachine.Action) {
    switch action {
    case .mark: redisOutage.end()
    case .listQueues: postgresOutage.end()
    default: break
    }
  }

  private func complain(_ error: String) -> ReaperMachine.Event {
    complaints.make("the reaper passes over what it cannot do", error: error)
    return .failed
  }

  private func answer(_ action: ReaperMachine.Action) throws -> ReaperMachine.Event {
    switch action {
    case .mark: return .marked(wasThere: try queue.mark(for: markerTTL))
    case .discover(let cursor): return .discovered(try queue.discover(from: cursor))
    case .listQueues: return .queues(try catalog.queues())
    case .look(let name, let cursor): return .workers(try queue.workers(of: name, from: cursor))
    case .read(_, let slots, let name): return .entries(try queue.inflight(of: slots, in: name))
    case .reap(let entry, let reason): return .reaped(try reap(entry, reason))
    case .forget(let worker, let name): return try forget(worker, name)
    case .record(let returned):
      try catalog.record(returned, by: actor)
      return .done
    case .pageSlices(let after):
      return .openSlices(try catalog.openSlices(after: after, limit: ReaperMachine.page))
    case .suspect(let slices, let name), .confirm(let slices, let name):
      return .missing(try queue.missing(slices.map(\.slice), from: name))
    case .repair(let lost, let name): return .repaired(try repair(lost, name))
    case .push(let slices, let name):
      try queue.push(slices, to: name)
      return .done
    case .pageScans(let after): return .adrift(try catalog.scansAdrift(after: after, limit: ReaperMachine.page))
    case .mend(let scan): return .mended(try mend(scan))
    case .dropLeftSlices: return try dropLeftSlices()
    case .wait(let duration):
      stop.wait(for: duration)
      return .waited
    case .stop: preconditionFailure("nothing to perform")
    }
  }

  private func reap(_ entry: InflightEntry, _ reason: ReapReason) throws(QueueError) -> ReapOutcome {
    let outcome = try queue.reap(entry, as: reason)
    if outcome == .returned {
      logger.notice(
        "returned work to its queue",
        metadata: [
          "queue": "\(entry.queue)", "slot": "\(entry.slot)", "reason": "\(reason.rawValue)",
          "job": "\(entry.slice.map { "slice \($0)" } ?? "no slice")",
        ])
    }
    return outcome
  }

  private func forget(_ worker: SweptWorker, _ name: String) throws(QueueError) -> ReaperMachine.Event {
    if try queue.forget(worker.worker, slots: worker.slots, in: name) {
      logger.notice(
        "a worker has died; its registration is removed", metadata: ["dead": "\(worker.worker)", "queue": "\(name)"])
    }
    return .done
  }

  private func repair(_ lost: [LostPointer], _ name: String) throws(CatalogError) -> [SliceID] {
    let repaired = try catalog.repair(lost, by: actor)
    for slice in repaired {
      logger.notice(
        "a slice had no pointer; pushing it again", metadata: ["slice": "\(slice)", "queue": "\(name)"])
    }
    return repaired
  }

  private func mend(_ scan: ScanID) throws(CatalogError) -> [ScanRepair] {
    let repairs = try catalog.mend(scan, by: actor)
    for repair in repairs {
      let slice: Logger.Metadata = repair.slice.map { ["slice": "\($0)"] } ?? [:]
      logger.notice(
        "mended a scan",
        metadata: ["scan": "\(scan)", "what": "\(repair.kind.rawValue)"].merging(slice) { first, _ in first })
    }
    return repairs
  }

  private func dropLeftSlices() throws(CatalogError) -> ReaperMachine.Event {
    for (scan, count) in try catalog.dropLeftSlices(limit: ReaperMachine.page, by: actor) {
      logger.notice("dropped what an ended scan has left", metadata: ["scan": "\(scan)", "slices": "\(count)"])
    }
    return .done
  }
}
