import Catalog
import JobQueue
import ScanModel

/// A slot's loop as a step machine: a pure value that takes an event and answers with the next action.
/// A thread performs the actions in production, a simulator in tests.
///
/// The life of a job:
///
///     look ── take ──┬─ request ── admit ─────────────────────────┬─ finish (and push pointers)
///                    ├─ pointer ── inspect ── lock ── claim ── work ─┤
///                    └─ garbage ── bury                             └─ hand back
///
/// Every taken job ends as finished, handed back or buried (invariant 5). The last two steps and `look`
/// are repeated until they succeed; everything before them may be forgotten at any moment, because the
/// job is in the slot's in-flight list and each step may be taken again.
public struct SlotMachine: Sendable {
  public enum Action: Sendable, Equatable {
    /// Ask whether the catalogue can be worked with.
    case ping
    /// Look for a job in the slot's own in-flight lists.
    case look
    /// Take a job, waiting a moment for one.
    case take
    case admit(ScanRequest)
    case inspect(SliceID)
    case lock(TakenJob, HeldLock)
    case claim(HeldLock, epoch: Int32)
    /// Walk or finalise, and commit.
    case work(SliceClaim)
    /// Take back what was sent, and set the slice `queued`; no attempt is counted.
    case release(SliceClaim)
    /// Record that the slice failed by itself.
    case fail(SliceClaim, message: String)
    /// Record that this host cannot open the root.
    case refuse(SliceClaim, message: String)
    /// Pushes the pointers of the slices that follow from the job, and ends it.
    case finish(TakenJob, HeldLock?, then: Successors)
    case handBack(TakenJob, HeldLock?, QueueEnd)
    case bury(TakenJob, reason: String)
    case wait(Duration)
    case stop
  }

  /// Slices that a job has queued, and whose pointers are to be pushed to `queue`.
  public struct Successors: Sendable, Equatable {
    public let slices: [SliceID]
    public let queue: String

    static let none = Successors(slices: [], queue: "")
  }

  /// The answer to an action.
  public enum Event: Sendable {
    case pinged
    /// Of `look` and `take`.
    case job(TakenJob?)
    case admitted(Admission)
    /// The catalogue will never take this request.
    case inadmissible(reason: String)
    case standing(SliceStanding)
    case locked(ClaimOutcome)
    case claimed(SliceClaim?)
    case worked(WorkOutcome)
    /// Of `release`, `fail` and `refuse`.
    case ceded(SliceVerdict)
    /// Of `finish`, `handBack` and `bury`.
    case settled
    case waited
    /// Redis did not answer, or not as it should; whether it did the deed is not known.
    case queueAway
    /// The same of Postgres.
    case catalogAway
  }

  /// How the work on a claimed slice ended.
  public enum WorkOutcome: Sendable, Equatable {
    /// Committed; these slices are queued now.
    case committed(queued: [SliceID])
    /// Another claim has the slice, or its scan has ended: nothing was written.
    case superseded
    /// Told to stop, or the database asked to try again: nothing was written.
    case interrupted
    case rootUnavailable(message: String)
    case failed(message: String)
  }

  private enum State: Sendable {
    /// → looking | waiting
    case pinging
    /// → taking | a job's first step
    case looking
    /// → looking | a job's first step
    case taking
    /// → settling
    case admitting(TakenJob)
    /// → locking | settling
    case inspecting(TakenJob, SliceID)
    /// → claiming | looking
    case locking(TakenJob, HeldLock, epoch: Int32)
    /// → working | settling
    case claiming(TakenJob, HeldLock)
    /// → ceding | settling
    case working(TakenJob, HeldLock, SliceClaim)
    /// → settling
    case ceding(TakenJob, HeldLock, to: QueueEnd)
    /// → looking | pinging | waiting
    case settling(Action, then: Next)
    /// → whatever the wait was for
    case waiting(Next)
    case stopped
  }

  /// What comes after a job or a wait.
  private indirect enum Next: Sendable {
    case look
    case ping
    case settle(Action, then: Next)
    case pause(Duration, then: Next)
  }

  private var state: State = .pinging
  private var queueBackoff = Backoff()
  private var catalogBackoff = Backoff()
  /// The claim under which the job in hand was last tried: a second try after a lost reply must come under
  /// the same one, or it would find the lock held by a stranger.
  private var lastClaim: (payload: [UInt8], claim: ClaimID)?
  /// How long to wait after a slice that failed or that this host cannot work on.
  private let retryInterval: Duration

  public init(retryInterval: Duration) { self.retryInterval = retryInterval }

  /// The first action; every further one answers an event.
  public func start() -> Action { .ping }

  /// - Parameter stopping: no new work is begun any more, and the machine stops as soon as the job in hand
  ///   has an end.
  public mutating func handle(_ event: Event, stopping: Bool) -> Action {
    switch event {
    case .queueAway: return queueAway(stopping: stopping)
    case .catalogAway: return catalogAway()
    default: break
    }
    switch (state, event) {
    case (.pinging, .pinged):
      catalogBackoff.reset()
      return proceed(.look, stopping: stopping)
    case (.looking, .job(let job)), (.taking, .job(let job)):
      queueBackoff.reset()
      return begin(job, stopping: stopping)
    case (.admitting(let job), .admitted(let admission)):
      return settle(Self.answer(job, admission), then: .look)
    case (.admitting(let job), .inadmissible(let reason)):
      return settle(.bury(job, reason: reason), then: .look)
    case (.inspecting(let job, let slice), .standing(let standing)):
      return inspected(job, slice, standing)
    case (.locking(let job, let lock, let epoch), .locked(let outcome)):
      return locked(job, lock, epoch, outcome, stopping: stopping)
    case (.claiming(let job, let lock), .claimed(let claim)):
      guard let claim else { return settle(.handBack(job, lock, .front), then: .look) }
      state = .working(job, lock, claim)
      return .work(claim)
    case (.working(let job, let lock, let claim), .worked(let outcome)):
      return worked(job, lock, claim, outcome)
    case (.ceding(let job, let lock, let end), .ceded(let verdict)):
      return ceded(job, lock, end, verdict)
    case (.settling(_, let next), .settled):
      queueBackoff.reset()
      lastClaim = nil
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
    if stopping { return settle(.handBack(job, nil, .front), then: .look) }
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
    case .existing(let scan):
      // Whoever admitted it may have died before the push. A second pointer does no harm.
      .finish(job, nil, then: scan.status == .pending ? first(of: scan) : .none)
    case .refused:
      .finish(job, nil, then: .none)
    case .catalogued:
      .bury(job, reason: "library is catalogued already, and this release cannot scan it again")
    case .removing:
      .bury(job, reason: "library is being removed")
    case .unknownLibrary:
      .bury(job, reason: "no such library: add it with `rollcall library add NAME PATH`")
    }
  }

  private static func first(of scan: ScanRecord) -> Successors {
    Successors(slices: [SliceID(scan: scan.id, number: 1)], queue: scan.queue)
  }

  private mutating func inspected(_ job: TakenJob, _ slice: SliceID, _ standing: SliceStanding) -> Action {
    switch standing {
    case .open(let epoch):
      let claim = lastClaim.flatMap { $0.payload == job.payload ? $0.claim : nil } ?? ClaimID()
      lastClaim = (job.payload, claim)
      let lock = HeldLock(slice: slice, claim: claim)
      state = .locking(job, lock, epoch: epoch)
      return .lock(job, lock)
    case .done(let queued):
      return settle(.finish(job, heldLock(job, slice), then: Successors(slices: queued, queue: job.queue)), then: .look)
    case .held, .ended:
      return settle(.finish(job, heldLock(job, slice), then: .none), then: .look)
    }
  }

  /// The lock that an earlier try of this job may have left.
  private func heldLock(_ job: TakenJob, _ slice: SliceID) -> HeldLock? {
    guard let lastClaim, lastClaim.payload == job.payload else { return nil }
    return HeldLock(slice: slice, claim: lastClaim.claim)
  }

  private mutating func locked(
    _ job: TakenJob, _ lock: HeldLock, _ epoch: Int32, _ outcome: ClaimOutcome, stopping: Bool
  ) -> Action {
    switch outcome {
    case .claimed:
      if stopping { return settle(.handBack(job, lock, .front), then: .look) }
      state = .claiming(job, lock)
      return .claim(lock, epoch: epoch)
    case .held, .gone:
      // Another slot is at work on it, or the job was taken out of the list: not ours in either case.
      lastClaim = nil
      return proceed(.look, stopping: stopping)
    }
  }

  private mutating func worked(_ job: TakenJob, _ lock: HeldLock, _ claim: SliceClaim, _ outcome: WorkOutcome) -> Action {
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

  private mutating func queueAway(stopping: Bool) -> Action {
    let wait = queueBackoff.next()
    switch state {
    case .settling(let action, let next) where !stopping:
      // It may have been done: each of these steps may be repeated.
      return pause(wait, then: .settle(action, then: next))
    default:
      // The job, if there is one, stays in the in-flight list, where the next look or the reaper finds it.
      return stopping ? stop() : pause(wait, then: .look)
    }
  }

  /// Nothing is taken before the catalogue answers again.
  private mutating func catalogAway() -> Action {
    let wait = catalogBackoff.next()
    switch state {
    case .admitting(let job), .inspecting(let job, _):
      return settle(.handBack(job, nil, .front), then: .pause(wait, then: .ping))
    case .locking(let job, let lock, _), .claiming(let job, let lock), .working(let job, let lock, _),
      .ceding(let job, let lock, _):
      return settle(.handBack(job, lock, .front), then: .pause(wait, then: .ping))
    default:
      return pause(wait, then: .ping)
    }
  }

  private mutating func settle(_ action: Action, then next: Next) -> Action {
    state = .settling(action, then: next)
    return action
  }

  private mutating func pause(_ duration: Duration, then next: Next) -> Action {
    state = .waiting(next)
    return .wait(duration)
  }

  private mutating func proceed(_ next: Next, stopping: Bool) -> Action {
    switch next {
    case .settle(let action, let next): return settle(action, then: next)
    case _ where stopping: return stop()
    case .look:
      state = .looking
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
