import Foundation
import RedisClient
import Synchronization
import TestSupport
import Testing

@Suite("A connection to a real Redis")
struct RedisConnectionTests {
  let connection: RedisConnection
  let key = RedisArgument(TestServers.uniqueName())

  init() throws {
    connection = RedisConnection(endpoint: try RedisEndpoint(url: TestServers.redisURL()))
  }

  @Test("decodes every kind of reply")
  func decodes() throws {
    let script = RedisScript(
      name: "kinds", source: Array("return {1, 'x', false, {-7, {}}, {ok='FINE'}, {err='BAD thing'}}".utf8))
    let reply = try connection.run(script, keys: [], arguments: [])
    #expect(
      reply
        == .array([
          .integer(1), .bytes([120]), .null, .array([.integer(-7), .array([])]), .status("FINE"), .error("BAD thing"),
        ]))
    #expect(try connection.command("PING") == .status("PONG"))
    #expect(try connection.command("GET", key) == .null)
    #expect(try connection.command("INCRBY", key, RedisArgument(Int64.max)) == .integer(.max))
    try connection.command("DEL", key)
  }

  @Test("carries exact bytes, of any kind and of any length", arguments: [0, 1, 65_537, 1 << 20, 9 << 20])
  func exactBytes(_ count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
    try connection.command("SET", key, RedisArgument(bytes))
    #expect(try connection.command("GET", key) == .bytes(bytes))
    #expect(try connection.command("GETDEL", key).bytes?.count == count)
  }

  @Test("throws an error reply, names the command and goes on")
  func errorReply() throws {
    try connection.command("SET", key, "text")
    let error = try #require(throws: RedisError.self) { try connection.command("incr", key, "secret") }
    guard case .reply("INCR", let message) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(message.hasPrefix("ERR") && !error.isOutage && !error.description.contains("secret"))
    #expect(try connection.command("GETDEL", key).text == "text")
  }

  @Test("names the key that is of another type, of commands and of scripts, and goes on")
  func wrongType() throws {
    let other = RedisArgument(key.bytes + Array(":2".utf8))
    try connection.command("SET", key, "text")
    let text = TypedKey(name: key.bytes, type: "string")
    for command in [["LPUSH", key, "secret"], ["RPOPLPUSH", other, key], ["RPOPLPUSH", key, other]] {
      let error = try #require(throws: RedisError.self) {
        if command[0] == "RPOPLPUSH" { try connection.command("LPUSH", other, "x") }
        try connection.command(command)
      }
      guard case .wrongType(_, let keys) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(keys.contains(text) && !error.isOutage && !error.description.contains("secret"))
    }
    for call in ["call", "pcall"] {
      let script = RedisScript(name: call, source: Array("return redis.\(call)('LLEN', KEYS[2])".utf8))
      let error = try #require(throws: RedisError.self) {
        try connection.run(script, keys: ["absent", key], arguments: [])
      }
      #expect(error == .wrongType(command: "script \(call)", keys: [text]))
    }
    #expect(try connection.command("GETDEL", key).text == "text")
    try connection.command("DEL", other)
  }

  @Test("checks every reply of a pipeline, and stays in step after one that fails")
  func pipelineWithOneFailure() throws {
    let error = try #require(throws: RedisError.self) {
      try connection.pipeline([["SET", key, "1"], ["LLEN", key], ["INCR", key], ["HGET", key, "f"]])
    }
    guard case .wrongType("LLEN", _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(try connection.command("GETDEL", key).text == "2")
  }

  @Test("returns a pipeline's replies in order")
  func pipelineOrder() throws {
    let replies = try connection.pipeline((0..<2000).map { ["ECHO", RedisArgument($0)] })
    #expect(replies.map(\.text) == (0..<2000).map { "\($0)" })
    #expect(try connection.pipeline([]) == [])
  }

  @Test("speaks TCP, by address and by name", arguments: ["127.0.0.1", "localhost"])
  func tcp(_ host: String) throws {
    let port = try ScriptedPeer(replies: [], then: .silence).port  // Free again with the peer's end.
    let redis = try PrivateRedis(["--port", "\(port)"])
    let connection = RedisConnection(endpoint: try RedisEndpoint(url: "redis://\(host):\(port)/1"))
    let bytes = [UInt8](repeating: 255, count: 5 << 20)
    try connection.command("SET", "k", RedisArgument(bytes))
    #expect(try connection.command("GET", "k") == .bytes(bytes))
    #expect(try RedisConnection(endpoint: redis.endpoint(database: 1)).command("EXISTS", "k") == .integer(1))
  }

  @Test("works in the database of its URL")
  func database() throws {
    let redis = try PrivateRedis()
    try RedisConnection(endpoint: redis.endpoint(database: 3)).command("SET", "k", "three")
    #expect(try RedisConnection(endpoint: redis.endpoint()).command("GET", "k") == .null)
    #expect(try RedisConnection(endpoint: redis.endpoint(database: 3)).command("GET", "k").text == "three")
    #expect(throws: RedisError.self) { try RedisConnection(endpoint: redis.endpoint(database: 16)).command("PING") }
  }

  @Test("connects anew when its idle socket was closed, without a failed call")
  func reconnectsWhenKilledIdle() throws {
    let id = try #require(try connection.command("CLIENT", "ID").integer)
    let other = RedisConnection(endpoint: connection.endpoint)
    try other.command("CLIENT", "KILL", "ID", RedisArgument(id))
    #expect(try connection.command("PING") == .status("PONG"))
    #expect(try connection.command("CLIENT", "ID").integer != id)
  }

  @Test("fails a call whose socket was closed under it as an outage, and the next one connects anew")
  func killedInACall() throws {
    let id = RedisArgument(try #require(try connection.command("CLIENT", "ID").integer))
    let error = try #require(throws: RedisError.self) {
      try connection.pipeline([["CLIENT", "KILL", "ID", id, "SKIPME", "no"], ["PING"]])
    }
    guard case .unreachable = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.isOutage)
    #expect(try connection.command("PING") == .status("PONG"))
  }
}

@Suite("A script")
struct RedisScriptTests {
  let script = RedisScript(name: "echo", source: Array("return {KEYS[1], ARGV[1], ARGV[2]}".utf8))

  @Test("gets its keys and arguments, and is loaded again after SCRIPT FLUSH")
  func reloads() throws {
    let redis = try PrivateRedis()
    let connection = RedisConnection(endpoint: redis.endpoint())
    let expected = RedisValue.array([.bytes([107]), .bytes([0, 255]), .bytes([])])
    for _ in 0..<3 {
      #expect(try connection.run(script, keys: ["k"], arguments: [RedisArgument([0, 255]), ""]) == expected)
      try connection.command("SCRIPT", "FLUSH")
    }
    #expect(try connection.run(script, keys: ["k"], arguments: [RedisArgument([0, 255]), ""]) == expected)
  }

  @Test("runs also where the server forgets it again and again")
  func reloadsWhileForgotten() throws {
    let redis = try PrivateRedis()
    let connection = RedisConnection(endpoint: redis.endpoint())
    let flushing = Flushing(at: redis.endpoint())
    defer { flushing.isDone.store(true, ordering: .relaxed) }
    for _ in 0..<5_000 { try connection.run(script, keys: ["k"], arguments: ["a", "b"]) }
    #expect(flushing.count.load(ordering: .relaxed) > 0)
  }

  @Test("that fails is named in the error")
  func failure() throws {
    let connection = RedisConnection(endpoint: try RedisEndpoint(url: TestServers.redisURL()))
    let broken = RedisScript(name: "broken", source: Array("return redis.call('LLEN')".utf8))
    let error = try #require(throws: RedisError.self) { try connection.run(broken, keys: [], arguments: []) }
    #expect(error.description.contains("script broken") && !error.isOutage)
  }
}

/// A connection that makes a server forget its scripts, as often as it can.
private final class Flushing: Sendable {
  let isDone = Atomic(false)
  let count = Atomic(0)

  init(at endpoint: RedisEndpoint) {
    Thread.detachNewThread { [self] in
      let connection = RedisConnection(endpoint: endpoint)
      while !isDone.load(ordering: .relaxed), (try? connection.command("SCRIPT", "FLUSH")) != nil {
        count.add(1, ordering: .relaxed)
      }
    }
  }
}
