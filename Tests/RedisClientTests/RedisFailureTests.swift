import Glibc
import TestSupport
import Testing

@testable import RedisClient

@Suite("When Redis fails")
struct RedisFailureTests {
  private func failure(
    of endpoint: RedisEndpoint, connectTimeout: Duration = .seconds(10), deadline: Duration = .seconds(10)
  ) throws -> RedisError {
    let connection = RedisConnection(
      endpoint: endpoint, connectTimeout: connectTimeout, deadline: deadline)
    return try #require(throws: RedisError.self) { try connection.command("PING") }
  }

  @Test("a socket that is not there is unreachable")
  func absentSocket() throws {
    let error = try failure(of: RedisEndpoint(url: "unix:///nonexistent/redis.sock"))
    #expect(error == .unreachable(endpoint: "unix:///nonexistent/redis.sock", reason: "No such file or directory"))
    #expect(error.isOutage && !error.description.contains("\n"))
  }

  @Test("a port on which nobody listens is unreachable")
  func refusedPort() throws {
    let port = try ScriptedPeer(replies: [], then: .silence).port  // Closed again with the peer's end.
    let connection = RedisConnection(endpoint: RedisEndpoint(address: .tcp(host: "127.0.0.1", port: port)))
    let refused = wait { (try? connection.command("PING")) == nil }  // Any failure: which one is looked at below.
    #expect(refused)
    let error = try #require(throws: RedisError.self) { try connection.command("PING") }
    #expect(error == .unreachable(endpoint: "redis://127.0.0.1:\(port)/0", reason: "Connection refused"))
  }

  @Test("a host that has no address is unreachable")
  func unknownHost() throws {
    guard case .unreachable = try failure(of: RedisEndpoint(url: "redis://no-such-host.invalid")) else {
      Issue.record("not unreachable")
      return
    }
  }

  @Test("a peer that accepts and never answers ends at the deadline")
  func silentPeer() throws {
    let peer = try ScriptedPeer(replies: ["+OK\r\n"], then: .silence)
    let start = ContinuousClock.now
    let error = try failure(of: peer.endpoint, deadline: .milliseconds(300))
    #expect(error == .deadline(endpoint: peer.endpoint.description, command: "PING", after: .milliseconds(300)))
    #expect(error.isOutage)
    #expect((.milliseconds(300)..<Duration.seconds(10)).contains(ContinuousClock.now - start))
  }

  @Test("a peer that is silent from the start ends at the connect timeout")
  func silentAtLogin() throws {
    let peer = try ScriptedPeer(replies: [], then: .silence)
    #expect(
      try failure(of: peer.endpoint, connectTimeout: .milliseconds(200))
        == .deadline(endpoint: peer.endpoint.description, command: "SELECT", after: .milliseconds(200)))
  }

  @Test("a reply that trickles in for ever ends at the deadline too")
  func tricklingPeer() throws {
    let peer = try ScriptedPeer(replies: ["+OK\r\n", "$1000000\r\n"], then: .trickle(120))
    let error = try failure(of: peer.endpoint, deadline: .milliseconds(300))
    #expect(error == .deadline(endpoint: peer.endpoint.description, command: "PING", after: .milliseconds(300)))
  }

  @Test("a socket on which a reply is overdue is never used again")
  func overdueReply() throws {
    let peer = try ScriptedPeer(replies: ["+OK\r\n"], then: .silence)
    let connection = RedisConnection(endpoint: peer.endpoint, deadline: .milliseconds(50))
    for attempt in 1...3 {
      #expect(throws: RedisError.self) { try connection.command("PING") }
      #expect(peer.connections == attempt)
    }
  }

  @Test("a reply that comes after its deadline is never taken for the next one's")
  func lateReply() throws {
    let redis = try PrivateRedis()
    let connection = RedisConnection(endpoint: redis.endpoint())
    #expect(throws: RedisError.self) { try connection.command("BLPOP", "list", "0", deadline: .milliseconds(100)) }
    try RedisConnection(endpoint: redis.endpoint()).command("LPUSH", "list", "late")
    #expect(try connection.command("ECHO", "mine").text == "mine")
  }

  @Test("a call's own deadline goes before the connection's")
  func ownDeadline() throws {
    let connection = RedisConnection(
      endpoint: try RedisEndpoint(url: TestServers.redisURL()), deadline: .milliseconds(50))
    let key = RedisArgument(TestServers.uniqueName())
    #expect(try connection.command("BLPOP", key, "0.2", deadline: .seconds(5)) == .null)
  }

  @Test("a reply cut short is a lost connection")
  func hangUp() throws {
    let peer = try ScriptedPeer(replies: ["+OK\r\n", "$100\r\nabc"], then: .hangUp)
    #expect(
      try failure(of: peer.endpoint)
        == .unreachable(endpoint: peer.endpoint.description, reason: "Server closed the connection"))
  }

  @Test(
    "bytes that are no RESP2 are a violation of the protocol",
    arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", String(repeating: "*1\r\n", count: 100) + ":1\r\n"])
  func garbage(_ bytes: String) throws {
    let peer = try ScriptedPeer(replies: ["+OK\r\n", bytes], then: .silence)
    let error = try failure(of: peer.endpoint)
    guard case .protocolViolation = error else {
      Issue.record("\(error)")
      return
    }
    #expect(!error.isOutage)
  }

  @Test("a server that turns newcomers away is unreachable, with its words")
  func tooManyClients() throws {
    let peer = try ScriptedPeer(replies: ["-ERR max number of clients reached\r\n"], then: .hangUp)
    guard case .unreachable(_, let reason) = try failure(of: peer.endpoint) else {
      Issue.record("not unreachable")
      return
    }
    #expect(reason.contains("max number of clients"))
  }

  @Test(
    "an error reply of a server that is not ready is an outage, and its socket is left",
    arguments: ["LOADING", "READONLY", "MASTERDOWN", "MOVED", "MISCONF", "OOM"])
  func notReady(_ code: String) throws {
    // Who left the socket logs in anew and meets the first reply again.
    let peer = try ScriptedPeer(replies: ["+OK\r\n", "-\(code) not now\r\n", "+STILL HERE\r\n"], then: .silence)
    let connection = RedisConnection(endpoint: peer.endpoint, deadline: .seconds(5))
    for _ in 0..<2 {
      let error = try #require(throws: RedisError.self) { try connection.command("PING") }
      #expect(error == .reply(command: "PING", message: "\(code) not now") && error.isOutage)
    }
  }

  @Test("a replica after a failover is an outage for scripts too")
  func readOnlyReplica() throws {
    let redis = try PrivateRedis(["--replicaof", "127.0.0.1", "1"])
    let connection = RedisConnection(endpoint: redis.endpoint())
    let write = RedisScript(name: "write", source: Array("return redis.call('SET', KEYS[1], '1')".utf8))
    let error = try #require(throws: RedisError.self) { try connection.run(write, keys: ["k"], arguments: []) }
    #expect(error.isOutage, "\(error)")
  }

  @Test("a server that went away under the connection is an outage")
  func wentAway() throws {
    let redis = try PrivateRedis()
    let connection = RedisConnection(endpoint: redis.endpoint())
    try connection.command("PING")
    redis.stop()
    let error = try #require(throws: RedisError.self) { try connection.command("PING") }
    #expect(error.isOutage)
  }

  @Test("no write to a peer that went away kills the process")
  func brokenPipe() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      // The server refuses the length, and hangs up while the bytes come.
      let redis = try PrivateRedis(["--proto-max-bulk-len", "1mb"])
      let connection = RedisConnection(endpoint: redis.endpoint())
      let large = RedisArgument([UInt8](repeating: 0, count: 32 << 20))
      #expect(throws: RedisError.self) { try connection.command("SET", "key", large) }
    }
  }

  @Test("what moves puts a deadline off, in proportion")
  func largeMessage() {
    var deadline = Deadline(in: .milliseconds(300))
    deadline.allow(for: 1 << 19)
    #expect(deadline.limit == .milliseconds(300) && deadline.remainingMilliseconds <= 300)
    deadline.allow(for: 60 << 20)
    #expect(deadline.limit == .milliseconds(60_300))
    #expect((50_000...60_300).contains(deadline.remainingMilliseconds))
  }
}

@Suite("Logging in")
struct RedisAuthenticationTests {
  private func outcome(_ endpoint: RedisEndpoint) -> Result<RedisValue, RedisError> {
    Result { () throws(RedisError) in try RedisConnection(endpoint: endpoint).command("PING") }
  }

  private func isRefused(_ endpoint: RedisEndpoint) -> Bool {
    guard case .failure(let error) = outcome(endpoint), case .authentication = error else { return false }
    return error.isOutage && !error.description.contains("wrong-one")
  }

  @Test("a password is needed where one is set, and a wrong one is told apart from an absent server")
  func password() throws {
    let redis = try PrivateRedis(["--requirepass", "s3cret pass"])
    #expect(outcome(redis.endpoint(password: "s3cret pass")) == .success(.status("PONG")))
    #expect(outcome(redis.endpoint(user: "default", password: "s3cret pass")) == .success(.status("PONG")))
    #expect(isRefused(redis.endpoint(password: "wrong-one")))
    #expect(isRefused(redis.endpoint()))
  }

  @Test("a user of the access list comes in with its own password only")
  func accessList() throws {
    let redis = try PrivateRedis(["--user", "anna", "on", ">annas-own", "~*", "+@all"])
    #expect(outcome(redis.endpoint(user: "anna", password: "annas-own")) == .success(.status("PONG")))
    #expect(isRefused(redis.endpoint(user: "anna", password: "wrong-one")))
    #expect(isRefused(redis.endpoint(user: "bert", password: "wrong-one")))
  }

  @Test("a password for a server that has none is refused")
  func needless() throws {
    let redis = try PrivateRedis()
    #expect(isRefused(redis.endpoint(password: "wrong-one")))
  }
}

/// Looks at a condition until it holds, for 10 s at most.
func wait(until condition: () -> Bool) -> Bool {
  let end = ContinuousClock.now + .seconds(10)
  while ContinuousClock.now < end {
    if condition() { return true }
  }
  return false
}
