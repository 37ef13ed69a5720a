import BlockingThread
import Logging

/// All that the threads of one worker share.
final class WorkerShared: Sendable {
  let board = HeartbeatBoard()
  let gate = SoloGate()
  let stop = WorkerStop()
  let redisOutage: Outage
  let postgresOutage: Outage
  let complaints: Complaints

  init(logger: Logger) {
    redisOutage = Outage(of: "Redis", logger: logger)
    postgresOutage = Outage(of: "Postgres", logger: logger)
    complaints = Complaints(logger: logger)
  }
}
