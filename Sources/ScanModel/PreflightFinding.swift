/// What one check before a scan has found (R29): `rollcall preflight` shows all of them, a scan's start those that
/// are not all right.
public struct PreflightFinding: Sendable, Equatable {
  public enum Check: String, Sendable {
    /// Redis answers, and is one that takes work.
    case redis
    case redisEviction = "redis_eviction"
    case redisPersistence = "redis_persistence"
    /// Postgres answers, and its schema is this program's.
    case postgres
    case postgresWrites = "postgres_writes"
    case postgresRoom = "postgres_room"
    /// The library's root is there, may be read and is the one on record.
    case root
    /// So are the mount points below it.
    case mounts
    /// A worker serves the library's queue, and sees the root.
    case worker
  }

  public enum Verdict: Sendable, Equatable {
    case ok
    case warning(advice: String)
    case failure(advice: String)
  }

  public let check: Check
  /// The library's name; `nil` where it is about a server.
  public let library: String?
  public let verdict: Verdict
  /// One line.
  public let message: String

  public init(_ check: Check, _ verdict: Verdict, library: String? = nil, _ message: String) {
    self.check = check
    self.library = library
    self.verdict = verdict
    self.message = message
  }

  /// `ok`, `warning` or `failure`.
  public var status: String {
    switch verdict {
    case .ok: "ok"
    case .warning: "warning"
    case .failure: "failure"
    }
  }

  /// What to do, in one line.
  public var advice: String? {
    switch verdict {
    case .ok: nil
    case .warning(let advice), .failure(let advice): advice
    }
  }

  public var isFailure: Bool { if case .failure = verdict { true } else { false } }
  public var isWarning: Bool { if case .warning = verdict { true } else { false } }

  /// What was found and what to do, in one line.
  public var line: String { message + (advice.map { "; \($0)" } ?? "") }
}

extension [PreflightFinding] {
  public var failures: [PreflightFinding] { filter(\.isFailure) }
  public var warnings: [PreflightFinding] { filter(\.isWarning) }
}
