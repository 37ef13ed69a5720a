import BlockingThread
import JobQueue
import Logging
import RedisClient
import TestSupport
@testable import Worker

extension SlotPace {
  /// For libraries without a limit, or with one that nobody else shares: keys of its own on the tests' Redis.
  static func forTests(of activity: SlotActivity, prefix: String) throws -> SlotPace {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let throttle = RedisThrottle(
      connection: RedisConnection(endpoint: try RedisEndpoint(url: TestServers.redisURL())), prefix: prefix)
    return SlotPace(throttle: throttle, activity: activity, outage: Outage(of: "Redis", logger: logger), logger: logger)
  }
}
