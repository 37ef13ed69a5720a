/// What can go wrong of a sudden.
enum ChaosFault: String, CaseIterable {
  case killWorker = "worker killed"
  case killHalf = "half of the workers killed"
  case killWorkers = "all workers killed"
  case stopWorker = "worker told to stop"
  case killReaper = "reaper killed"
  case killAll = "all processes killed"
  case freezeWorker = "worker frozen beyond its lock"
  case flushRedis = "Redis flushed"
  case flushScripts = "Redis scripts flushed"
  case restartRedis = "Redis killed and restarted empty"
  case pauseRedis = "Redis paused its clients"
  case sleepRedis = "Redis asleep"
  case killClients = "Redis connections cut"
  case silenceRedis = "Redis silent"
  case restartPostgres = "Postgres restarted at once"
  case stopPostgres = "Postgres away"
  case terminateBackend = "Postgres connection terminated"
  case refuseWrites = "Postgres read-only"

  /// Whether it strikes Redis, or the way to it.
  var isOfRedis: Bool {
    switch self {
    case .flushRedis, .flushScripts, .restartRedis, .pauseRedis, .sleepRedis, .killClients, .silenceRedis: true
    default: false
    }
  }
}
