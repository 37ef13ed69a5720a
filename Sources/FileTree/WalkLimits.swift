/// When a run ends before its frontier does. All of it is asked on the walking thread.
public struct WalkLimits {
  /// No further directory is begun after so many entries.
  public var entries: Int
  /// No further directory is begun after this instant.
  public var deadline: ContinuousClock.Instant?
  /// Asked after each directory: whether to stop at this seam (pause, shutdown).
  public var shouldYield: () -> Bool
  /// Asked before each directory and every few entries: whether to throw the run away, even in the middle
  /// of a directory.
  public var isAborted: () -> Bool
  /// How fast entries may be looked at; `nil`: as fast as they come, at no cost.
  public var pace: WalkPace?

  public init(
    entries: Int = .max, deadline: ContinuousClock.Instant? = nil,
    shouldYield: @escaping () -> Bool = { false }, isAborted: @escaping () -> Bool = { false }, pace: WalkPace? = nil
  ) {
    self.entries = entries
    self.deadline = deadline
    self.shouldYield = shouldYield
    self.isAborted = isAborted
    self.pace = pace
  }
}

/// How a run ended.
public struct WalkOutcome: Sendable, Equatable {
  /// Directories still to visit, next one first: depth first, so the deepest come first, and last those that
  /// the run had no room to hold. Empty when all was visited.
  public var remaining: [Int64] = []
  /// Directories visited, those that vanished or failed included.
  public var directories = 0
  /// Names read, `.` and `..` not counted.
  public var entries = 0
  /// Names that were gone before they could be looked at: churn.
  public var churned = 0
}

/// Why a run ended without an outcome. What the sink got must not be committed.
public enum WalkError<SinkFailure: Error>: Error {
  /// The root is absent, no directory itself, or cannot be read.
  case rootUnavailable(path: String, SystemError)
  /// The root is not what the catalogue has on record; why, and what to do.
  case rootRefused(String)
  /// The root was another directory after the last read than before the first, or another file system, or empty.
  case rootReplaced(path: String)
  /// A mount point below the root, at this path from it, was another after the last read. The walk's `MountWatch` knows
  /// it as fickle: the next walk with that goes round it.
  case mountReplaced(path: [UInt8])
  /// The frontier names a directory that does not lead to the root, or a name that no directory can have.
  case brokenFrontier(directory: Int64)
  /// `WalkLimits.isAborted` said so.
  case aborted
  case sink(SinkFailure)
}

extension WalkError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .rootUnavailable(let path, let error):
      "root \(path) cannot be read: \(error); it must be a directory, not a link, that this user may read"
    case .rootReplaced(let path):
      "root \(path) was unmounted, emptied or replaced while it was read"
    case .rootRefused(let reason): reason
    case .mountReplaced(let path):
      "mount point \(String(decoding: path, as: UTF8.self)) was unmounted, emptied or replaced while it was read"
    case .brokenFrontier(let directory): "directory \(directory) of the frontier has no valid path from the root"
    case .aborted: "walk aborted"
    case .sink(let error): "\(error)"
    }
  }
}
