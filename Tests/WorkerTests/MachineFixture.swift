import Catalog
import Foundation
import JobQueue
import ScanModel

@testable import Worker

/// A machine in the hands of a test, which answers its actions one by one.
struct MachineUnderTest {
  private var machine: SlotMachine
  private(set) var action: SlotMachine.Action

  init(random: any RandomNumberGenerator & Sendable = LongestWaits()) {
    machine = SlotMachine(worker: .own, retryInterval: .seconds(30), random: random)
    action = machine.start()
  }

  /// Answers each action in turn; the last answer's action.
  @discardableResult
  mutating func hear(_ events: SlotMachine.Event..., stopping: Bool = false) -> SlotMachine.Action {
    for event in events { action = machine.handle(event, stopping: stopping) }
    return action
  }

  /// A machine that has taken `job`.
  static func taken(_ job: TakenJob) -> MachineUnderTest {
    var machine = MachineUnderTest()
    machine.hear(.pinged, .job(nil), .job(job))
    return machine
  }

  /// A machine that was asked to lock `job`'s slice, with the lock that it chose.
  static func locking(_ job: TakenJob = .pointer) -> (MachineUnderTest, HeldLock) {
    var machine = taken(job)
    guard case .lock(_, let lock) = machine.hear(.standing(.open(epoch: 4, queue: "q"))) else {
      preconditionFailure("an open slice is locked")
    }
    return (machine, lock)
  }

  /// A machine that asked for its turn.
  static func entering() -> (MachineUnderTest, HeldLock) {
    var (machine, lock) = locking()
    machine.hear(.locked(.claimed))
    return (machine, lock)
  }

  /// A machine that asked whether the worker that holds the slice lives.
  static func finding() -> (MachineUnderTest, HeldLock) {
    var machine = taken(.pointer)
    guard case .lock(_, let lock) = machine.hear(.standing(.open(epoch: 4, holder: .other, queue: "q"))) else {
      preconditionFailure("an open slice is locked")
    }
    machine.hear(.locked(.claimed))
    return (machine, lock)
  }

  static func claiming() -> (MachineUnderTest, HeldLock) {
    var (machine, lock) = entering()
    machine.hear(.entered(true))
    return (machine, lock)
  }

  /// A machine that works on a claimed slice.
  static func working() -> (MachineUnderTest, HeldLock, SliceClaim) {
    var (machine, lock) = claiming()
    let claim = SliceClaim.of(lock)
    machine.hear(.claimed(claim))
    return (machine, lock, claim)
  }
}

/// Jitter that never shortens a wait.
struct LongestWaits: RandomNumberGenerator, Sendable {
  func next() -> UInt64 { .max }
}

extension TakenJob {
  static let pointer = TakenJob(queue: "q", payload: QueueMessage.pointerBytes(.seven))
  static let request = TakenJob(queue: "q", payload: Array(#"{"library":"media"}"#.utf8))
  static let garbage = TakenJob(queue: "q", payload: Array("garbage".utf8))
}

extension WorkerID {
  static let own = WorkerID(name: "own", suffix: "1")
  static let other = WorkerID(name: "other", suffix: "1")
}

extension SliceID {
  static let seven = SliceID(scan: ScanID(7), number: 2)
  static let first = SliceID(scan: ScanID(7), number: 1)
  static let next = [3, 4].map { SliceID(scan: ScanID(7), number: $0) }
}

extension SliceClaim {
  /// Of a scan of which nothing is committed.
  static func beginning(_ lock: HeldLock) -> SliceClaim { of(lock, slice: .first) }

  static func of(
    _ lock: HeldLock, slice: SliceID? = nil, queue: String = "q", attempts: Int = 0
  ) -> SliceClaim {
    SliceClaim(
      slice: slice ?? lock.slice, kind: .walk, epoch: 5, claim: lock.claim, attempts: attempts, library: LibraryID(1),
      libraryName: "media", rootPath: "/media", queue: queue, rules: LibraryRules(), mode: .full, entriesSeen: 0,
      frontier: SliceFrontier())
  }
}

extension ScanRecord {
  static func with(_ status: ScanStatus) -> ScanRecord {
    ScanRecord(
      id: ScanID(7), libraryID: LibraryID(1), library: "media", rootPath: "/media", mode: .full, status: status,
      requestedBy: nil, requestedThrough: "queue", requestID: nil, requestedAt: Date(), startedAt: nil,
      completedAt: nil, counters: ScanCounters(), message: nil, errorMessage: nil, queue: "scans", maxParallel: 2)
  }
}

extension PreflightFinding {
  static let warning = PreflightFinding(.redisPersistence, .warning(advice: "write it down"), "nothing is kept")
  static let failure = PreflightFinding(.postgresRoom, .failure(advice: "make room"), "there is no room")
}
