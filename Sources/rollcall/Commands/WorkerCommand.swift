import ArgumentParser
import Reaper
import ServiceLifecycle
import Worker

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Run scans until told to stop.",
    discussion: """
      SIGTERM, SIGHUP or Ctrl-C hands the work back and ends within two seconds. A second signal, or shutdown_timeout \
      after the first, ends the process at once, as kill -9 does: what its slots had in hand is then returned by a \
      reaper. Run at least one somewhere: `rollcall reaper`, or --with-reaper here.
      """)
  @OptionGroup var slots: SlotsOption
  @Option(help: ArgumentHelp("The queues to serve, the most urgent first.", valueName: "a,b"))
  var queues: String?
  @Option(help: "What the worker is called; else the host's name.") var name: String?
  @Flag(help: "Run a reaper in this process too.") var withReaper = false
  @OptionGroup(title: "Configuration") var options: GlobalOptions

  func run() async throws {
    let environment = try options.load(["slots": slots.slots, "queues": queues, "worker_name": name])
    let worker = try Worker(settings: WorkerSettings(environment.configuration), logger: environment.logger)
    var services = [ServiceGroupConfiguration.ServiceConfiguration(service: worker)]
    if withReaper {
      let reaper = try Reaper(settings: ReaperSettings(environment.configuration), logger: environment.logger)
      services.append(.init(service: reaper))
    }
    try await Services(services, environment).run(until: EndSignals())
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
      retryInterval: configuration.retryInterval, maxAttempts: configuration.maxAttempts,
      allowedRoots: configuration.allowedRoots, healthInterval: configuration.healthInterval)
  }
}
