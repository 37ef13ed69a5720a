import Logging
import Synchronization

/// Whether a server is away, as the threads of one worker or reaper see it together: one line in the log when it
/// goes, and one when it is back.
public final class Outage: Sendable {
  private let server: String
  private let logger: Logger
  private let isAway = Mutex(false)

  public init(of server: String, logger: Logger) {
    self.server = server
    self.logger = logger
  }

  /// The reason is logged where the server has not been away before.
  public func begin(_ reason: @autoclosure () -> String) {
    guard isAway.withLock({ away in exchange(&away, with: true) }) == false else { return }
    logger.error("\(server) is away; trying again until it is back", metadata: ["reason": "\(reason())"])
  }

  /// Whether it has begun and not ended.
  public var isKnown: Bool { isAway.withLock { $0 } }

  public func end() {
    guard isAway.withLock({ away in exchange(&away, with: false) }) else { return }
    logger.notice("\(server) is back")
  }
}
