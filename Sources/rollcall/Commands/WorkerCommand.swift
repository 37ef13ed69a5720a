import ArgumentParser
import Worker

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Run scans until told to stop.",
    discussion: """
      SIGTERM, SIGHUP or Ctrl-C hands the work back and ends within two seconds. A second signal, or shutdown_timeout \
      after the first, ends the process at once, as kill -9 does: what its slots had in hand is then left, and this \
      release has no reaper that returns it.
      """)
  @OptionGroup var slots: SlotsOption
  @Option(help: ArgumentHelp("The queues to serve, the most urgent first.", valueName: "a,b"))
  var queues: String?
  @Option(help: "What the worker is called; else the host's name.") var name: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions

  func run() async throws {
    let environment = try options.load(["slots": slots.slots, "queues": queues, "worker_name": name])
    let worker = try Worker(settings: WorkerSettings(environment.configuration), logger: environment.logger)
    try await Services([.init(service: worker)], environment).run(until: EndSignals())
  }
}

struct SlotsOption: ParsableArguments {
  @Option(help: ArgumentHelp("How many jobs to run at once; else the number of cores.", valueName: "n"))
  var slots: String?
}

extension WorkerSettings {
  init(_ configuration: Configuration) {
    self.init(
      redisURL: configuration.redisURL, postgresURL: configuration.postgresURL, prefix: configuration.prefix,
      name: configuration.workerName, host: localHostName(), version: Rollcall.version,
      slots: configuration.slots, queues: configuration.queues, lockTTL: configuration.lockTTL,
      lockRenew: configuration.lockRenew, operationTimeout: configuration.operationTimeout,
      retryInterval: configuration.retryInterval, maxAttempts: configuration.maxAttempts)
  }
}
