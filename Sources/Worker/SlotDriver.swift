import Catalog
import CrashPoints
import JobQueue
import Logging
import ScanModel

/// Performs the actions of a slot's machine, on the slot's own thread and connections.
final class SlotDriver {
  private var machine: SlotMachine
  private let slot: SlotID
  private let queue: any SlotQueue
  private let catalog: any SlotCatalog
  private let runner: SliceRunner
  private let preflight: ScanPreflight
  private let servingHosts: ServingHosts
  private let shared: WorkerShared
  private let activity: SlotActivity
  private let logger: Logger
  /// Where this slot is inside the gate.
  private var ticket: SoloGate.Ticket?

  init(
    slot: SlotID, machine: SlotMachine, queue: any SlotQueue, catalog: any SlotCatalog, runner: SliceRunner,
    preflight: ScanPreflight, servingHosts: ServingHosts, activity: SlotActivity, shared: WorkerShared, logger: Logger
  ) {
    self.slot = slot
    self.machine = machine
    self.queue = queue
    self.catalog = catalog
    self.runner = runner
    self.preflight = preflight
    self.servingHosts = servingHosts
    self.activity = activity
    self.shared = shared
    self.logger = logger
  }

  /// Runs until the machine stops.
  func run() {
    var action = machine.start()
    while action != .stop {
      let event = perform(action)
      crashPoint(after: action, event)
      action = machine.handle(event, stopping: shared.stop.isRequested)
    }
    shared.board.leave(slot: slot)
  }

  private func perform(_ action: SlotMachine.Action) -> SlotMachine.Event {
    activity.noteProgress()
    if !action.needsGate { leaveGate() }
    let asked = ContinuousClock.now
    do {
      let event = try answer(action)
      if action.reachesQueue { shared.redisOutage.end(asked: asked) }
      if action.reachesCatalog { shared.postgresOutage.end(asked: asked) }
      return event
    } catch let error as QueueError {
      if error.isOutage {
        shared.redisOutage.begin(error.description)
      } else {
        shared.complaints.make("the queue refuses a step; trying again until it is mended", error: error.description)
      }
      return .queueAway
    } catch let error as CatalogError {
      // The statement was cut short, to be in time: the job is handed back.
      if error.isCancelled, shared.stop.isUrgent { return .catalogAway }
      if let slice = action.slice, !error.isOutage, !error.isRetryable {
        logger.error("cannot work on a slice", metadata: ["slice": "\(slice)", "error": "\(error)"])
        return .unworkable
      }
      note(error)
      return .catalogAway
    } catch {
      preconditionFailure("neither queue nor catalogue: \(error)")
    }
  }

  /// A lock that was waited for in vain is no outage, nor is a session that alone was ended, as by the claim of
  /// whoever took this slot for dead.
  private func note(_ error: CatalogError) {
    if error.isRetryable {
      logger.notice("Postgres asks to try again", metadata: ["error": "\(error)"])
    } else if error.isConnectionLoss, !shared.postgresOutage.isKnown, catalogAnswers() {
      logger.notice("lost a connection to Postgres, which is there", metadata: ["error": "\(error)"])
    } else {
      shared.postgresOutage.begin(error.description)
    }
  }

  /// Whether Postgres can be worked with; the reason why not is that of the error in hand.
  private func catalogAnswers() -> Bool { (try? catalog.ping()) != nil }

  private func answer(_ action: SlotMachine.Action) throws -> SlotMachine.Event {
    switch action {
    case .ping:
      try catalog.ping()
      return .pinged
    case .look:
      // Whoever looks holds nothing: a job that was given up must not be renewed any more.
      shared.board.leave(slot: slot)
      return .job(try queue.ownInflight())
    case .take: return .job(try queue.take(wait: .seconds(1)))
    case .admit(let request): return try admit(request)
    case .inspect(let slice): return .standing(try catalog.standing(of: slice))
    case .lock(let job, let held): return try lock(job, with: held)
    case .findHolder(let worker, let queue):
      let beats = try self.queue.isAlive(worker, queue: queue)
      return .holder(isAlive: beats || shared.redisOutage.isRecent(within: shared.grace))
    case .enter(let lock, let alone): return enterGate(lock, alone: alone)
    case .claim(let lock, let epoch, let holderDied): return try claim(lock, epoch: epoch, holderDied: holderDied)
    case .preflight(let claim): return .preflighted(try preflight.findings(before: claim))
    case .work(let claim): return .worked(try runner.run(claim))
    case .release(let claim): return .ceded(try release(claim) ? .requeued : .fenced)
    case .fail(let claim, let message): return .ceded(try fail(claim, message))
    case .refuse(let claim, let message): return .ceded(try refuse(claim, message))
    case .reject(let claim, let findings): return .ceded(try reject(claim, findings))
    case .finish(let job, let lock, let successors):
      try finish(job, lock, successors)
      return .settled
    case .handBack(let job, let lock, let end):
      shared.board.leave(slot: slot)
      try queue.handBack(job, lock: lock, to: end)
      return .settled
    case .bury(let job, let reason):
      shared.board.leave(slot: slot)
      try queue.bury(job, lock: nil, reason: reason)
      logger.warning("buried a message", metadata: ["queue": "\(job.queue)", "reason": "\(reason)"])
      return .settled
    case .wait(let duration):
      shared.stop.wait(for: duration)
      return .waited
    case .stop: preconditionFailure("nothing to perform")
    }
  }

  private func admit(_ request: ScanRequest) throws(CatalogError) -> SlotMachine.Event {
    let admission: Admission
    do { admission = try catalog.admit(request) } catch {
      guard error.blamesInput else { throw error }
      return .inadmissible(reason: "the catalogue refuses it: \(error)")
    }
    switch admission {
    case .admitted(let scan):
      logger.info("scan admitted", metadata: ["library": "\(scan.library)", "scan": "\(scan.id)"])
    case .refused(let scan):
      logger.notice(
        "request refused: a scan is active", metadata: ["library": "\(scan.library)", "scan": "\(scan.id)"])
    case .existing, .removing, .unknownLibrary: break
    }
    return .admitted(admission)
  }

  private func lock(_ job: TakenJob, with lock: HeldLock) throws(QueueError) -> SlotMachine.Event {
    let outcome = try queue.claim(job, slice: lock.slice, claim: lock.claim)
    // An earlier try may have put the job on the board.
    if outcome == .claimed { shared.board.enter(job, lock, activity: activity) } else { shared.board.leave(slot: slot) }
    return .locked(outcome)
  }

  private func enterGate(_ lock: HeldLock, alone: Bool) -> SlotMachine.Event {
    let entry = shared.gate.enter(alone: alone) { [shared, activity] in
      shared.stop.isRequested || activity.isLockLost
    } wait: { [shared, activity] in
      shared.stop.wait(for: $0)
      activity.noteProgress()
    }
    switch entry {
    case .inside(let ticket):
      self.ticket = ticket
      return .entered(true)
    case .givenUp: return .entered(false)
    case .givesWay:
      shared.complaints.make(
        "a slice that has failed before cannot be alone, as another slot of this worker does not end; it goes back",
        error: "slice \(lock.slice) waits")
      return .gaveWay
    }
  }

  private func leaveGate() {
    guard let ticket else { return }
    shared.gate.leave(ticket)
    self.ticket = nil
  }

  private func claim(_ lock: HeldLock, epoch: Int32, holderDied: Bool) throws(CatalogError) -> SlotMachine.Event {
    let claim = try catalog.claim(lock.slice, epoch: epoch, as: lock.claim, holderDied: holderDied)
    if let claim {
      if let culprit = claim.culprit {
        logger.error(
          "leaving out a directory at which a slice failed again and again",
          metadata: claim.logMetadata.merging(["directory_id": "\(culprit)", "attempts": "\(claim.attempts)"]) { $1 })
      }
      shared.board.describe(slot: slot, library: claim.libraryName, kind: claim.kind)
    }
    return .claimed(claim)
  }

  /// An interrupt that came too late for the walk hits the next statement: this one. There is no second one.
  private func release(_ claim: SliceClaim) throws(CatalogError) -> Bool {
    do { return try catalog.release(claim) } catch {
      guard error.isCancelled else { throw error }
      return try catalog.release(claim)
    }
  }

  private func fail(_ claim: SliceClaim, _ message: String) throws(CatalogError) -> SliceVerdict {
    let verdict = try catalog.fail(claim, message: message)
    log("slice failed", claim, verdict, message)
    return verdict
  }

  private func refuse(_ claim: SliceClaim, _ message: String) throws -> SliceVerdict {
    let verdict = try catalog.refuse(claim, hosts: try servingHosts.of(queue: claim.queue), message: message)
    log("this host cannot open the library's root", claim, verdict, message)
    return verdict
  }

  private func reject(_ claim: SliceClaim, _ findings: [PreflightFinding]) throws(CatalogError) -> SliceVerdict {
    let verdict = try catalog.reject(claim, findings)
    log("a scan must not begin", claim, verdict, findings.rejection)
    return verdict
  }

  private func log(_ what: Logger.Message, _ claim: SliceClaim, _ verdict: SliceVerdict, _ message: String) {
    logger.error(
      what, metadata: claim.logMetadata.merging(["verdict": "\(verdict.rawValue)", "error": "\(message)"]) { $1 })
  }

  /// Pointers of another queue go first: both steps may be repeated, and a second pointer does no harm.
  private func finish(
    _ job: TakenJob, _ lock: HeldLock?, _ successors: SlotMachine.Successors
  ) throws(QueueError) {
    shared.board.leave(slot: slot)
    let pointers = successors.slices.map(QueueMessage.pointerBytes)
    if successors.queue == job.queue || pointers.isEmpty {
      try queue.finish(job, lock: lock, pushing: pointers)
    } else {
      try queue.push(pointers, to: successors.queue)
      crashPoint(.pointersPushed)
      try queue.finish(job, lock: lock)
    }
  }
}

extension SlotMachine.Action {
  /// Whether its answer proves that Redis takes writes. A replica answers `look` too.
  fileprivate var reachesQueue: Bool {
    switch self {
    case .take, .lock, .finish, .handBack, .bury: true
    case .ping, .look, .admit, .inspect, .findHolder, .enter, .claim, .preflight, .work, .release, .fail, .refuse,
      .reject, .wait, .stop:
      false
    }
  }

  /// The same of Postgres; one that takes no writes answers `inspect` too.
  fileprivate var reachesCatalog: Bool {
    switch self {
    case .ping, .admit, .claim, .preflight, .work, .release, .fail, .refuse, .reject: true
    case .look, .take, .inspect, .lock, .findHolder, .enter, .finish, .handBack, .bury, .wait, .stop: false
    }
  }

  /// The slice that the catalogue is asked about before any work on it.
  fileprivate var slice: SliceID? {
    switch self {
    case .inspect(let slice): slice
    case .claim(let lock, _, _): lock.slice
    default: nil
    }
  }

  /// What is done inside the gate: everything else comes before or after the work on a slice.
  fileprivate var needsGate: Bool {
    switch self {
    case .claim, .preflight, .work: true
    default: false
    }
  }
}

extension CatalogError {
  /// What was sent can never be taken: a value out of range, a constraint, too large (SQLSTATE classes 22,
  /// 23, 54). Whatever else goes wrong, such as a deadline, is not the request's fault.
  var blamesInput: Bool {
    guard case .postgres(let cause) = self, let state = cause.sqlState else { return false }
    return ["22", "23", "54"].contains(state.prefix(2))
  }
}
