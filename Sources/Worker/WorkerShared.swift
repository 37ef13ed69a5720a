import BlockingThread
import Logging

/// All that the threads of one worker share.
final class WorkerShared: Sendable {
  let board = HeartbeatBoard()
  let gate: SoloGate
  let stop = WorkerStop()
  let health = HealthBoard()
  let redisOutage: Outage
  let postgresOutage: Outage
  let complaints: Complaints
  /// After Redis was away heartbeats may be gone whose workers live: how long those then have to beat again before
  /// they count as dead, as for the reaper.
  let grace: Duration

  /// - Parameter lockTTL: twice as long a slot waits for those beside it that do not end.
  init(lockTTL: Duration, logger: Logger) {
    grace = min(lockTTL, .seconds(2))
    gate = SoloGate(patience: lockTTL * 2)
    redisOutage = Outage(of: "Redis", logger: logger)
    postgresOutage = Outage(of: "Postgres", logger: logger)
    complaints = Complaints(logger: logger)
  }
}
