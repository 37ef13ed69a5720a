import Logging
import Synchronization

/// What a worker or reaper cannot do though its servers are there, as its threads see it together: the same error is
/// one line in the log, however often it is met.
public final class Complaints: Sendable {
  private static let mostKept = 1000
  private let logger: Logger
  private let made = Mutex<Set<String>>([])

  public init(logger: Logger) { self.logger = logger }

  /// Logs the error where it was not logged before, in so many others.
  public func make(_ what: Logger.Message, error: String) {
    let isNew = made.withLock { made in
      if made.count >= Self.mostKept { made = [] }
      return made.insert(error).inserted
    }
    if isNew { logger.error(what, metadata: ["error": "\(error)"]) }
  }
}
