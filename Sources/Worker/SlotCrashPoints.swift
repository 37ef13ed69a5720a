import CrashPoints

/// Where a slot may die in tests: after each step of a job, before the next one is even chosen.
@inline(__always)
func crashPoint(after action: SlotMachine.Action, _ event: SlotMachine.Event) {
  #if CRASH_POINTS
    switch (action, event) {
    case (.take, .job(.some)): crashPoint(.jobTaken)
    case (.admit, .admitted): crashPoint(.requestAdmitted)
    case (.inspect, .standing(.open)): crashPoint(.sliceInspected)
    case (.lock, .locked(.claimed)): crashPoint(.sliceLocked)
    case (.claim, .claimed(.some)): crashPoint(.sliceClaimed)
    case (.work(let claim), .worked(.committed)): crashPoint(claim.kind == .walk ? .commitDone : .endDone)
    case (.finish, .settled): crashPoint(.jobFinished)
    case (.release, .ceded(.requeued)): crashPoint(.sliceReleased)
    case (.refuse, .ceded(.requeued)): crashPoint(.sliceRefused)
    case (.fail, .ceded(.requeued)): crashPoint(.sliceFailed)
    case (.handBack, .settled): crashPoint(.jobHandedBack)
    case (.bury, .settled): crashPoint(.jobBuried)
    default: break
    }
  #endif
}
