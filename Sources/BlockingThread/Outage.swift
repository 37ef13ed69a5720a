import Logging
import Synchronization

/// Whether a server is away, as the threads of one worker or reaper see it together: one line in the log when it
/// goes, and one when it is back.
public final class Outage: Sendable {
  private let server: String
  private let logger: Logger
  private let state = Mutex(State.none)

  private enum State {
    case none
    /// When it was first noticed.
    case since(ContinuousClock.Instant)
    case over(at: ContinuousClock.Instant)
  }

  public init(of server: String, logger: Logger) {
    self.server = server
    self.logger = logger
  }

  /// The reason is logged where the server has not been away before.
  public func begin(_ reason: @autoclosure () -> String) {
    let isNew = state.withLock { state in
      if case .since = state { return false }
      state = .since(.now)
      return true
    }
    guard isNew else { return }
    logger.error("\(server) is away; trying again until it is back", metadata: ["reason": "\(reason())"])
  }

  /// Whether it has begun and not ended.
  public var isKnown: Bool {
    if case .since = state.withLock(\.self) { true } else { false }
  }

  /// Whether it is known, or has been over for less than so long.
  public func isRecent(within time: Duration) -> Bool {
    switch state.withLock(\.self) {
    case .none: false
    case .since: true
    case .over(let end): .now - end < time
    }
  }

  /// - Parameter asked: when what the server answered was asked: an answer to an earlier question than the outage's
  ///   first failure was under way when the server went.
  public func end(asked: ContinuousClock.Instant = .now) {
    let isOver = state.withLock { state in
      guard case .since(let noticed) = state, asked >= noticed else { return false }
      state = .over(at: .now)
      return true
    }
    if isOver { logger.notice("\(server) is back") }
  }
}
