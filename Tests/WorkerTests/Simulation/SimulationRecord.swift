import JobQueue
import ScanModel

/// What went wrong in a simulation, and what was done about it.
struct SimulationRecord {
  struct Death {
    let slots: [SlotID]
    let at: Duration
  }

  /// Of workers.
  var deaths: [Death] = []
  /// Of workers that died: when each of their lists was first seen with an entry that nothing keeps there.
  var stranded: [SlotID: Duration] = [:]
  /// Workers that gave no sign of life for a while, whether or not they lived.
  var missedBeats: Set<WorkerID> = []
  /// Slices that failed by themselves.
  var failures = 0
  /// From which slots slices were taken over at the cost of an attempt.
  var attempts: [String] = []
  /// The most attempts that a claimed slice had behind it.
  var mostAttempts = 0
  /// From which slots entries were returned.
  var returned: [SlotID] = []
  /// Pointers that were pushed again, and scans that were mended.
  var repairs = 0
  /// How often a slice that failed before was worked on beside another.
  var crowded = 0
  /// When a slice was last claimed.
  var lastProgress = Duration.zero

  var deadSlots: Set<SlotID> { Set(deaths.flatMap(\.slots)) }
}
