import Foundation
import TestSupport
import Testing

/// `rollcall up` from a newcomer's side. As root and as an ordinary user alike.
@Suite(.serialized) struct UpTests {
  private let instance: UpInstance

  init() throws { instance = try UpInstance() }

  @Test func `one command makes a catalogue, and again it brings it up to date`() throws {
    let tree = try instance.tree("media", ["a", "b", "c"])
    let first = try instance.up(["--scan", tree, "--exit"]).wait()
    #expect(first.code == 0, "\(first.errors)")
    #expect(first.text.hasPrefix("Rollcall is up: a worker, a reaper, and a private Redis and Postgres under "))
    #expect(first.text.contains("Status       completed"))
    #expect(first.text.contains("Files        3"))
    #expect(!first.errors.contains("\"level\""), "no log interrupts the result: \(first.errors)")
    #expect(instance.servers().isEmpty)

    try run(["touch", "\(tree)/d"])
    let second = try instance.up(["--scan", tree, "--exit"]).wait()
    #expect(second.code == 0, "\(second.errors)")
    #expect(second.text.contains("Files        4"))
    #expect(second.text.contains("Changes      1 added, 3 unchanged"))
    #expect(instance.servers().isEmpty)
  }

  @Test func `a terminal that closes ends it and its servers, but not under nohup`() throws {
    let kept = try ChildProcess(["nohup", instance.program, "up", "--data", instance.data, "--log-level", "info"])
    try eventually("up serves") { kept.errorsSoFar.contains("worker started") }
    let status = try String(contentsOfFile: "/proc/\(kept.pid)/status", encoding: .utf8)
    let ignored = try #require(status.firstMatch(of: /SigIgn:\s*([0-9a-f]+)/)).1
    #expect(try #require(UInt64(ignored, radix: 16)) & 1 == 1, "the kernel still drops SIGHUP")
    kept.send(SIGTERM)
    #expect(try kept.wait().code == 0)

    let up = try instance.serving()
    up.send(SIGHUP)
    #expect(try up.wait().code == 0)
    #expect(instance.servers().isEmpty)
  }

  @Test func `it serves until SIGTERM, then leaves no server`() throws {
    let tree = try instance.tree("media")
    let up = try instance.serving(["--scan", tree])
    let environment = try instance.exports(up)
    #expect(Set(environment.keys) == ["ROLLCALL_CONFIG", "ROLLCALL_REDIS_URL", "ROLLCALL_POSTGRES_URL"])
    try eventually("the scan is shown") { up.outputSoFar.contains("completed") }
    #expect(up.isRunning)
    #expect(instance.servers().count >= 2)

    // Any one of what it prints suffices for another shell.
    for one in [["ROLLCALL_CONFIG"], ["ROLLCALL_REDIS_URL", "ROLLCALL_POSTGRES_URL"]] {
      let ended = try rollcall(["status", "--json"], environment.filter { one.contains($0.key) })
      #expect(try array(ended).map { $0["library"] as? String } == ["media"])
    }
    let other = try instance.up().wait()
    expectFailure(other, code: 2, saying: "another `rollcall up` (process \(up.pid))", "--data")

    up.send(SIGTERM)
    #expect(try up.wait().code == 0)
    #expect(instance.servers().isEmpty)
  }

  @Test func `a prefix of one's own reaches the other shells`() throws {
    let up = try instance.serving(["--prefix", "mine"])
    let environment = try instance.exports(up)
    #expect(environment["ROLLCALL_PREFIX"] == "mine")
    for one in [["ROLLCALL_CONFIG"], ["ROLLCALL_REDIS_URL", "ROLLCALL_POSTGRES_URL", "ROLLCALL_PREFIX"]] {
      let ended = try rollcall(["queue", "--json"], environment.filter { one.contains($0.key) })
      #expect(try array(ended).map { $0["workers_alive"] as? Int } == [1])
    }
    up.send(SIGTERM)
    #expect(try up.wait().code == 0)
  }

  @Test func `a signal while the servers start ends them too`() throws {
    let up = try instance.up()
    try eventually("Redis runs, and Postgres is to come") { access("\(instance.data)/redis/redis.sock", F_OK) == 0 }
    up.send(SIGINT)
    _ = try up.wait()
    #expect(instance.servers().isEmpty)
  }

  @Test func `after SIGKILL the next one works on the same data`() throws {
    let tree = try instance.tree("media")
    let killed = try instance.serving(["--scan", tree])
    try eventually("the scan is shown") { killed.outputSoFar.contains("completed") }
    killed.send(SIGKILL)
    _ = try killed.wait()
    #expect(!instance.servers().isEmpty)

    let next = try instance.up(["--scan", tree, "--exit"]).wait()
    #expect(next.code == 0, "\(next.errors)")
    #expect(next.text.contains("completed"))
    #expect(instance.servers().isEmpty)
  }

  @Test(arguments: [
    (String(repeating: "x", count: 120), "too long"), ("a b", "cannot stand in the servers' URLs"), ("", "--data"),
  ])
  func `a data directory whose name cannot be used is refused at once`(name: String, reason: String) throws {
    let ended = try rollcall(["up", "--data", name.isEmpty ? "" : "/tmp/\(name)"])
    expectFailure(ended, code: 2, saying: reason, "--data")
  }

  @Test func `a data directory that cannot be made is refused at once`() throws {
    let file = try instance.tree("files", ["plain"]) + "/plain"
    for path in ["\(file)/data", "/proc/rollcall", file] {
      expectFailure(try rollcall(["up", "--data", path]), code: 2, saying: path, "--data")
    }
    expectFailure(
      try rollcall(["up", "--data", instance.data, "--scan", "/nonexistent"]), code: 1, saying: "/nonexistent")
    #expect(access(instance.data, F_OK) != 0)
  }

  @Test func `a relative directory to scan begins where the command stands`() throws {
    let tree = try instance.tree("media")
    let ended = try instance.up(["--scan", "." + tree, "--exit"]).wait()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.text.contains("Files        2"), "\(ended.text)")
  }

  @Test func `a server that does not start is said with where its log is`() throws {
    // Redis cannot remove a directory to make its socket.
    try run(["mkdir", "-p", "\(instance.data)/redis/redis.sock/full"])
    try run(["chmod", "700", "\(instance.data)/redis"])
    let ended = try instance.up().wait()
    expectFailure(ended, code: 5, saying: "Redis did not start", "\(instance.data)/log/redis.log")
    #expect(instance.servers().isEmpty)
  }
}
