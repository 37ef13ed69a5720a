import Foundation
import Synchronization

/// A Redis and a Postgres of our own for `rollcall up`: on Unix sockets under one directory, children of this
/// process. Idempotent: a second start finds the data of the first, also after the first was killed and its
/// servers were left running. Every call blocks its thread, up to minutes when the disk is slow.
final class LocalServers: Sendable {
  private struct Running {
    let lock: DirectoryLock
    var redis: ServerProcess
    var postgres: ServerProcess
  }

  let directory: DataDirectory
  private let environment: [String: String]
  private let running = Mutex<Running?>(nil)

  /// Checks the directory's name only.
  init(
    dataDirectory: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(LocalServersError) {
    directory = try DataDirectory(dataDirectory)
    self.environment = environment
  }

  /// Starts what does not run yet, and returns when both servers answer and the database is there. After an
  /// error nothing runs.
  ///
  /// - Parameter prefix: of the Redis keys, for other shells, where it is not the default.
  func start(prefix: String? = nil) throws(LocalServersError) -> (redisURL: String, postgresURL: String) {
    try running.withLock { (running) throws(LocalServersError) in
      if running == nil { running = try launch(prefix: prefix) }
    }
    return (redisURL: directory.redisURL, postgresURL: directory.postgresURL)
  }

  /// Ends both servers in order, patiently; what has to be killed recovers at the next start. Waits for a
  /// start that is under way.
  func stop() {
    running.withLock { running in
      running?.postgres.end(LocalPostgres.endings)
      running?.redis.end(LocalRedis.endings)
      running = nil
    }
  }

  private func launch(prefix: String?) throws(LocalServersError) -> Running {
    let programs = try ServerPrograms.find(
      in: ServerPrograms.searchPath(environment: environment), cluster: LocalPostgres.clusterVersion(directory))
    let account = try Account.postgres()
    let redis = LocalRedis(directory: directory, programs: programs)
    let postgres = LocalPostgres(directory: directory, programs: programs, account: account)
    try directory.create(owner: account)
    let lock = try DirectoryLock(directory.lock)
    redis.endLeftover()
    postgres.endLeftover()
    try postgres.initialise()
    var redisProcess = try redis.start()
    do throws(LocalServersError) {
      var postgresProcess = try postgres.start()
      do throws(LocalServersError) {
        try directory.writeConfiguration(prefix: prefix)
      } catch {
        postgresProcess.end(LocalPostgres.endings)
        throw error
      }
      return Running(lock: lock, redis: redisProcess, postgres: postgresProcess)
    } catch {
      redisProcess.end(LocalRedis.endings)
      throw error
    }
  }
}
