import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// Whoever dies between any two steps costs time and nothing else.
  @Suite struct CrashPointTests {
    @Test(arguments: CrashPoint.allCases.filter { $0.victim == .worker })
    func `a worker that is killed there leaves a scan that ends exact`(point: CrashPoint) async throws {
      try await inTurn {
        let scene = try CrashScene(isLarge: point == .removalBatchDone)
        try scene.reaper()
        try scene.scan(killingAt: point.isOnlyInRescans ? nil : point, removed: nil)
        let removed = try scene.changeTree()
        try scene.scan(killingAt: point, removed: removed)
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
    case .repairRecorded, .repairPushed: try deployment.forgetKeys()
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

extension CrashPoint {
  fileprivate enum Victim { case command, worker, reaper }

  fileprivate var victim: Victim {
    switch self {
    case .scanAdmitted: .command
    case .workReturned, .returnRecorded, .workerForgotten, .repairRecorded, .repairPushed, .scanMended: .reaper
    default: .worker
    }
  }

  /// What a scan that finds nothing gone never passes.
  fileprivate var isOnlyInRescans: Bool {
    [.removalsLookedAt, .removalsDecided, .removalBatchDone].contains(self)
  }

  /// Where a worker must have died before, so that a slice that failed is walked.
  fileprivate var forerunner: CrashPoint? { self == .checkpointDone ? .walkEnded : nil }

  /// Whether the scan is not yet, or no longer, `running` when it is passed for the first time.
  fileprivate var isOutsideTheScan: Bool {
    switch self {
    case .scanAdmitted, .jobTaken, .requestAdmitted, .pointersPushed, .jobFinished, .sliceInspected, .sliceLocked,
      .endDone:
      true
    default: false
    }
  }
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

  /// A scan whose only worker dies at `point`; then another one comes.
  func scan(killingAt point: CrashPoint?, removed: Int?) throws {
    let last = try scene.scan()?.id ?? 0
    let first = point?.forerunner ?? point
    if let first { try scene.worker("victim", slots: 1, queues: Self.queues, crash: first.rawValue) }
    try scene.deployment.redis(["LPUSH", scene.deployment.key("queue"), #"{"library":"x","request_id":"\#(last)"}"#])
    if let point, first != point {
      try scene.waitForCrash(of: "victim")
      try scene.worker("victim", slots: 1, queues: Self.queues, crash: point.rawValue)
    }
    if let point {
      try scene.waitForCrash(of: "victim")
      let status = try scene.scan().flatMap { $0.id > last ? $0.status : nil }
      guard point.isOutsideTheScan || status == "running" else {
        throw scene.broken("killed at \(point) while the scan was \(status ?? "not there")")
      }
    }
    let other = try scene.worker("other-\(last)", queues: Self.queues)
    try scene.wait("the scan begins") { try scene.scan().map { $0.id > last } ?? false }
    try scene.expectExactEnd(removed: removed)
    other.send(SIGTERM)
    _ = try other.wait()
  }
}
