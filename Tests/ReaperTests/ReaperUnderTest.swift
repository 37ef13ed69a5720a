import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Reaper

/// A machine in the hands of a test, which answers its actions one by one and moves its clock.
struct ReaperUnderTest {
  private(set) var machine: ReaperMachine
  private(set) var action: ReaperMachine.Action
  private(set) var now = Duration.zero

  init(queues: [String] = ["q"]) {
    let pace = ReaperPace(sweep: .seconds(2), reconcile: .seconds(30), cleanup: .seconds(300), lockTTL: .seconds(10))
    machine = ReaperMachine(pace: pace, queues: queues, random: LongestWaits())
    action = machine.start(now: .zero)
  }

  /// Answers each action in turn; the last answer's action.
  @discardableResult
  mutating func hear(
    _ events: ReaperMachine.Event..., after wait: Duration = .zero, stopping: Bool = false
  ) -> ReaperMachine.Action {
    for event in events {
      now += wait
      action = machine.handle(event, now: now, stopping: stopping)
    }
    return action
  }

  /// Answers from now on what makes no work, until the machine asks for something that `isWanted`.
  @discardableResult
  mutating func pass(until isWanted: (ReaperMachine.Action) -> Bool) -> ReaperMachine.Action {
    for _ in 0..<1000 {
      if isWanted(action) { return action }
      if case .wait(let duration) = action { hear(.waited, after: duration) } else { hear(action.calm) }
    }
    Issue.record("never asked for; the last is \(action)")
    return action
  }

  /// The same until it rests; how long.
  @discardableResult
  mutating func rest() -> Duration {
    guard case .wait(let duration) = pass(until: { if case .wait = $0 { true } else { false } }) else { return .zero }
    return duration
  }

  /// Goes on from a rest to the look at `queue`.
  mutating func look() {
    if case .wait(let duration) = action { hear(.waited, after: duration) }
    pass { if case .look = $0 { true } else { false } }
  }

  /// A machine that has begun a round and reads the workers of queue "q".
  static func looking() -> ReaperUnderTest {
    var reaper = ReaperUnderTest()
    reaper.look()
    return reaper
  }

  /// One that has missed the pointers of these slices, and rests.
  static func suspecting(_ slices: [OpenSlice]) -> ReaperUnderTest {
    var reaper = looking()
    reaper.pass { if case .pageSlices = $0 { true } else { false } }
    reaper.hear(.openSlices(slices))
    reaper.hear(.missing(slices.map(\.slice)))
    reaper.rest()
    return reaper
  }
}

extension ReaperMachine.Action {
  /// The answer after which there is nothing to do.
  var calm: ReaperMachine.Event {
    switch self {
    case .mark: .marked(wasThere: true)
    case .discover: .discovered(Discovery(queues: [], next: nil))
    case .listQueues: .queues([])
    case .look: .workers(WorkerPage(workers: [], next: nil))
    case .read: .entries([])
    case .reap: .reaped(.gone)
    case .pageSlices: .openSlices([])
    case .suspect, .confirm: .missing([])
    case .repair: .repaired([])
    case .pageScans: .adrift([])
    case .mend: .mended([])
    case .forget, .record, .push, .dropLeftSlices: .done
    case .wait, .stop: .waited
    }
  }
}

/// Jitter that never shortens a wait.
struct LongestWaits: RandomNumberGenerator, Sendable {
  func next() -> UInt64 { .max }
}

extension WorkerID {
  static let anna = WorkerID(name: "anna", suffix: "1")
}

extension SweptWorker {
  static let dead = SweptWorker(worker: .anna, slots: 1, isAlive: false)
  static let alive = SweptWorker(worker: .anna, slots: 1, isAlive: true)
}

extension SlotID {
  static let first = SlotID(worker: .anna, index: 0)
}

extension SliceID {
  static func number(_ number: Int32) -> SliceID { SliceID(scan: ScanID(7), number: number) }
}

extension OpenSlice {
  static func with(_ number: Int32, _ state: SliceState = .queued, queue: String = "q") -> OpenSlice {
    OpenSlice(slice: .number(number), queue: queue, state: state, epoch: 1)
  }
}

extension InflightEntry {
  static func pointer(_ number: Int32 = 1, isLocked: Bool = false) -> InflightEntry {
    let slice = SliceID.number(number)
    return InflightEntry(
      queue: "q", slot: .first, payload: QueueMessage.pointerBytes(slice), slice: slice, isLocked: isLocked)
  }

  static let request = InflightEntry(
    queue: "q", slot: .first, payload: Array(#"{"library":"x"}"#.utf8), slice: nil, isLocked: false)
}
