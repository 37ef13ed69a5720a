import ArgumentParser
import JobQueue
import ScanModel

struct Queue: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what waits, is in flight and is dead on each queue; retry or drop what is dead.",
    subcommands: [QueueLengthsCommand.self, QueueDead.self], defaultSubcommand: QueueLengthsCommand.self)
}

struct QueueLengthsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what waits, is in flight and is dead on each queue.")
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let queues = try environment.queues()
    var rows: [QueueDocument] = []
    for queue in try environment.queueNames() {
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
    var found: [WorkerID: RegisteredWorker] = [:]
    for queue in try environment.queueNames() {
      for worker in try queues.workers(of: queue) { found[worker.worker] = worker }
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
