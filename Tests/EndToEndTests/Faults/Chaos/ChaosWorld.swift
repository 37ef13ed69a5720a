import Foundation
import TestSupport

/// Private servers, workers and reapers, and what is to be repaired of them. One thread owns it.
final class ChaosWorld {
  let scene: FaultScene
  let workers: [String]
  private let reapers = ["reaper-a", "reaper-b"]
  private let redis: PrivateRedis
  private let proxy: FlakyProxy
  private let postgres: PrivatePostgres
  private var repairs: [Repair] = []
  /// A command of redis-cli that does not return before Redis does.
  private var sleeping: ChildProcess?
  private(set) var isPostgresThere = true
  private(set) var isRedisThere = true
  /// Incarnations of workers that were killed, or stood still for long, or whose end was disturbed: an attempt is
  /// counted for each slice that is taken over from them.
  private(set) var struck: Set<String> = []
  /// Workers that were told to stop, of which some may still be at it.
  private var stopping: Set<String> = []
  private var lastFault = ContinuousClock.now

  private struct Repair {
    let due: ContinuousClock.Instant
    var needsPostgres = false
    let work: () throws -> Void
  }

  init(tree: ForestTree, settings: [String: String], workers: Int, filesPerSecond: Int) throws {
    redis = try PrivateRedis()
    proxy = try FlakyProxy(to: redis.socket)
    postgres = try PrivatePostgres()
    try postgres.waitUntilReady()
    self.workers = (1...workers).map { "worker-\($0)" }
    scene = try FaultScene(
      tree, redis: redis.url, postgres: postgres.conninfo, settings: settings,
      rules: ["--max-files-per-second", "\(filesPerSecond)"])
    try startMissing()
  }

  /// What the processes are told of Redis: a way on which it can fall silent.
  private var throughProxy: [String: String] { ["ROLLCALL_REDIS_URL": "redis://127.0.0.1:\(proxy.port)/0"] }

  private func startMissing() throws {
    for name in workers where !scene.isRunning(name) { try scene.worker(name, more: throughProxy) }
    for name in reapers where !scene.isRunning(name) { try scene.reaper(name, more: throughProxy) }
  }

  /// Does the harm, all of it at once, and plans the repair. Who holds a slice dies or freezes first,
  /// and nobody whose death would make the scan give up a directory.
  func strike(_ fault: ChaosFault, in middle: Middle, using random: inout SeededRandom) throws {
    let isCalm = isWhole && ContinuousClock.now - lastFault > .seconds(1)
    lastFault = .now
    // Whoever has just been told to stop may not be able to hand back what it holds.
    for name in stopping where scene.isRunning(name) { try noteStruck(name) }
    stopping = []
    let mortal = workers.filter { scene.isRunning($0) && !middle.holdsLastAttempt($0) }
    let shuffled = mortal.shuffled(using: &random)
    let victims = shuffled.filter(middle.holds) + shuffled.filter { !middle.holds($0) }
    let pause = Duration.milliseconds(Int.random(in: 300...3_500, using: &random))
    switch fault {
    case .killWorker: try kill(victims.prefix(1), for: pause)
    case .killHalf: try kill(victims.prefix(workers.count / 2), for: pause)
    case .killWorkers: try kill(mortal[...], for: pause)
    case .killReaper: try kill(reapers.shuffled(using: &random).prefix(1), for: pause)
    case .killAll: try kill((mortal + reapers)[...], for: pause)
    case .stopWorker: try stop(victims.prefix(1), isCalm: isCalm, for: pause)
    case .freezeWorker: try freeze(victims.prefix(1), for: .seconds(2) + pause)
    case .restartPostgres: stopPostgres(for: .zero)
    case .stopPostgres: stopPostgres(for: pause)
    case .terminateBackend: try terminateBackend(Int.random(in: 0..<8, using: &random))
    case .refuseWrites: try refuseWrites(for: pause)
    default: try strikeRedis(fault, for: pause)
    }
  }

  private func strikeRedis(_ fault: ChaosFault, for pause: Duration) throws {
    switch fault {
    case .flushRedis: try scene.deployment.redis(["FLUSHALL"])
    case .flushScripts: try scene.deployment.redis(["SCRIPT", "FLUSH"])
    case .killClients: try scene.deployment.redis(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
    case .restartRedis:
      redis.stop()
      loseRedis(for: pause) { [redis] in try redis.start() }
    case .pauseRedis:
      try scene.deployment.redis(["CLIENT", "PAUSE", "\(pause.milliseconds)", "ALL"])
      loseRedis(for: pause) {}
    case .sleepRedis:
      sleeping = try ChildProcess(["redis-cli", "-s", redis.socket, "DEBUG", "SLEEP", "\(pause / .seconds(1))"])
      loseRedis(for: pause) { [sleeping] in _ = try sleeping?.wait() }
    case .silenceRedis:
      proxy.become(.silent)
      loseRedis(for: pause) { [proxy] in proxy.become(.passing) }
    default: preconditionFailure("\(fault) does not strike Redis")
    }
  }

  private func loseRedis(for pause: Duration, then repair: @escaping () throws -> Void) {
    isRedisThere = false
    repairs.append(
      Repair(due: .now + pause) { [self] in
        try repair()
        isRedisThere = true
      })
  }

  private func kill(_ names: ArraySlice<String>, for pause: Duration) throws {
    for name in names where scene.isRunning(name) {
      if workers.contains(name) { try noteStruck(name) }
      try scene.kill(name)
    }
    repairs.append(Repair(due: .now + pause) {})
  }

  private func stop(_ names: ArraySlice<String>, isCalm: Bool, for pause: Duration) throws {
    for name in names {
      if !isCalm { try noteStruck(name) }
      try scene.process(name).send(SIGTERM)
      stopping.insert(name)
    }
    repairs.append(Repair(due: .now + pause) {})
  }

  private func noteStruck(_ name: String) throws { struck.insert(try scene.incarnation(of: name)) }

  /// Everything has stood still for this long, which on a busy machine may be longer than a heartbeat lasts.
  func noteStandstill(of duration: Duration) throws {
    guard duration > .seconds(1) else { return }
    for name in workers where scene.isRunning(name) || stopping.contains(name) { try noteStruck(name) }
  }

  private func freeze(_ names: ArraySlice<String>, for pause: Duration) throws {
    for name in names {
      try noteStruck(name)
      try scene.freeze(name)
      repairs.append(Repair(due: .now + pause) { [scene] in try scene.thaw(name) })
    }
  }

  private func stopPostgres(for pause: Duration) {
    postgres.stop()
    isPostgresThere = false
    repairs.append(
      Repair(due: .now + pause) { [self] in
        try postgres.start()
        try postgres.waitUntilReady()
        isPostgresThere = true
      })
  }

  private func terminateBackend(_ index: Int) throws {
    try scene.deployment.database.query(
      """
      SELECT pg_terminate_backend(pid) FROM (
        SELECT pid, row_number() OVER (ORDER BY application_name) - 1 AS place, count(*) OVER () AS all_of_them
          FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'rollcall%') a
       WHERE place = \(index) % all_of_them
      """)
  }

  private func refuseWrites(for pause: Duration) throws {
    let name = scene.deployment.database.name
    try scene.deployment.database.query(
      """
      SET default_transaction_read_only = off;
      ALTER DATABASE \(name) SET default_transaction_read_only = on;
      SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()
      """)
    repairs.append(
      Repair(due: .now + pause, needsPostgres: true) { [scene] in
        try scene.deployment.database.query(
          "SET default_transaction_read_only = off; ALTER DATABASE \(name) RESET default_transaction_read_only")
      })
  }

  /// Repairs what is due; `all` of it once the faults are over. What died is started again when nothing
  /// else of its kind is broken.
  func repair(all: Bool = false) throws {
    // Servers that ended first: other repairs may need them.
    for needsPostgres in [false, true] where isPostgresThere || !needsPostgres {
      let due = repairs.filter { $0.needsPostgres == needsPostgres && (all || $0.due <= .now) }
      repairs.removeAll { $0.needsPostgres == needsPostgres && (all || $0.due <= .now) }
      for repair in due { try repair.work() }
    }
    if repairs.isEmpty || all { try startMissing() }
  }

  var isWhole: Bool { repairs.isEmpty }
}

extension Duration {
  var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
