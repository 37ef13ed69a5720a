import Foundation
import TestSupport
import Testing

/// A server that is not there or does not answer: exit code 5 within seconds, and one line.
@Suite struct AbsentServersTests {
  /// Every command that needs the catalogue; none gets as far as to need the library to be there.
  static let catalogCommands = [
    ["migrate"], ["library", "add", "x", "/usr"], ["library", "list"], ["library", "list", "--json"],
    ["library", "show", "x"], ["library", "set", "x", "--max-parallel", "2"], ["library", "remove", "x", "--yes"],
    ["verify", "x"], ["verify", "x", "--json"], ["events", "1"], ["changes", "1"], ["queue", "dead", "list"],
    ["queue", "dead", "drop", "--all", "--yes"],
    ["status", "--watch"],
    ["scan", "x"], ["scan", "/usr", "--wait", "--json"],
    ["status"], ["status", "x", "--json"], ["history"], ["errors", "1"], ["queue"], ["workers"], ["worker"],
    ["reaper"],
  ]
  static let queueCommands = [
    ["queue"], ["queue", "--json"], ["queue", "dead", "list"], ["queue", "dead", "list", "--queue", "q"],
    ["queue", "dead", "retry", "a"], ["workers"], ["worker", "--slots", "1"], ["reaper"],
  ]

  @Test(arguments: catalogCommands) func `without Postgres every command says so`(command: [String]) throws {
    let environment = [
      "ROLLCALL_POSTGRES_URL": "postgresql:///rollcall?host=/nonexistent",
      "ROLLCALL_REDIS_URL": try TestServers.redisURL(),
    ]
    expectFailure(try rollcall(command, environment), code: 5, saying: "Postgres cannot be reached", "/nonexistent")
  }

  @Test(arguments: ["unix:///nonexistent/redis.sock", "redis://127.0.0.1:1/0", "redis://no-such-host.invalid:6379"])
  func `without Redis what needs it says so`(url: String) throws {
    let deployment = try TestDeployment()
    for command in Self.queueCommands {
      let ended = try deployment.run(command, more: ["ROLLCALL_REDIS_URL": url], within: .seconds(60))
      expectFailure(ended, code: 5, saying: "cannot reach Redis at \(url.prefix(20))", "check")
    }
  }

  @Test func `what only reads the catalogue works without Redis`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    let away = ["ROLLCALL_REDIS_URL": "unix:///nonexistent/redis.sock"]
    #expect(try deployment.run(["scan", "x"], more: away).code == 0)
    for command in [
      ["library", "list"], ["library", "show", "x"], ["status"], ["status", "x"], ["history"], ["errors", "1"],
      ["events", "1"], ["changes", "1"], ["library", "set", "x", "--max-parallel", "2"],
    ] {
      let ended = try deployment.run(command, more: away)
      #expect(ended.code == 0, "\(command): \(ended.errors)")
      #expect(ended.errors == "")
    }
    #expect(try object(deployment.run(["status", "x", "--json"], more: away))["heartbeat_alive"] is NSNull)
  }

  @Test func `what the catalogue cannot answer is an error, not an unknown heartbeat`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    try deployment.database.query("ALTER TABLE slices RENAME TO elsewhere")
    expectFailure(try deployment.run(["status", "x", "--json"]), code: 1, saying: "slices")
  }

  @Test func `a database that is not there is named with what to do`() throws {
    let database = try TestDatabase()
    let url = database.url.replacing(database.name, with: "rollcall_nowhere")
    for command in [["migrate"], ["status"], ["worker"]] {
      let environment = ["ROLLCALL_POSTGRES_URL": url, "ROLLCALL_REDIS_URL": try TestServers.redisURL()]
      expectFailure(try rollcall(command, environment), code: 5, saying: "\"rollcall_nowhere\"", "createdb")
    }
  }

  @Test func `servers that accept and stay silent hang nobody`() throws {
    let directory = try TemporaryDirectory()
    let postgres = try SilentSocket(directory.appending(".s.PGSQL.5432"))
    let redis = try SilentSocket(directory.appending("redis.sock"))
    defer { withExtendedLifetime((postgres, redis)) {} }
    let deployment = try TestDeployment()
    let silent = [
      ["ROLLCALL_POSTGRES_URL": "host=\(directory.path)"],
      ["ROLLCALL_REDIS_URL": "unix://\(directory.path)/redis.sock"],
    ]
    let started = try silent.flatMap { more in
      try [["queue"], ["worker"]].map { try deployment.start($0, more: more) }
    }
    for command in started {
      expectFailure(try command.wait(), code: 5, saying: directory.path)
    }
  }
}

/// A Unix socket that accepts connections (the kernel does) and never says a word.
private final class SilentSocket {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(isBound == 0 && listen(descriptor, 16) == 0, "cannot listen on \(path)")
  }

  deinit { close(descriptor) }
}
