import ScanModel

/// What a worker is told at its start.
public struct WorkerSettings: Sendable {
  public var redisURL: String
  public var postgresURL: String
  /// Of all keys in Redis.
  public var prefix: String
  public var name: String
  /// As the heartbeat and the rows name the machine.
  public var host: String
  /// Of the program, for the heartbeat.
  public var version: String
  public var slots: Int
  /// The first has priority.
  public var queues: [String]
  public var lockTTL: Duration
  public var lockRenew: Duration
  public var operationTimeout: Duration
  public var retryInterval: Duration
  public var maxAttempts: Int
  /// Which roots this worker walks.
  public var allowedRoots: AllowedRoots
  /// How often Redis and the roots of libraries are looked at.
  public var healthInterval: Duration

  public init(
    redisURL: String, postgresURL: String, prefix: String, name: String, host: String, version: String, slots: Int,
    queues: [String], lockTTL: Duration, lockRenew: Duration, operationTimeout: Duration, retryInterval: Duration,
    maxAttempts: Int, allowedRoots: AllowedRoots = .anywhere, healthInterval: Duration = .seconds(30)
  ) {
    self.redisURL = redisURL
    self.postgresURL = postgresURL
    self.prefix = prefix
    self.name = name
    self.host = host
    self.version = version
    self.slots = slots
    self.queues = queues
    self.lockTTL = lockTTL
    self.lockRenew = lockRenew
    self.operationTimeout = operationTimeout
    self.retryInterval = retryInterval
    self.maxAttempts = maxAttempts
    self.allowedRoots = allowedRoots
    self.healthInterval = healthInterval
  }
}
