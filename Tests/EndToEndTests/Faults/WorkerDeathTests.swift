import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// Workers that are killed or stand still in the middle of a scan.
  @Suite struct WorkerDeathTests {
    @Test(arguments: [true, false])
    func `another worker does what a killed one had begun`(isQuick: Bool) async throws {
      try await inTurn(isLong: !isQuick) {
        let scene = try FaultScene(ForestTree(directories: 400), settings: isQuick ? FaultScene.quick : [:])
        try scene.reaper()
        try scene.worker("victim")
        try scene.worker("other")
        try scene.requestScan()
        let killed = try scene.duringScan(when: { $0.holds("victim") }) { middle in
          try scene.kill("victim")
          return (middle.claims(of: "victim"), ContinuousClock.now)
        }
        let recovery = try scene.timeUntilClaimedAgain(killed.0, since: killed.1)
        print("a killed worker's slices ran again after \(recovery), with \(isQuick ? "a lock of 2 s" : "defaults")")
        let scan = try scene.expectExactEnd()
        guard scan.slices_redone >= 1 else { throw scene.broken("no slice is counted as redone") }
      }
    }

    @Test func `when all workers are killed, one that comes later ends the scan`() async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree())
        try scene.reaper()
        try scene.worker("first")
        try scene.worker("second")
        try scene.requestScan()
        try scene.duringScan { _ in
          try scene.kill("first")
          try scene.kill("second")
        }
        try scene.worker("third")
        let scan = try scene.expectExactEnd()
        guard scan.slices_redone >= 1 else { throw scene.broken("no slice is counted as redone") }
      }
    }

    @Test func `a reaper that was killed too goes on when it is started again`() async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree())
        try scene.reaper()
        try scene.worker("victim")
        try scene.worker("other")
        try scene.requestScan()
        try scene.duringScan(when: { $0.holds("victim") }) { _ in
          try scene.kill("reaper")
          try scene.kill("victim")
        }
        try scene.reaper("again")
        let scan = try scene.expectExactEnd()
        guard scan.slices_redone >= 1 else { throw scene.broken("no slice is counted as redone") }
      }
    }

    @Test func `a worker that slept through its lock changes nothing when it wakes`() async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree())
        try scene.reaper()
        try scene.worker("sleeper")
        try scene.worker("other")
        try scene.requestScan()
        let claims = try scene.duringScan(when: { $0.holds("sleeper") }) { middle in
          try scene.freeze("sleeper")
          return middle.claims(of: "sleeper")
        }
        _ = try scene.timeUntilClaimedAgain(claims, since: .now)
        try scene.thaw("sleeper")
        try scene.wait("the sleeper notices") { try scene.everySlotIsIdle(of: "sleeper") }
        let scan = try scene.expectExactEnd()
        guard scan.slices_redone >= 1 else { throw scene.broken("no slice is counted as redone") }
      }
    }

    @Test(arguments: [CrashPoint.insideCopy, .commitReady, .commitUnsent])
    func `nobody waits for a worker that is frozen inside its transaction`(point: CrashPoint) async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree(directories: 60))
        try scene.reaper()
        let sleeper = try scene.worker("sleeper", slots: 1, crash: "stop:\(point.rawValue)")
        try scene.requestScan()
        try scene.wait("the sleeper stands still") { try sleeper.isStopped() }
        guard let middle = try scene.middle(), middle.holds("sleeper") else {
          throw scene.broken("it does not stand in a slice of a running scan")
        }
        try scene.worker("other")
        let recovery = try scene.timeUntilClaimedAgain(middle.claims, since: .now)
        print("a slice frozen at \(point) ran again after \(recovery)")
        try scene.expectExactEnd()
        guard try sleeper.isStopped() else { throw scene.broken("the scan waited for the sleeper") }
        sleeper.send(SIGCONT)
        try scene.wait("the sleeper notices") { try scene.everySlotIsIdle(of: "sleeper") }
        try scene.expectExactEnd()
      }
    }
  }
}
