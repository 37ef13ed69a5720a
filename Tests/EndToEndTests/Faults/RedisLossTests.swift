import Foundation
import TestSupport
import Testing

extension Faults {
  /// Redis forgets, ends, stands still or cannot be heard, in the middle of a scan and before its first slice
  /// is taken.
  @Suite struct RedisLossTests {
    enum Loss: String, CaseIterable {
      case flushAll, scriptFlush, restartedEmpty

      func strike(_ redis: PrivateRedis, _ scene: FaultScene) throws {
        switch self {
        case .flushAll: try scene.deployment.redis(["FLUSHALL"])
        case .scriptFlush: try scene.deployment.redis(["SCRIPT", "FLUSH"])
        case .restartedEmpty:
          redis.stop()
          try redis.start()
        }
      }
    }

    @Test(arguments: Loss.allCases)
    func `what Redis forgets in the middle of a scan is found again`(loss: Loss) async throws {
      try await inTurn {
        let redis = try PrivateRedis()
        let scene = try FaultScene(ForestTree(), redis: redis.url, settings: FaultScene.calm)
        try scene.reaper()
        try scene.worker("one")
        try scene.worker("two")
        try scene.requestScan()
        try scene.duringScan { _ in try loss.strike(redis, scene) }
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }

    @Test(arguments: Loss.allCases)
    func `what Redis forgets before a scan's first slice is taken is found again`(loss: Loss) async throws {
      try await inTurn {
        let redis = try PrivateRedis()
        let scene = try FaultScene(ForestTree(directories: 40), redis: redis.url)
        try scene.requestScan()
        guard try scene.scan()?.status == "pending" else { throw scene.broken("the scan is not pending") }
        try loss.strike(redis, scene)
        try scene.reaper()
        try scene.worker("one")
        try scene.expectExactEnd()
      }
    }

    enum Trouble: String, CaseIterable {
      case clientKill, pauseBeyondTheLock, sleepBeyondTheLock

      var settings: [String: String] { self == .clientKill ? FaultScene.calm : FaultScene.slow }

      /// - Returns: whoever waits for Redis to wake: the others are not to stand still meanwhile.
      func strike(_ redis: PrivateRedis, _ scene: FaultScene) throws -> ChildProcess? {
        let time = FaultScene.beyondLock
        switch self {
        case .clientKill: try scene.deployment.redis(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        case .pauseBeyondTheLock: try scene.deployment.redis(["CLIENT", "PAUSE", "\(time.milliseconds)", "ALL"])
        case .sleepBeyondTheLock:
          return try ChildProcess(["redis-cli", "-s", redis.socket, "DEBUG", "SLEEP", "\(time / .seconds(1))"])
        }
        return nil
      }
    }

    @Test(arguments: Trouble.allCases)
    func `a Redis that drops its clients or keeps them waiting costs time only`(trouble: Trouble) async throws {
      try await inTurn {
        let redis = try PrivateRedis()
        let scene = try FaultScene(ForestTree(), redis: redis.url, settings: trouble.settings)
        try scene.reaper()
        try scene.worker("one")
        try scene.worker("two")
        try scene.requestScan()
        let waiting = try scene.duringScan { _ in try trouble.strike(redis, scene) }
        _ = try waiting?.wait()
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }

    @Test func `a Redis that goes silent on every connection is left for a new one`() async throws {
      try await inTurn {
        let redis = try PrivateRedis()
        let proxy = try FlakyProxy(to: redis.socket)
        let scene = try FaultScene(ForestTree(), redis: redis.url, settings: FaultScene.slow)
        let throughProxy = ["ROLLCALL_REDIS_URL": "redis://127.0.0.1:\(proxy.port)/0"]
        try scene.reaper()
        try scene.worker("one", more: throughProxy)
        try scene.worker("two", more: throughProxy)
        try scene.requestScan()
        try scene.duringScan { _ in proxy.become(.silent) }
        // By then others may have what these two hold.
        Thread.sleep(forTimeInterval: FaultScene.beyondLock / .seconds(1))
        proxy.become(.passing)
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }
  }
}
