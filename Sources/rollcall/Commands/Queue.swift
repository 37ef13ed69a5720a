import ArgumentParser
import Foundation
import JobQueue
import Worker

struct Queue: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show what waits, is in flight and is dead on each queue.")
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let queues = try environment.queues()
    var rows: [QueueDocument] = []
    for queue in try environment.queueNames(try environment.catalog()) {
      let lengths = try queues.lengths(of: queue)
      let workers = try queues.workers(of: queue)
      rows.append(
        QueueDocument(
          queue: queue, waiting: lengths.waiting, inFlight: try queues.inflightCount(of: workers, in: queue),
          dead: lengths.dead, workersAlive: workers.count { $0.heartbeat != nil }))
    }
    if output.json {
      var array = JSONArrayWriter(.output)
      for row in rows { try array.append(row) }
      return try array.finish()
    }
    var table = Table([
      .text("QUEUE"), .number("WAITING"), .number("IN FLIGHT"), .number("DEAD"), .number("WORKERS"),
    ])
    for row in rows {
      table.append(
        [row.queue] + [row.waiting, row.inFlight, row.dead, row.workersAlive].map { Humane.count(Int64($0)) })
    }
    try environment.print(table.lines)
  }
}

struct Workers: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the workers of all queues and what they are at.")
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let queues = try environment.queues()
    var found: [String: RegisteredWorker] = [:]
    for queue in try environment.queueNames(try environment.catalog()) {
      for worker in try queues.workers(of: queue) { found["\(worker.worker)"] = worker }
    }
    let workers = found.values.map(WorkerDocument.init).sorted(by: WorkerDocument.isNewer)
    if output.json {
      var array = JSONArrayWriter(.output)
      for worker in workers { try array.append(worker) }
      return try array.finish()
    }
    var table = Table([
      .text("WORKER"), .text("STATE"), .text("HOST"), .number("PID"), .text("QUEUES"), .number("BUSY"),
      .number("FILES/S"), .number("MEMORY"),
    ])
    for worker in workers { table.append(worker.cells) }
    try environment.print(table.isEmpty ? ["No workers: start one with `rollcall worker`"] : table.lines)
  }
}

/// A worker as `--json` shows it: its registration, and its heartbeat while it lives.
struct WorkerDocument: Encodable {
  let worker: String
  let alive: Bool
  @OrNull var startedAt: Date?
  @OrNull var heartbeat: HeartbeatLine?

  init(_ registered: RegisteredWorker) {
    worker = "\(registered.worker)"
    alive = registered.heartbeat != nil
    startedAt = registered.registration?.startedAt
    heartbeat = registered.heartbeat.flatMap(HeartbeatLine.init)
  }

  private enum CodingKeys: String, CodingKey {
    case worker, alive, heartbeat
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
