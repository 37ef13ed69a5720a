import ScanModel

/// What Redis says of itself, as far as queues and locks depend on it. What it does not tell is `nil`.
public struct RedisStanding: Sendable, Equatable {
  /// Where it was found.
  public var endpoint: String
  /// It takes no writes: it is another server's replica.
  public var isReplica: Bool?
  /// Bytes; 0 is no limit.
  public var memoryLimit: Int64?
  public var memoryUsed: Int64?
  /// `maxmemory-policy`.
  public var evictionPolicy: String?
  public var hasAppendOnlyFile: Bool?
  public var hasSavePoints: Bool?
  /// The last attempt to write a snapshot failed, or the last one to write the append-only file.
  public var snapshotFailed: Bool?
  public var appendFailed: Bool?

  public init(endpoint: String) { self.endpoint = endpoint }

  /// What that means for scans: one finding for each of the three checks of Redis.
  public var findings: [PreflightFinding] { [reachable, eviction, persistence] }

  private var reachable: PreflightFinding {
    if isReplica == true {
      return PreflightFinding(
        .redis, .failure(advice: "give the address of the primary in the Redis URL"),
        "Redis at \(endpoint) is a replica, on which no work can be queued")
    }
    if let memoryLimit, let memoryUsed, memoryLimit > 0, memoryUsed >= memoryLimit, evictionPolicy == Self.noEviction {
      return PreflightFinding(
        .redis, .failure(advice: "raise maxmemory, or give Rollcall a Redis of its own"),
        "the memory of Redis at \(endpoint) is used up (\(memoryUsed) bytes of maxmemory \(memoryLimit)): it takes no writes"
      )
    }
    return PreflightFinding(.redis, .ok, "Redis answers at \(endpoint)")
  }

  private var eviction: PreflightFinding {
    guard let evictionPolicy else {
      return PreflightFinding(
        .redisEviction,
        .warning(advice: "make sure that maxmemory-policy is noeviction, or let this user run INFO or CONFIG GET"),
        "Redis does not tell its eviction policy")
    }
    if evictionPolicy == Self.noEviction {
      return PreflightFinding(.redisEviction, .ok, "maxmemory-policy is noeviction")
    }
    guard let memoryLimit, memoryLimit == 0 else {
      return PreflightFinding(
        .redisEviction, .failure(advice: "\(Self.mending), and set it in its configuration file too"),
        "maxmemory-policy is \(evictionPolicy): where memory is short, keys may be evicted, and queues and locks lost")
    }
    return PreflightFinding(
      .redisEviction, .warning(advice: "before maxmemory is ever set: \(Self.mending)"),
      "maxmemory-policy is \(evictionPolicy), which evicts nothing for as long as maxmemory is 0")
  }

  private var persistence: PreflightFinding {
    if appendFailed == true || snapshotFailed == true {
      let what = appendFailed == true ? "append-only file" : "snapshot"
      return PreflightFinding(
        .redisPersistence,
        .warning(advice: "see to the disk and the log of Redis: it may refuse all writes meanwhile"),
        "Redis could not write its \(what) the last time: \(Self.loss)")
    }
    if hasAppendOnlyFile == true { return PreflightFinding(.redisPersistence, .ok, "Redis writes an append-only file") }
    guard let hasSavePoints else {
      return PreflightFinding(
        .redisPersistence,
        .warning(advice: "make sure that it writes snapshots or an append-only file, or let this user run CONFIG GET"),
        "Redis does not tell whether it keeps anything on disk: otherwise \(Self.loss)")
    }
    if hasSavePoints { return PreflightFinding(.redisPersistence, .ok, "Redis writes snapshots") }
    return PreflightFinding(
      .redisPersistence, .warning(advice: "to keep them: redis-cli CONFIG SET appendonly yes"),
      "Redis keeps nothing on disk: \(Self.loss)")
  }

  private static let noEviction = "noeviction"
  private static let mending = "redis-cli CONFIG SET maxmemory-policy noeviction"
  private static let loss =
    "after a restart, requests that nobody has taken yet and the dead list are lost; scans that were accepted go on by "
    + "themselves"
}
