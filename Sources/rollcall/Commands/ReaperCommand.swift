import ArgumentParser
import Reaper

struct ReaperCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reaper", abstract: "Return the work of dead workers, until told to stop.",
    discussion: """
      Every sweep_interval it looks for what dead workers have taken, and returns it to its queue. Every \
      reconcile_interval it compares Redis with Postgres, and mends what they disagree on: `rollcall events` tells \
      what. Run at least one; several do no harm. `rollcall up` and `rollcall worker --with-reaper` have one inside.
      """)
  @Option(help: "What the reaper is called; else the host's name.") var name: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions

  func run() async throws {
    let environment = try options.load(["worker_name": name])
    let reaper = try Reaper(settings: ReaperSettings(environment.configuration), logger: environment.logger)
    try await Services([.init(service: reaper)], environment).run(until: EndSignals())
  }
}

extension ReaperSettings {
  init(_ configuration: Configuration) {
    self.init(
      redisURL: configuration.redisURL, postgresURL: configuration.postgresURL, prefix: configuration.prefix,
      name: configuration.workerName, queues: configuration.queues, lockTTL: configuration.lockTTL,
      sweepInterval: configuration.sweepInterval, reconcileInterval: configuration.reconcileInterval,
      cleanupInterval: configuration.cleanupInterval, operationTimeout: configuration.operationTimeout)
  }
}
