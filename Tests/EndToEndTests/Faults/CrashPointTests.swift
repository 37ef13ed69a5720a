import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// Whoever dies between any two steps costs time and nothing else.
  @Suite struct CrashPointTests {
    @Test(arguments: Kill.allOfWorkers)
    fileprivate func `a worker that is killed there leaves a scan that ends exact`(kill: Kill) async throws {
      try await inTurn {
        let scene = try CrashScene(isLarge: kill.point == .removalBatchDone)
        try scene.reaper()
        try scene.scan(kill.point.isOnlyInRescans ? nil : Kill(point: kill.point), removed: nil)
        try scene.scene.noteIDs()
        let removed = try scene.changeTree()
        try scene.scan(kill, removed: removed)
        try scene.scene.expectIDsKept()
      }
    }

    @Test func `a worker that is killed after it pushed what a checkpoint queued leaves a scan that ends exact`()
      async throws
    {
      try await inTurn {
        let scene = try FaultScene(ForestTree(), settings: FaultScene.hasty)
        try scene.worker("victim", slots: 1, crash: "\(CrashPoint.walkEnded.rawValue):3")
        try scene.requestScan()
        try scene.waitForCrash(of: "victim")
        try scene.leaveNothingQueuedButDeadWork()
        try scene.worker("careful", slots: 1, crash: CrashPoint.checkpointPushed.rawValue)
        try scene.waitForCrash(of: "careful")
        guard try scene.scan()?.status == "running" else { throw scene.broken("the scan was not running") }
        let length = try scene.deployment.redis(["LLEN", scene.deployment.key("queue")])
        guard length != "0" else { throw scene.broken("nothing was pushed") }
        try scene.reaper()
        try scene.worker("other")
        try scene.expectExactEnd()
      }
    }

    @Test(arguments: CrashPoint.allCases.filter { $0.victim == .reaper })
    func `a reaper that is killed there leaves a scan that ends exact`(point: CrashPoint) async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree(), settings: FaultScene.hasty)
        try scene.worker("victim")
        try scene.requestScan()
        try scene.duringScan(when: { $0.holds("victim") }) { _ in try scene.makeWork(forReaperAt: point) }
        try scene.reaper("reaper-victim", crash: point.rawValue)
        try scene.waitForCrash(of: "reaper-victim")
        guard try scene.scan()?.status == "running" else { throw scene.broken("the scan was not running") }
        if scene.isRunning("victim") { try scene.thaw("victim") }
        try scene.reaper()
        try scene.worker("other")
        try scene.expectExactEnd()
      }
    }

    @Test func `a command that is killed after its scan was admitted leaves a scan that ends exact`() async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree(directories: 20), settings: FaultScene.hasty)
        try scene.worker("other")
        try scene.reaper()
        let command = try scene.deployment.start(
          ["scan", "x"], more: ["ROLLCALL_CRASH_AT": CrashPoint.scanAdmitted.rawValue],
          build: RollcallBinary.debugPath())
        guard try command.wait().code == 128 + SIGKILL else { throw scene.broken("the command was not killed") }
        try scene.expectExactEnd()
      }
    }
  }
}

extension FaultScene {
  /// Something for a reaper to do, so that it passes `point`; every process stands still.
  fileprivate func makeWork(forReaperAt point: CrashPoint) throws {
    switch point {
    case .repairRecorded, .repairPushed:
      // Or it might end the scan while nobody looks.
      try freeze("victim")
      try deployment.forgetKeys()
    case .scanMended:
      try kill("victim")
      // As a release before this one may leave it: nothing is queued any more, and nobody promotes.
      try deployment.database.query(
        """
        UPDATE slices SET state = 'ready', claim = NULL, worker = NULL, queued_by = NULL
         WHERE state IN ('queued', 'running')
        """)
    default: try kill("victim")
    }
  }
}

extension FaultScene {
  /// Every slice waits to be promoted but that of a worker that has died, whose pointer alone is queued: so that
  /// a checkpoint has something to push.
  fileprivate func leaveNothingQueuedButDeadWork() throws {
    try wait("the dead one's lock and heartbeat have ended") {
      try !deployment.keys().contains { $0.hasPrefix("lock:") || $0.hasPrefix("worker:") }
    }
    guard let claim = try middle()?.claims.first else { throw broken("nobody held a slice") }
    try deployment.database.query(
      "UPDATE slices SET state = 'ready', claim = NULL, worker = NULL, queued_by = NULL WHERE state = 'queued'")
    let queue = deployment.key("queue")
    try deployment.redis(["DEL", queue])
    try deployment.redis(["LPUSH", queue, #"{"v":1,"slice":"\#(claim.scan)/\#(claim.number)"}"#])
  }
}

/// Where a worker dies, and at which pass of it.
private struct Kill: CustomTestStringConvertible {
  let point: CrashPoint
  var pass = 1

  var testDescription: String { order }
  /// As `ROLLCALL_CRASH_AT` takes it.
  var order: String { "\(point.rawValue):\(pass)" }

  /// For rescans: what a job passes before its scan is `running` is met at a later job.
  static var allOfWorkers: [Kill] {
    let points = CrashPoint.allCases.filter { $0.victim == .worker }
    return points.map { Kill(point: $0, pass: $0.passOfRunningScan) } + [Kill(point: .removalBatchDone, pass: 2)]
  }

  /// How the scan stands when the worker has died; `nil`: it is not there yet.
  var status: String? {
    if pass == 1 {
      switch point {
      case .jobTaken: return nil
      case .requestAdmitted, .pointersPushed, .jobFinished, .sliceInspected, .sliceLocked: return "pending"
      case .endDone: return "completed"
      default: break
      }
    }
    return "running"
  }
}

extension CrashPoint {
  fileprivate enum Victim { case command, worker, workerInTrouble, reaper }

  fileprivate var victim: Victim {
    switch self {
    case .scanAdmitted: .command
    case .workReturned, .returnRecorded, .workerForgotten, .repairRecorded, .repairPushed, .scanMended: .reaper
    case .checkpointPushed: .workerInTrouble
    default: isOfGivingUp ? .workerInTrouble : .worker
    }
  }

  fileprivate var passOfRunningScan: Int {
    switch self {
    case .jobTaken: 3
    case .jobFinished, .sliceInspected, .sliceLocked: 2
    default: 1
    }
  }

  /// What a scan that finds nothing gone never passes.
  fileprivate var isOnlyInRescans: Bool {
    [
      .missingLookedAt, .removalsPageLookedAt, .removalsLookedAt, .movesPageStaged, .movesStaged, .removalsDecided,
      .moveBatchDone, .removalBatchDone,
    ].contains(self)
  }

  /// Where a worker must have died before, so that a slice that failed is walked.
  fileprivate var forerunner: CrashPoint? { self == .checkpointDone ? .walkEnded : nil }
}

/// A library whose requests come through another queue than its own, so that a job's every step is taken.
private struct CrashScene {
  let scene: FaultScene
  var tree: ForestTree { scene.tree }
  private let groves: Int
  private static let queues = "default,other"

  /// - Parameter isLarge: so that its removals are more than one batch.
  init(isLarge: Bool) throws {
    let tree = try isLarge ? ForestTree(directories: 240, files: 50) : ForestTree(directories: 60, files: 20)
    scene = try FaultScene(tree, settings: FaultScene.hasty, rules: ["--queue", "other"])
    groves = isLarge ? 11 : 1
  }

  /// - Returns: how many files are gone; less than half of them.
  func changeTree() throws -> Int {
    let felled = try (2..<2 + groves).reduce(0) { try $0 + tree.fell(grove: $1) }
    return try felled + tree.change()
  }

  func reaper() throws { try scene.reaper(more: ["ROLLCALL_QUEUES": Self.queues]) }

  /// A scan whose only worker dies; then another one comes.
  func scan(_ kill: Kill?, removed: Int?) throws {
    let last = try scene.scan()?.id ?? 0
    let first = kill?.point.forerunner?.rawValue ?? kill?.order
    if let first { try scene.worker("victim", slots: 1, queues: Self.queues, crash: first) }
    try scene.deployment.redis(["LPUSH", scene.deployment.key("queue"), #"{"library":"x","request_id":"\#(last)"}"#])
    if let kill {
      if first != kill.order {
        try scene.waitForCrash(of: "victim")
        try scene.worker("victim", slots: 1, queues: Self.queues, crash: kill.order)
      }
      try scene.waitForCrash(of: "victim")
      let status = try scene.scan().flatMap { $0.id > last ? $0.status : nil }
      guard status == kill.status else {
        throw scene.broken("killed at \(kill.order) while the scan was \(status ?? "not there")")
      }
    }
    let other = try scene.worker("other-\(last)", queues: Self.queues)
    try scene.wait("the scan begins") { try scene.scan().map { $0.id > last } ?? false }
    try scene.expectExactEnd(removed: removed)
    other.send(SIGTERM)
    _ = try other.wait()
  }
}
