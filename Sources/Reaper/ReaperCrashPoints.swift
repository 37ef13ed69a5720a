import CrashPoints

/// Where a reaper may die in tests: after each step that changes anything.
@inline(__always)
func crashPoint(after action: ReaperMachine.Action, _ event: ReaperMachine.Event) {
  #if CRASH_POINTS
    switch (action, event) {
    case (.reap, .reaped(.returned)): crashPoint(.workReturned)
    case (.record, .done): crashPoint(.returnRecorded)
    case (.forget, .done): crashPoint(.workerForgotten)
    case (.repair, .repaired(let slices)) where !slices.isEmpty: crashPoint(.repairRecorded)
    case (.push, .done): crashPoint(.repairPushed)
    case (.mend, .mended): crashPoint(.scanMended)
    default: break
    }
  #endif
}
