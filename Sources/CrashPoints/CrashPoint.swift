/// A moment at which a test can have a worker, a reaper or a command die as if by `kill -9`: between every
/// two steps of a job's life, where a reply, a commit or a push may be lost.
///
/// Only debug builds can die there, and only where `ROLLCALL_CRASH_AT` names the point: `name` the first
/// time that it is passed, `name:N` the Nth time. `stop:name` stops the process there (SIGSTOP) instead, once.
/// `list:DIRECTORY` kills whoever is about to list a directory of that name. In a release build a point is
/// nothing at all.
public enum CrashPoint: String, CaseIterable, Sendable {
  // A command that asks for a scan.
  /// The scan is admitted; no pointer tells of it.
  case scanAdmitted

  // A slot and its job, in the order in which it goes through them.
  /// A job lies in the in-flight list, without a lock.
  case jobTaken
  /// A request that lay on the queue is admitted; its scan's pointer is not pushed.
  case requestAdmitted
  case sliceInspected
  /// The lock is held; Postgres knows of no claim.
  case sliceLocked
  case sliceClaimed
  /// The transaction is open, and nothing is read.
  case walkBegun
  /// Bytes of a COPY are sent, its end is not.
  case insideCopy
  /// Rows have been copied; the transaction is open.
  case rowsCopied
  case walkEnded
  /// Some of the names that the slice misses have been looked at again.
  case missingLookedAt
  /// All rows are sent; the final section has not begun.
  case commitReady
  /// The final section is done but for its COMMIT: the slice's and the scan's rows are locked.
  case commitUnsent
  /// Done in Postgres; the pointers that follow are not pushed.
  case commitDone
  /// The pointers for another queue are pushed; the job itself is still in flight.
  case pointersPushed
  case jobFinished

  // A slot that gives its job up: first in Postgres, then in Redis.
  /// The slice is queued again without an attempt; the job is still in flight. So it is after the next two.
  case sliceReleased
  case sliceRefused
  /// An attempt is counted.
  case sliceFailed
  case jobHandedBack
  case jobBuried

  // A slice that failed before, one directory a commit.
  /// A directory is committed; the pointers that its commit has queued are not pushed.
  case checkpointDone
  /// They are pushed, and the slice goes on.
  case checkpointPushed

  // The `finalise` slice.
  /// A page of the second look is committed.
  case removalsPageLookedAt
  /// The second look is over; there is no verdict.
  case removalsLookedAt
  /// Some of the files that have moved are found out, or of those that may have.
  case movesPageStaged
  /// All of them are; there is no verdict.
  case movesStaged
  case removalsDecided
  case moveBatchDone
  case removalBatchDone
  /// The end is not yet set.
  case endReady
  /// The scan has ended; its last job is still in flight.
  case endDone

  // A reaper.
  /// A dead worker's job is back in its queue; nothing tells of it.
  case workReturned
  case returnRecorded
  case workerForgotten
  /// A repair is recorded; the pointer that it wants is not pushed.
  case repairRecorded
  case repairPushed
  case scanMended
}

/// Where debug builds may die; see `CrashPoint`. Any thread.
@inlinable
@inline(__always)
public func crashPoint(_ point: CrashPoint) {
  #if CRASH_POINTS
    CrashOrder.own?.pass(point)
  #endif
}

#if CRASH_POINTS
  extension CrashPoint {
    /// Whether this process is to die there.
    public var isOrdered: Bool { CrashOrder.own?.isAt(self) == true }
  }
#endif
