extension Setting {
  /// Every key that a configuration file may hold, in the order in which it is shown.
  static let all = connections + logs + roots + worker + locks + deadlines + upkeep + alerts

  static subscript(_ key: String) -> Setting? { byKey[key] }
  private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

  private static let connections = [
    Setting(
      "redis_url", \.redisURL, .line,
      "Redis: redis://[user:password@]host:port/db or unix:///path/redis.sock", flag: "--redis-url"),
    Setting(
      "postgres_url", \.postgresURL, .line, "Postgres: any libpq connection string or URL", flag: "--postgres-url"),
    Setting("prefix", \.prefix, .word, "Prefix of the Redis keys", flag: "--prefix"),
  ]

  private static let logs = [
    Setting(
      "log_format", \.logFormat, .choice(), "How logs are written: text or json",
      standard: "text on a terminal, else json", flag: "--log-format"),
    Setting(
      "log_level", \.logLevel, .choice(), "The least important log messages that are written", flag: "--log-level"),
  ]

  private static let roots = [
    Setting(
      "allowed_roots", \.allowedRoots, .roots,
      """
      Where libraries may lie: anywhere (but / itself), or [/srv, /mnt/nas], which is /srv:/mnt/nas in the environment.
      Real paths: a link in one's place allows nothing of what it leads to. / allows everything, itself too
      """)
  ]

  private static let worker = [
    Setting(
      "slots", \.slots, .count(1...1024), "How many jobs a worker runs at once",
      standard: "the number of cores", flag: "--slots"),
    Setting("queues", \.queues, .words, "The queues that a worker serves, the most urgent first", flag: "--queues"),
    Setting(
      "worker_name", \.workerName, .word, "What a worker or reaper is called in locks, logs and listings",
      standard: "the host's name", flag: "--name"),
  ]

  private static let locks = [
    Setting("lock_ttl", \.lockTTL, .duration, "How long a slice's lock lives unless it is renewed"),
    Setting("lock_renew", \.lockRenew, .duration, "How often a lock is renewed; less than half of lock_ttl"),
    Setting(
      "sweep_interval", \.sweepInterval, .duration,
      "How often the reaper looks for work whose worker died; at least three times in lock_ttl"),
    Setting("reconcile_interval", \.reconcileInterval, .duration, "How often Redis and Postgres are compared"),
    Setting(
      "health_interval", \.healthInterval, .duration, "How often a worker looks at Redis and at the roots of its queues"
    ),
    Setting(
      "cleanup_interval", \.cleanupInterval, .duration,
      "How often all of Redis's keys are looked through for work that no worker's registration leads to"),
  ]

  private static let deadlines = [
    Setting(
      "stall_after", \.stallAfter, .duration, "A slot that stands still for longer is stalled", isInEffect: false),
    Setting(
      "stall_pause_after", \.stallPauseAfter, .duration, "A scan without a commit for longer is paused",
      isInEffect: false),
    Setting("operation_timeout", \.operationTimeout, .duration, "The deadline of one call to Postgres"),
    Setting("shutdown_timeout", \.shutdownTimeout, .duration, "A graceful shutdown that takes longer is cut short"),
    Setting(
      "max_attempts", \.maxAttempts, .count(1...1000),
      "How often in a row a slice may fail at one directory before that is left out; 1 counts as 2"),
    Setting(
      "retry_interval", \.retryInterval, .duration,
      "How long a slot rests after a slice that failed or whose root it cannot open; the slice goes to the queue's back"
    ),
  ]

  private static let upkeep = [
    Setting("scan_retention", \.scanRetention, .duration, "How long ended scans are kept", isInEffect: false),
    Setting(
      "tombstone_retention", \.tombstoneRetention, .duration, "How long rows of removed files are kept",
      isInEffect: false),
    Setting(
      "emergency_cleanup_enabled", \.emergencyCleanupEnabled, .boolean, "Whether an emergency clean-up may be run",
      isInEffect: false),
  ]

  private static let alerts = [
    Setting(
      "alert_scan_duration", \.alertScanDuration, .duration, "A scan that runs for longer raises an alert",
      isInEffect: false),
    Setting(
      "alert_error_rate", \.alertErrorRate, .percent, "A higher share of files with errors raises an alert",
      isInEffect: false),
    Setting(
      "alert_lock_age", \.alertLockAge, .duration, "A lock that is held for longer raises an alert", isInEffect: false),
  ]
}
