/// What a reaper is told at its start.
public struct ReaperSettings: Sendable {
  public var redisURL: String
  public var postgresURL: String
  /// Of all keys in Redis.
  public var prefix: String
  public var name: String
  /// Swept whatever the catalogue says; the first keeps the marker.
  public var queues: [String]
  public var lockTTL: Duration
  public var sweepInterval: Duration
  public var reconcileInterval: Duration
  public var cleanupInterval: Duration
  public var operationTimeout: Duration

  public init(
    redisURL: String, postgresURL: String, prefix: String, name: String, queues: [String], lockTTL: Duration,
    sweepInterval: Duration, reconcileInterval: Duration, cleanupInterval: Duration, operationTimeout: Duration
  ) {
    self.redisURL = redisURL
    self.postgresURL = postgresURL
    self.prefix = prefix
    self.name = name
    self.queues = queues
    self.lockTTL = lockTTL
    self.sweepInterval = sweepInterval
    self.reconcileInterval = reconcileInterval
    self.cleanupInterval = cleanupInterval
    self.operationTimeout = operationTimeout
  }

  /// When the reaper does what, within the bounds that `lockTTL` sets.
  public var pace: ReaperPace {
    ReaperPace(sweep: sweepInterval, reconcile: reconcileInterval, cleanup: cleanupInterval, lockTTL: lockTTL)
  }
}
