import Foundation
import TestSupport

/// Somebody for whom permissions count: the tests' own user, or where that is root, who may everything, one who owns
/// nothing. One thread owns it.
final class OrdinaryUser {
  /// That of `nobody`, which is the same everywhere, if it is another user than the tests' own.
  let number: String?
  /// Of the program, where it can be reached by anybody.
  private let copy: TemporaryDirectory
  private let deployment: TestDeployment
  /// Root's servers let nobody else near their sockets.
  private var proxies: [FlakyProxy] = []
  private var servers: [String: String] = [:]

  init(of deployment: TestDeployment) throws {
    self.deployment = deployment
    copy = try TemporaryDirectory()
    number = geteuid() == 0 ? "65534" : nil
    guard number != nil else { return }
    chmod(copy.path, 0o755)
    try run(["cp", RollcallBinary.path(), program])
    try approachRedis()
    try approachPostgres()
  }

  private var program: String { copy.appending("rollcall") }

  /// What `TestDeployment.worker` starts, as this user.
  func worker() throws -> ChildProcess {
    guard number != nil else { return try deployment.worker() }
    let worker = try start(["worker", "--slots", "2", "--log-format", "text"])
    try eventually("a worker starts") {
      guard worker.isRunning else { throw Broken(description: "the worker ended at once: \(worker.errorsSoFar)") }
      return worker.errorsSoFar.contains("worker started")
    }
    return worker
  }

  /// Starts a command as this user.
  func start(_ words: [String]) throws -> ChildProcess {
    guard let number else { return try deployment.start(words) }
    let become = ["setpriv", "--reuid=\(number)", "--regid=\(number)", "--clear-groups", "--bounding-set=-all"]
    return try deployment.start(words, wrapper: become, more: servers, build: program)
  }

  private func approachRedis() throws {
    let unix = "unix://"
    guard deployment.redisURL.hasPrefix(unix) else { return }
    let proxy = try FlakyProxy(to: String(deployment.redisURL.dropFirst(unix.count)))
    proxies.append(proxy)
    servers["ROLLCALL_REDIS_URL"] = "redis://127.0.0.1:\(proxy.port)"
  }

  /// A later setting of a connection string goes before an earlier one.
  private func approachPostgres() throws {
    let directory = try deployment.database.query("SHOW unix_socket_directories").first ?? ""
    let port = try deployment.database.query("SHOW port").first ?? ""
    guard directory.hasPrefix("/"), !deployment.database.url.contains("://") else { return }
    let proxy = try FlakyProxy(to: "\(directory)/.s.PGSQL.\(port)")
    proxies.append(proxy)
    servers["ROLLCALL_POSTGRES_URL"] = deployment.database.url + " host=127.0.0.1 port=\(proxy.port)"
  }
}
