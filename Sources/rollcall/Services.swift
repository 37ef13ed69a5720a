import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

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

  /// Ending at once harms no data: what is not committed was never there. But what the slots have taken
  /// stays in flight until somebody returns it.
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
