import Catalog
import JobQueue
import ScanModel

/// What a slot's machine says and hears.
extension SlotMachine {
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
    /// Ask whether the worker that holds a slice gives a sign of life in this queue.
    case findHolder(WorkerID, queue: String)
    /// Wait until this slot may work beside the others of its process or, if `alone`, without them.
    case enter(HeldLock, alone: Bool)
    case claim(HeldLock, epoch: Int32, holderDied: Bool)
    /// Make sure, before anything of a scan is read, that it can be done.
    case preflight(SliceClaim)
    /// Walk or finalise, and commit.
    case work(SliceClaim)
    /// Take back what was sent, and set the slice `queued`; no attempt is counted.
    case release(SliceClaim)
    /// Record that the slice failed by itself.
    case fail(SliceClaim, message: String)
    /// Record that this host cannot open the root.
    case refuse(SliceClaim, message: String)
    /// End a scan that must not begin.
    case reject(SliceClaim, [PreflightFinding])
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
    /// Of `findHolder`.
    case holder(isAlive: Bool)
    /// Of `enter`. False: the slot was told to stop, or lost its lock, while it waited.
    case entered(Bool)
    /// Of `enter`: the slice cannot be alone here for now, and the slots beside it are not to wait for that.
    case gaveWay
    case claimed(SliceClaim?)
    /// Of `preflight`: all that was found.
    case preflighted([PreflightFinding])
    case worked(WorkOutcome)
    /// Of `release`, `fail`, `refuse` and `reject`.
    case ceded(SliceVerdict)
    /// Of `finish`, `handBack` and `bury`.
    case settled
    case waited
    /// Of `inspect` and `claim`: the catalogue is there, and cannot tell of this slice.
    case unworkable
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
}
