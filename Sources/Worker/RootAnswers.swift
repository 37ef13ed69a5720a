import Catalog
import JobQueue
import ScanModel

/// What the live workers of a library's queue say of its root, by their heartbeats (R43).
public struct RootAnswers: Sendable, Equatable {
  public enum Answer: Sendable, Equatable {
    case seen(age: Duration)
    case unseen(String)
    /// It has not looked so far.
    case pending
    /// It does not say: its heartbeat has no room for it, or is of another release.
    case silent
  }

  public struct Worker: Sendable, Equatable {
    public let host: String
    public let answer: Answer
  }

  public let workers: [Worker]
  private let library: ServedLibrary

  /// - Parameter registered: the workers of its queue.
  public init(of library: ServedLibrary, _ registered: [RegisteredWorker]) {
    self.library = library
    workers = registered.compactMap { registered in
      guard let line = registered.heartbeat else { return nil }
      guard let heartbeat = HeartbeatLine(json: line) else {
        return Worker(host: "\(registered.worker)", answer: .silent)
      }
      return Worker(host: heartbeat.host, answer: Answer(of: library.id.rawValue, heartbeat.roots))
    }
  }

  /// Whether waiting may tell more.
  public var isPending: Bool { !isSeen && workers.contains { $0.answer == .pending } }

  /// Whether a scan would find a worker that can begin it.
  public var isSeen: Bool { !hosts { if case .seen = $0 { true } else { false } }.isEmpty }

  /// Whether a live worker serves the queue on a host.
  public func serves(_ host: String) -> Bool { workers.contains { $0.host == host } }

  /// The hosts of which a worker sees it.
  public var seeingHosts: [String] { hosts { if case .seen = $0 { true } else { false } } }

  /// - Parameter patience: an answer that is older is not relied upon.
  public func finding(patience: Duration) -> PreflightFinding {
    guard !workers.isEmpty else {
      return finding(
        .failure(
          advice: "start one on a host that mounts \(library.rootPath): rollcall worker --queues \(library.queue)"),
        "no worker serves queue \(library.queue)")
    }
    if isSeen { return seen(patience: patience) }
    let unseen = workers.compactMap { worker in
      if case .unseen(let reason) = worker.answer { "on host \(worker.host) \(reason)" } else { nil as String? }
    }
    guard unseen.count == workers.count else {
      return finding(
        .warning(advice: "look again in a moment; a worker of an older release never tells"),
        "whether a worker of queue \(library.queue) sees \(library.rootPath) is not known: "
          + Self.list(unseen + hosts { $0 == .pending || $0 == .silent }.map { "host \($0) does not tell" }))
    }
    return finding(
      .failure(advice: "mount it there, or start a worker of the queue where it is mounted"),
      "no worker of queue \(library.queue) sees \(library.rootPath): \(Self.list(unseen))")
  }

  private func seen(patience: Duration) -> PreflightFinding {
    let hosts = Self.list(seeingHosts)
    let ages = workers.compactMap { if case .seen(let age) = $0.answer { age } else { nil } }
    if let age = ages.min(), age > patience {
      return finding(
        .warning(advice: "see whether the workers there reach Postgres, and look again"),
        "workers of queue \(library.queue) saw \(library.rootPath) on host \(hosts), but looked "
          + "\(Int(age / .seconds(1))) s ago")
    }
    return finding(.ok, "workers of queue \(library.queue) see \(library.rootPath) on host \(hosts)")
  }

  private func finding(_ verdict: PreflightFinding.Verdict, _ message: String) -> PreflightFinding {
    PreflightFinding(.worker, verdict, library: library.name, message)
  }

  /// Each once, sorted.
  private func hosts(where isWanted: (Answer) -> Bool) -> [String] {
    Set(workers.filter { isWanted($0.answer) }.map(\.host)).sorted()
  }

  private static func list(_ items: [String]) -> String {
    let most = 10
    let rest = items.count - most
    return items.prefix(most).joined(separator: ", ") + (rest > 0 ? " and \(rest) others" : "")
  }
}

extension RootAnswers.Answer {
  fileprivate init(of library: Int64, _ roots: HeartbeatLine.Roots?) {
    guard let roots else {
      self = .silent
      return
    }
    if roots.seen.contains(library) {
      self = .seen(age: .milliseconds(roots.seenAgeMs))
    } else if let unseen = roots.unseen.first(where: { $0.library == library }) {
      self = .unseen(unseen.reason)
    } else {
      self = roots.leftOut > 0 ? .silent : .pending
    }
  }
}
