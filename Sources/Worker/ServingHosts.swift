import Foundation
import JobQueue

/// Which hosts have a live worker that serves a queue, by their heartbeats. The slot's thread owns it.
final class ServingHosts {
  private let inspector: RedisQueues
  private let ownHost: String

  init(inspector: RedisQueues, ownHost: String) {
    self.inspector = inspector
    self.ownHost = ownHost
  }

  /// This host is always among them.
  func of(queue: String) throws(QueueError) -> [String] {
    var hosts: Set = [ownHost]
    for worker in try inspector.workers(of: queue) {
      guard let line = worker.heartbeat else { continue }
      if let heartbeat = HeartbeatLine(json: line) { hosts.insert(heartbeat.host) }
    }
    return hosts.sorted()
  }
}
