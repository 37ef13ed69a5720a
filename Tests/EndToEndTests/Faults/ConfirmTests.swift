import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// Workers that die, or stand still, at the steps of a scan whose removals were confirmed; and scans that are
  /// cancelled at them.
  @Suite struct ConfirmTests {
    /// A scan that holds the removal of all that is gone; no worker is left.
    private static func heldScene() throws -> StrippedScene {
      let stripped = try StrippedScene(directories: 40, files: 30, stripped: 10, settings: FaultScene.hasty)
      let scene = stripped.scene
      try scene.deployment.succeed(["library", "set", "x", "--removal-limit", "0", "--removal-limit-percent", "0"])
      let holder = try scene.worker("holder")
      try scene.requestScan()
      let held = try scene.endedScan()
      guard held.status == "partial", held.files_removed == 0 else { throw scene.broken("nothing is held") }
      holder.send(SIGTERM)
      _ = try holder.wait()
      return stripped
    }

    @Test(arguments: [
      CrashPoint.sliceClaimed, .removalsPageLookedAt, .removalsLookedAt, .removalsDecided, .removalBatchDone, .endReady,
      .endDone,
    ])
    func `a worker that is killed while it removes what was confirmed leaves a scan that ends exact`(
      point: CrashPoint
    ) async throws {
      try await inTurn {
        let stripped = try Self.heldScene()
        let scene = stripped.scene
        try scene.reaper()
        try scene.worker("victim", slots: 1, crash: point.rawValue)
        try scene.deployment.succeed(["confirm", "2"])
        try scene.waitForCrash(of: "victim")
        let status = try scene.scan()?.status
        guard status == (point == .endDone ? "completed" : "running") else {
          throw scene.broken("the scan was \(status ?? "not there")")
        }
        try scene.worker("other")
        let scan = try stripped.expectExactEnd()
        guard scan.id == 2 else { throw scene.broken("scan \(scan.id) is another one") }
      }
    }

    @Test func `a confirmation whose pointer was lost is carried out all the same`() async throws {
      try await inTurn {
        let stripped = try Self.heldScene()
        let scene = stripped.scene
        try scene.deployment.succeed(["confirm", "2"])
        try scene.deployment.forgetKeys()
        try scene.reaper()
        try scene.worker("other")
        try stripped.expectExactEnd()
      }
    }

    /// Of a scan that looks for the first time, and of one that was confirmed.
    @Test(arguments: [false, true])
    func `a scan that is cancelled before its verdict removes nothing, though its worker wakes after`(
      isConfirmed: Bool
    ) async throws {
      try await inTurn {
        let stripped = try Self.heldScene()
        let scene = stripped.scene
        try scene.worker("sleeper", slots: 1, crash: "stop:\(CrashPoint.removalsLookedAt.rawValue)")
        try scene.deployment.succeed(isConfirmed ? ["confirm", "2"] : ["scan", "x"])
        let sleeper = try scene.process("sleeper")
        try scene.wait("the sleeper stands still") { try sleeper.isStopped() }
        try scene.deployment.succeed(["cancel", "x"])
        sleeper.send(SIGCONT)
        try scene.wait("the sleeper notices") { try scene.everySlotIsIdle(of: "sleeper") }
        let scan = try scene.endedScan()
        let live = "SELECT count(*) FROM files WHERE removed_at IS NOT NULL"
        guard scan.status == (isConfirmed ? "partial" : "cancelled"), scan.files_removed == 0,
          try scene.deployment.database.query(live) == ["0"]
        else { throw scene.broken("something was removed") }
        // It is found again. What scans before have staged is for a reaper to drop.
        try scene.reaper()
        if isConfirmed {
          try scene.deployment.succeed(["confirm", "2"])
        } else {
          try scene.deployment.succeed(["library", "set", "x", "--removal-limit", "10000"])
          try scene.requestScan()
        }
        try stripped.expectExactEnd()
      }
    }

    @Test(arguments: [CrashPoint.removalsDecided, .removalBatchDone, .endReady])
    func `a scan that has its verdict is not cancelled any more`(point: CrashPoint) async throws {
      try await inTurn {
        let stripped = try Self.heldScene()
        let scene = stripped.scene
        try scene.worker("sleeper", slots: 1, crash: "stop:\(point.rawValue)")
        try scene.deployment.succeed(["confirm", "2"])
        let sleeper = try scene.process("sleeper")
        try scene.wait("the sleeper stands still") { try sleeper.isStopped() }
        let ended = try scene.deployment.run(["cancel", "x"])
        guard ended.code == 1, ended.errors.contains("decided on its removals") else {
          throw scene.broken("cancel ended with \(ended.code): \(ended.errors)")
        }
        sleeper.send(SIGCONT)
        try scene.reaper()
        try stripped.expectExactEnd()
      }
    }
  }
}
