import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// Workers that are told to stop, or are killed, in the middle of a long second look.
  @Suite struct SecondLookTests {
    /// Of a slice that walks, and of the slice that ends the scan.
    private static let points = [CrashPoint.missingLookedAt, .removalsPageLookedAt]

    /// More names in one slice than two parts of either look hold.
    private static func scene() throws -> StrippedScene {
      try StrippedScene(directories: 30, files: 900, stripped: 10, settings: FaultScene.hasty)
    }

    @Test(arguments: points)
    func `a worker that is told to stop between two parts of a look hands the slice back`(
      point: CrashPoint
    ) async throws {
      try await inTurn {
        let stripped = try Self.scene()
        let scene = stripped.scene
        let worker = try stripped.begin("stopped", crash: "stop:\(point.rawValue):2")
        try scene.wait("it stands between two parts") { try worker.isStopped() }
        guard let middle = try scene.middle(), middle.holds("stopped") else { throw scene.broken("it holds no slice") }
        worker.send(SIGTERM)
        worker.send(SIGCONT)
        let code = try worker.wait().code
        guard code == 0 else { throw scene.broken("it ended with \(code)") }
        try scene.expectHandedBack()
        try scene.worker("other")
        let scan = try stripped.expectExactEnd()
        guard scan.slices_redone == 0 else { throw scene.broken("\(scan.slices_redone) slices ran twice") }
        try scene.expectNoAttempts()
      }
    }

    @Test(arguments: points)
    func `a worker that is killed between two parts of a look leaves a scan that ends exact`(
      point: CrashPoint
    ) async throws {
      try await inTurn {
        let stripped = try Self.scene()
        try stripped.scene.reaper()
        _ = try stripped.begin("victim", crash: "\(point.rawValue):2")
        try stripped.scene.waitForCrash(of: "victim")
        guard try stripped.scene.scan()?.status == "running" else { throw stripped.scene.broken("no running scan") }
        try stripped.scene.worker("other", slots: 1)
        let scan = try stripped.expectExactEnd()
        guard scan.slices_redone == 1 else { throw stripped.scene.broken("\(scan.slices_redone) slices ran twice") }
      }
    }

    @Test func `a look that gets on is not given up, however often its worker is killed`() async throws {
      try await inTurn {
        let stripped = try Self.scene()
        let scene = stripped.scene
        try scene.reaper()
        let order = CrashPoint.removalsPageLookedAt.rawValue
        let unlooked =
          "SELECT 1 FROM staged_removals r JOIN slices s USING (scan_id) WHERE r.row_id > s.looked_row LIMIT 1"
        _ = try stripped.begin("victim", crash: order)
        // As often as a scan's attempts, and once more.
        for death in 1...4 {
          try scene.waitForCrash(of: "victim")
          guard try scene.scan()?.status == "running" else { throw scene.broken("given up after \(death) deaths") }
          guard try !scene.deployment.database.query(unlooked).isEmpty else { throw scene.broken("the look was over") }
          try scene.worker(death < 4 ? "victim" : "other", slots: 1, crash: death < 4 ? order : nil)
        }
        let scan = try stripped.expectExactEnd()
        guard scan.slices_redone == 4 else { throw scene.broken("\(scan.slices_redone) slices ran twice") }
      }
    }
  }
}

extension FaultScene {
  /// Nobody holds a slice or a job of the running scan, which waits in its queue; no attempt was counted.
  fileprivate func expectHandedBack() throws {
    guard let middle = try middle(), middle.claims.isEmpty, middle.open > 0 else {
      throw broken("a slice is held, or the scan is not running")
    }
    let keys = try deployment.keys().filter { $0 != "queue" && !$0.hasPrefix("worker") }
    guard keys.isEmpty else { throw broken("left in Redis: \(keys)") }
    let attempts = try deployment.database.query("SELECT number, attempts FROM slices WHERE attempts > 0")
    guard attempts.isEmpty else { throw broken("attempts are shown: \(attempts)") }
    try expectNoAttempts()
  }
}
