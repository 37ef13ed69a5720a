import Foundation
import TestSupport
import Testing

/// URLs that cannot be read are a matter of configuration (2); a password that is refused is not (5). Neither
/// shows the password.
@Suite struct WrongLoginTests {
  static let commands = [["status"], ["queue"], ["scan", "x"], ["worker"]]

  @Test func `a password that Redis refuses is said without being shown`() throws {
    let redis = try PasswordedRedis()
    let deployment = try TestDeployment()
    for login in [":s3cret@", "somebody:s3cret@", ""] {
      let url = "unix://\(login)\(redis.socket)"
      for command in [["queue"], ["workers"], ["worker"]] {
        let ended = try deployment.run(command, more: ["ROLLCALL_REDIS_URL": url], within: .seconds(60))
        expectFailure(ended, code: 5, saying: "Redis", "password", redis.socket)
        #expect(!ended.errors.contains("s3cret"))
      }
    }
    let right = ["ROLLCALL_REDIS_URL": "unix://:\(redis.password)@\(redis.socket)"]
    #expect(try deployment.run(["queue"], more: right).code == 0)
  }

  @Test func `a password that Postgres refuses is said without being shown`() throws {
    let postgres = try PasswordedPostgres()
    for login in ["app:s3cret@", "nobody_known:s3cret@", "app@"] {
      let url = "postgresql://\(login)/postgres?host=\(postgres.directory.path)"
      for command in Self.commands + [["migrate"]] {
        let environment = ["ROLLCALL_POSTGRES_URL": url, "ROLLCALL_REDIS_URL": try TestServers.redisURL()]
        let ended = try rollcall(command, environment)
        expectFailure(ended, code: 5, saying: "Postgres refuses the login", "password")
        #expect(!ended.errors.contains("s3cret"))
      }
    }
  }

  @Test(arguments: [
    "127.0.0.1:6379", "http://host", "redis://:s3cret@host:port", "redis://u:s3cret@host/x", "unix://s3cret",
    "redis://",
  ])
  func `a Redis URL that cannot be read is refused`(url: String) throws {
    let deployment = try TestDeployment()
    for command in Self.commands + [["workers"]] {
      let ended = try deployment.run(command, more: ["ROLLCALL_REDIS_URL": url], within: .seconds(60))
      expectFailure(ended, code: 2, saying: "the Redis URL cannot be read", "redis://[user:password@]host:port/db")
      #expect(!ended.errors.contains("s3cret"))
    }
  }

  @Test(arguments: ["postgres", "mysql://u:s3cret@h/d", "host=x pasword=s3cret", "postgresql://u:s3cret@host:port/db"])
  func `a Postgres connection string that cannot be read is refused`(url: String) throws {
    for command in Self.commands + [["migrate"], ["library", "list"]] {
      let environment = ["ROLLCALL_POSTGRES_URL": url, "ROLLCALL_REDIS_URL": try TestServers.redisURL()]
      let ended = try rollcall(command, environment)
      expectFailure(ended, code: 2, saying: "the Postgres connection string cannot be read", "postgresql://")
      #expect(!ended.errors.contains("s3cret"))
    }
  }
}

/// A Redis of a test's own that asks for a password.
private final class PasswordedRedis {
  let password = "right"
  let socket: String
  private let directory: TemporaryDirectory
  private let server: ChildProcess

  init() throws {
    directory = try TemporaryDirectory()
    socket = directory.appending("redis.sock")
    let socket = socket
    server = try ChildProcess([
      "redis-server", "--port", "0", "--unixsocket", socket, "--requirepass", password, "--save", "", "--dir",
      directory.path,
    ])
    try eventually("Redis listens") { access(socket, F_OK) == 0 }
  }
}

/// A Postgres of a test's own that asks for a password. It refuses to run as root.
private final class PasswordedPostgres {
  let directory: TemporaryDirectory
  private let server: ChildProcess

  init() throws {
    directory = try TemporaryDirectory()
    let (data, file) = (directory.appending("data"), directory.appending("password"))
    try Data("right".utf8).write(to: URL(filePath: file))
    let isRoot = geteuid() == 0
    if isRoot { try run(["chown", "-R", "postgres:", directory.path]) }
    let unprivileged =
      isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/"] : []
    let programs = String(decoding: try run(["pg_config", "--bindir"]), as: UTF8.self).trimmingCharacters(in: .newlines)
    let options = ["-U", "app", "-A", "scram-sha-256", "--pwfile", file, "--no-sync"]
    try run(unprivileged + ["\(programs)/initdb", "-D", data] + options)
    let settings = ["-k", directory.path, "-c", "listen_addresses=", "-c", "fsync=off"]
    server = try ChildProcess(unprivileged + ["\(programs)/postgres", "-D", data] + settings)
    try eventually("Postgres is ready") {
      try ChildProcess(["\(programs)/pg_isready", "-q", "-h", directory.path]).wait().code == 0
    }
  }

  deinit {
    server.send(SIGINT)  // a fast shutdown
    _ = try? server.wait()  // A server that does not end is killed with the last reference.
  }
}
