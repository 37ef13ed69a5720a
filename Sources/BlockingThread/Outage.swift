import Logging
import Synchronization

/// Whether a server is away, as the threads of one worker or reaper see it together: one line in the log when it
/// goes, and one when it is back.
public final class Outage: Sendable {
  private let server: String
  private let logger: Logger
  /// When it was first noticed, while the server is away.
  private let began = Mutex<ContinuousClock.Instant?>(nil)

  public init(of server: String, logger: Logger) {
    self.server = server
    self.logger = logger
  }

  /// The reason is logged where the server has not been away before.
  public func begin(_ reason: @autoclosure () -> String) {
    let isKnown = began.withLock { began in
      defer { began = began ?? .now }
      return began != nil
    }
    guard !isKnown else { return }
    logger.error("\(server) is away; trying again until it is back", metadata: ["reason": "\(reason())"])
  }

  /// Whether it has begun and not ended.
  public var isKnown: Bool { began.withLock { $0 != nil } }

  /// - Parameter asked: when what the server answered was asked: an answer to an earlier question than the outage's
  ///   first failure was under way when the server went.
  public func end(asked: ContinuousClock.Instant = .now) {
    let isOver = began.withLock { began in
      guard let noticed = began, asked >= noticed else { return false }
      began = nil
      return true
    }
    if isOver { logger.notice("\(server) is back") }
  }
}
