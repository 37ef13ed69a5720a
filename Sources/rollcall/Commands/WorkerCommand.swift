import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import Worker

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Run scans until told to stop.",
    discussion: """
      SIGTERM, SIGHUP or Ctrl-C hands the work back at its next checkpoint, within about a second; a second signal ends the \
      process at once, equally safely.
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
      name: configuration.workerName, host: ProcessInfo.processInfo.hostName, version: Rollcall.version,
      slots: configuration.slots, queues: configuration.queues, lockTTL: configuration.lockTTL,
      lockRenew: configuration.lockRenew, operationTimeout: configuration.operationTimeout,
      retryInterval: configuration.retryInterval, maxAttempts: configuration.maxAttempts)
  }
}

/// The signals that ask the program to end. From its making on they end nothing by themselves; they wait
/// to be read.
struct EndSignals: Sendable {
  let sequence: UnixSignalsSequence

  /// A terminal that closes ends the program too, unless nohup(1) has said that it shall not.
  init() async {
    let hangup: [UnixSignal] = Self.isIgnored(SIGHUP) ? [] : [.sighup]
    sequence = await UnixSignalsSequence(trapping: [.sigterm, .sigint] + hangup)
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// Runs services until they end or a signal asks for it: the first one gracefully; a second one, or
/// `shutdown_timeout` after the first, at once.
struct Services {
  private let services: [ServiceGroupConfiguration.ServiceConfiguration]
  private let environment: Environment

  init(_ services: [ServiceGroupConfiguration.ServiceConfiguration], _ environment: Environment) {
    self.services = services
    self.environment = environment
  }

  func run(until signals: EndSignals) async throws {
    // The group's own lines would only repeat what its services say.
    var logger = environment.logger
    logger.logLevel = max(logger.logLevel, .error)
    let group = ServiceGroup(configuration: .init(services: services, logger: logger))
    let end = Task { await Self.end(group, on: signals, within: environment.configuration.shutdownTimeout) }
    defer { end.cancel() }
    try await group.run()
  }

  /// Ending at once is safe: what is not committed was never there, and what is taken is found again.
  private static func end(_ group: ServiceGroup, on signals: EndSignals, within timeout: Duration) async {
    var timer: Task<Void, Never>?
    for await _ in signals.sequence {
      if timer != nil { _exit(ExitStatus.failure) }
      await group.triggerGracefulShutdown()
      timer = Task {
        do { try await Task.sleep(for: timeout) } catch { return }
        complain("not everything ended within \(timeout); ending now")
        _exit(ExitStatus.failure)
      }
    }
    timer?.cancel()
  }
}
