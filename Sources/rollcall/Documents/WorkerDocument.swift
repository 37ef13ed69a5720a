import Foundation
import JobQueue
import Worker

/// A worker as `--json` shows it: its registration, and its heartbeat while it lives.
struct WorkerDocument: Encodable {
  let worker: String
  /// The exact bytes of a name that is no UTF-8, which only a stranger can have written.
  @OrNull var workerBase64: String?
  let alive: Bool
  @OrNull var startedAt: Date?
  @OrNull var heartbeat: HeartbeatLine?

  init(_ registered: RegisteredWorker) {
    let name = EscapedPath(registered.worker.bytes)
    (worker, workerBase64) = (name.path, name.pathBase64)
    alive = registered.heartbeat != nil
    startedAt = registered.registration?.startedAt
    heartbeat = registered.heartbeat.flatMap(HeartbeatLine.init)
  }

  private enum CodingKeys: String, CodingKey {
    case worker, alive, heartbeat
    case workerBase64 = "worker_base64"
    case startedAt = "started_at"
  }

  /// Newest first; of one moment in the order of their names.
  static func isNewer(_ left: WorkerDocument, _ right: WorkerDocument) -> Bool {
    let (begin, other) = (left.startedAt ?? .distantPast, right.startedAt ?? .distantPast)
    return begin == other ? left.worker < right.worker : begin > other
  }

  var cells: [String?] {
    guard let heartbeat else { return [worker, alive ? "alive" : "dead"] }
    let busy = heartbeat.slots.count { $0.state != "idle" }
    return [
      worker, "alive", heartbeat.host, "\(heartbeat.pid)", heartbeat.queues.joined(separator: ","),
      "\(busy)/\(heartbeat.slots.count)", Humane.count(Int64(clamping: heartbeat.filesPerSecond)),
      Humane.size(heartbeat.rssBytes),
    ]
  }
}

extension Int64 {
  /// The nearest whole number that fits; anybody can write a heartbeat, and whatever number is in it.
  fileprivate init(clamping number: Double) {
    self = Int64(exactly: number.rounded()) ?? (number > 0 ? .max : 0)
  }
}
