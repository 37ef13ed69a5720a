import Catalog
import JobQueue
import ScanModel

/// What the reaper's machine says and hears.
extension ReaperMachine {
  public enum Action: Sendable, Equatable {
    /// Set the reaper's marker, which tells whether Redis has lost its data.
    case mark
    /// Look through a portion of all keys for queues and for in-flight lists that no registration names.
    case discover(ScanCursor?)
    /// Ask the catalogue for the queues' names.
    case listQueues
    /// Read a portion of a queue's workers.
    case look(queue: String, ScanCursor?)
    /// Read some of a worker's in-flight lists.
    case read(SweptWorker, [SlotID], queue: String)
    case reap(InflightEntry, ReapReason)
    /// End the registration of a dead worker.
    case forget(SweptWorker, queue: String)
    /// Tell the catalogue what was returned.
    case record([ReturnedSlice])
    /// Read a page of the slices whose pointers must be somewhere.
    case pageSlices(after: SliceID?)
    /// Which of these slices of one queue have neither lock nor pointer: the first look.
    case suspect([OpenSlice], queue: String)
    /// The same of suspects: the second look.
    case confirm([OpenSlice], queue: String)
    /// Record that these pointers are lost.
    case repair([LostPointer], queue: String)
    /// Put pointers on their queue.
    case push([SliceID], queue: String)
    /// Read a page of the scans that want mending.
    case pageScans(after: ScanID?)
    case mend(ScanID)
    /// Drop what ended scans have left.
    case dropLeftSlices
    case wait(Duration)
    case stop
  }

  /// The answer to an action.
  public enum Event: Sendable, Equatable {
    /// Whether the marker was still there.
    case marked(wasThere: Bool)
    case discovered(Discovery)
    case queues([String])
    case workers(WorkerPage)
    case entries([InflightEntry])
    case reaped(ReapOutcome)
    case openSlices([OpenSlice])
    /// Of `suspect` and `confirm`.
    case missing([SliceID])
    case repaired([SliceID])
    case adrift([ScanID])
    case mended([ScanRepair])
    /// Of `forget`, `record`, `push` and `dropLeftSlices`.
    case done
    case waited
    /// The server is there, and refuses just this.
    case failed
    /// Redis did not answer; whether it did the deed is not known.
    case queueAway
    /// The same of Postgres.
    case catalogAway
  }
}

extension ReaperMachine.Action {
  /// Whom an action asks.
  enum Server: Equatable {
    case redis, postgres, nobody
  }

  var server: Server {
    switch self {
    case .mark, .discover, .look, .read, .reap, .forget, .suspect, .confirm, .push: .redis
    case .listQueues, .record, .pageSlices, .repair, .pageScans, .mend, .dropLeftSlices: .postgres
    case .wait, .stop: .nobody
    }
  }

  /// What the outcome of an earlier step demands, and an outage must not forget.
  var isOwed: Bool {
    switch self {
    case .record, .push: true
    default: false
    }
  }
}
