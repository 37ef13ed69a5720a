import Catalog
import JobQueue
import ScanModel

/// A slot's loop as a step machine: a pure value that takes an event and answers with the next action.
/// A thread performs the actions in production, a simulator in tests.
///
/// The life of a job:
///
///     look ─ take ─┬─ request ─ admit ─────────────────────────────────────┬─► finish, and push pointers
///                  ├─ pointer ─ inspect ─┬─ lock ─ (find holder) ─ enter ─ claim ─ (preflight) ─ work ─┤
///                  │                     └─ nothing to do ─────────────────┘
///                  │                               claim or work in vain ─┬─ superseded ──────► hand back
///                  │                                                      └─ release, fail, refuse ──► hand back
///                  └─ garbage ────────────────────────────────────────────────────────► bury
///
/// A slice that failed before is worked on alone in the process. It enters before it is claimed, so that
/// none that waits for its turn counts as failed when another kills the process.
///
/// Whoever claims a slice of a scan of which nothing is committed makes sure first that it can be done, and rejects a
/// scan that cannot.
///
/// Every taken job ends as finished, handed back or buried (invariant 5). The last two steps and `look`
/// are repeated until they succeed; everything before them may be forgotten at any moment, because the
/// job is in the slot's in-flight list and each step may be taken again. So when Redis is away the machine
/// waits and looks anew, and when Postgres is, it hands the job back and pings before it takes another.
public struct SlotMachine: Sendable {
  enum State: Sendable {
    /// → looking | waiting
    case pinging
    /// → taking | a job's first step; the last look of a slot that stops: → settling | stopped
    case looking(isLast: Bool)
    /// → looking | a job's first step
    case taking
    /// → settling
    case admitting(TakenJob)
    /// → locking | settling
    case inspecting(TakenJob, SliceID)
    /// → finding | entering | looking | settling, when stopping
    case locking(Candidate)
    /// → entering | settling, when stopping
    case finding(Candidate)
    /// → claiming | settling
    case entering(Candidate)
    /// → preparing | working | ceding | settling
    case claiming(Candidate)
    /// → working | ceding | settling
    case preparing(TakenJob, HeldLock, SliceClaim)
    /// → ceding | settling
    case working(TakenJob, HeldLock, SliceClaim)
    /// → settling
    case ceding(TakenJob, HeldLock, to: QueueEnd)
    /// → looking | pinging | waiting | stopped
    case settling(Action, then: Next)
    /// → whatever the wait was for
    case waiting(Next)
    case stopped
  }

  /// A slice that is to be claimed.
  struct Candidate: Sendable {
    let job: TakenJob
    let lock: HeldLock
    let epoch: Int32
    let attempts: Int
    /// Another worker that has it.
    let holder: WorkerID?
    /// The holder gives no sign of life.
    var holderDied = false

    /// Whether it may kill the process once more.
    var isSuspect: Bool { attempts > 0 || holderDied }
  }

  /// What comes after a job or a wait.
  indirect enum Next: Sendable {
    case look
    /// Looks for a job that may be in flight after a lost reply, also when stopping.
    case recover
    case ping
    case settle(Action, then: Next)
    case pause(Duration, then: Next)
    case stop
  }

  var state: State = .pinging
  private var queueBackoff = Backoff()
  private var catalogBackoff = Backoff()
  /// The lock under which the job in hand was last tried: a second try after a lost reply must come under
  /// the same claim, or it would find the lock held by a stranger.
  var lastTry: (job: TakenJob, lock: HeldLock)?
  private var random: any RandomNumberGenerator & Sendable
  /// How long to wait after a slice that failed or that this host, or this process, cannot work on.
  private let retryInterval: Duration
  /// Whose slices are its own, not to be asked for.
  let worker: WorkerID

  /// - Parameters:
  ///   - worker: whose slot this is.
  ///   - random: for the jitter of waits.
  public init(
    worker: WorkerID, retryInterval: Duration,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    self.worker = worker
    self.retryInterval = retryInterval
    self.random = random
  }

  /// The first action; every further one answers an event.
  public func start() -> Action { .ping }

  /// - Parameter stopping: no new work is begun any more, and the machine stops as soon as the job in hand
  ///   has an end. Once set, it stays so.
  public mutating func handle(_ event: Event, stopping: Bool) -> Action {
    switch event {
    case .queueAway: return queueAway(stopping: stopping)
    case .catalogAway: return catalogAway()
    default: break
    }
    switch (state, event) {
    case (.pinging, .pinged):
      return proceed(.look, stopping: stopping)
    case (.looking, .job(let job)):
      // A replica answers looks too: this does not end an outage.
      return begin(job, stopping: stopping)
    case (.taking, .job(let job)):
      queueBackoff.reset()
      return begin(job, stopping: stopping)
    case (.admitting(let job), .admitted(let admission)):
      return settle(Self.answer(job, admission), then: .look)
    case (.admitting(let job), .inadmissible(let reason)):
      return settle(.bury(job, reason: reason), then: .look)
    case (.inspecting(let job, let slice), .standing(let standing)):
      return inspected(job, slice, standing, stopping: stopping)
    case (.locking(let candidate), .locked(let outcome)):
      return locked(candidate, outcome, stopping: stopping)
    case (.finding(let candidate), .holder(let isAlive)):
      return found(candidate, isAlive: isAlive, stopping: stopping)
    case (.entering(let candidate), .entered(let mayWork)):
      return entered(candidate, mayWork: mayWork, stopping: stopping)
    case (.entering(let candidate), .gaveWay):
      return settle(.handBack(candidate.job, candidate.lock, .back), then: .pause(retryInterval, then: .look))
    case (.claiming(let candidate), .claimed(let claim)):
      return claimed(candidate, claim, stopping: stopping)
    case (.inspecting(let job, _), .unworkable):
      return settle(.handBack(job, lock(of: job), .back), then: .pause(retryInterval, then: .look))
    case (.claiming(let candidate), .unworkable):
      return settle(.handBack(candidate.job, candidate.lock, .back), then: .pause(retryInterval, then: .look))
    case (.preparing(let job, let lock, let claim), .preflighted(let findings)):
      return preflighted(job, lock, claim, findings, stopping: stopping)
    case (.working(let job, let lock, let claim), .worked(let outcome)):
      return worked(job, lock, claim, outcome)
    case (.ceding(let job, let lock, let end), .ceded(let verdict)):
      return ceded(job, lock, end, verdict)
    case (.settling(_, let next), .settled):
      queueBackoff.reset()
      lastTry = nil
      // That a job could be given back says nothing of the catalogue.
      if case .pause(_, then: .ping) = next {} else { catalogBackoff.reset() }
      return proceed(next, stopping: stopping)
    case (.waiting(let next), .waited):
      return proceed(next, stopping: stopping)
    default:
      preconditionFailure("slot driver answered \(state) with \(event)")
    }
  }

  private mutating func begin(_ job: TakenJob?, stopping: Bool) -> Action {
    guard let job else {
      if case .looking = state, !stopping {
        state = .taking
        return .take
      }
      return proceed(.look, stopping: stopping)
    }
    if stopping { return settle(.handBack(job, lock(of: job), .front), then: .look) }
    do throws(QueueMessage.Garbage) {
      switch try QueueMessage.parse(job.payload) {
      case .request(let request):
        state = .admitting(job)
        return .admit(request)
      case .pointer(let slice):
        state = .inspecting(job, slice)
        return .inspect(slice)
      }
    } catch {
      return settle(.bury(job, reason: error.reason), then: .look)
    }
  }

  private static func answer(_ job: TakenJob, _ admission: Admission) -> Action {
    switch admission {
    case .admitted(let scan):
      .finish(job, nil, then: first(of: scan))
    case .existing(let scan), .refused(let scan):
      // This very request may have made it, and the reply or the push was lost. A second pointer does no
      // harm.
      .finish(job, nil, then: scan.status == .pending ? first(of: scan) : .none)
    case .removing:
      .bury(job, reason: "library is being removed")
    case .unknownLibrary:
      .bury(job, reason: "no such library: add it with `rollcall library add NAME PATH`")
    }
  }

  private static func first(of scan: ScanRecord) -> Successors {
    Successors(slices: [SliceID(scan: scan.id, number: 1)], queue: scan.queue)
  }

  private mutating func worked(_ job: TakenJob, _ lock: HeldLock, _ claim: SliceClaim, _ outcome: WorkOutcome) -> Action
  {
    switch outcome {
    case .committed(let queued):
      return settle(.finish(job, lock, then: Successors(slices: queued, queue: claim.queue)), then: .look)
    case .superseded:
      return settle(.handBack(job, lock, .front), then: .look)
    case .interrupted:
      state = .ceding(job, lock, to: .front)
      return .release(claim)
    case .rootUnavailable(let message):
      state = .ceding(job, lock, to: .back)
      return .refuse(claim, message: message)
    case .failed(let message):
      state = .ceding(job, lock, to: .back)
      return .fail(claim, message: message)
    }
  }

  private mutating func ceded(_ job: TakenJob, _ lock: HeldLock, _ end: QueueEnd, _ verdict: SliceVerdict) -> Action {
    switch verdict {
    case .requeued: settle(.handBack(job, lock, end), then: end == .back ? .pause(retryInterval, then: .look) : .look)
    case .failed: settle(.finish(job, lock, then: .none), then: .look)
    case .fenced: settle(.handBack(job, lock, .front), then: .look)
    }
  }

  /// The deed may have been done. A settling step is repeated; after any other the job, if there is one, is
  /// in the in-flight list, where a look finds it. Who stops tries once more; then it is left to the reaper.
  private mutating func queueAway(stopping: Bool) -> Action {
    let wait = queueBackoff.next(using: &random)
    switch state {
    case .settling(_, then: .stop), .looking(isLast: true): return stop()
    case .settling(let action, _) where stopping: return settle(action, then: .stop)
    case .settling(let action, let next): return pause(wait, then: .settle(action, then: next))
    default: return stopping ? proceed(.recover, stopping: true) : pause(wait, then: .recover)
    }
  }

  /// Nothing is taken before the catalogue answers again.
  private mutating func catalogAway() -> Action {
    let wait = catalogBackoff.next(using: &random)
    switch state {
    case .admitting(let job), .inspecting(let job, _):
      return settle(.handBack(job, lock(of: job), .front), then: .pause(wait, then: .ping))
    case .locking(let candidate), .finding(let candidate), .entering(let candidate), .claiming(let candidate):
      return settle(.handBack(candidate.job, candidate.lock, .front), then: .pause(wait, then: .ping))
    case .preparing(let job, let lock, _), .working(let job, let lock, _), .ceding(let job, let lock, _):
      return settle(.handBack(job, lock, .front), then: .pause(wait, then: .ping))
    default:
      return pause(wait, then: .ping)
    }
  }

  mutating func settle(_ action: Action, then next: Next) -> Action {
    state = .settling(action, then: next)
    return action
  }

  private mutating func pause(_ duration: Duration, then next: Next) -> Action {
    state = .waiting(next)
    return .wait(duration)
  }

  mutating func proceed(_ next: Next, stopping: Bool) -> Action {
    switch next {
    case .settle(let action, let next): return settle(action, then: next)
    case .recover:
      state = .looking(isLast: stopping)
      return .look
    case _ where stopping, .stop: return stop()
    case .look:
      state = .looking(isLast: false)
      return .look
    case .ping:
      state = .pinging
      return .ping
    case .pause(let duration, let next): return pause(duration, then: next)
    }
  }

  private mutating func stop() -> Action {
    state = .stopped
    return .stop
  }
}
