import Foundation
import RedisClient
import ScanModel
import Testing

@testable import JobQueue

@Suite("Queues from outside")
struct RedisQueuesTests {
  let world: RedisWorld
  let queues: RedisQueues

  init() throws {
    world = try RedisWorld()
    queues = RedisQueues(connection: RedisConnection(endpoint: world.endpoint), prefix: world.prefix)
  }

  private func register(_ name: String, slots: Int, ttl: Duration = .seconds(60)) throws -> WorkerID {
    let worker = WorkerID(name: name, suffix: "1")
    let heartbeat = RedisHeartbeat(
      connection: RedisConnection(endpoint: world.endpoint), prefix: world.prefix, worker: worker, queues: ["q"])
    try heartbeat.beat(
      json: Array(#"{"host":"h"}"#.utf8), registration: WorkerRegistration(slots: slots, startedAt: .distantPast),
      ttl: ttl)
    return worker
  }

  @Test(
    "finds its queues, and those of no other prefix, whatever its prefix has in it",
    arguments: [
      "a*b", "a?b", "a[b", "a[b]c", #"a\b"#, #"a\*b"#,
    ])
  func patternPrefix(_ suffix: String) throws {
    let prefix = world.prefix + suffix
    let redis = RedisConnection(endpoint: world.endpoint)
    defer { _ = try? redis.command("DEL", "\(prefix):{own}:queue") }
    try redis.command("LPUSH", "\(prefix):{own}:queue", "x")
    let found = try RedisQueues(connection: redis, prefix: prefix).discover()
    #expect(found.names == ["own"])
    let swept = RedisSweepQueue(connection: redis, prefix: prefix, reaper: "r", queue: "q")
    try redis.command("LPUSH", "\(prefix):{own}:inflight:anna-1/0", "x")
    defer { _ = try? redis.command("DEL", "\(prefix):{own}:inflight:anna-1/0", "\(prefix):{own}:workers") }
    var queues: Set<String> = []
    var cursor: ScanCursor?
    repeat {
      let portion = try swept.discover(from: cursor)
      queues.formUnion(portion.queues)
      cursor = portion.next
    } while cursor != nil
    #expect(queues == ["own"])
  }

  @Test("counts what waits and what is dead")
  func lengths() throws {
    #expect(try queues.lengths(of: "q") == QueueLengths(waiting: 0, dead: 0))
    let anna = try register("anna", slots: 1)
    try queues.push([[1], [2], [3]], to: "q")
    let slot = world.redisSlot(SlotID(worker: anna, index: 0))
    try slot.bury(try #require(try slot.take(wait: .zero)), lock: nil, reason: "r")
    #expect(try queues.lengths(of: "q") == QueueLengths(waiting: 2, dead: 1))
    #expect(try queues.lengths(of: "other") == QueueLengths(waiting: 0, dead: 0))
  }

  @Test("lists workers with their heartbeat, the dead ones too, and counts what they have in flight")
  func workers() throws {
    let bert = try register("bert", slots: 0)
    let anna = try register("anna", slots: 3)
    try world.redis.command("DEL", world.key("{q}:worker:bert-1"))
    try queues.push((0..<25).map { [$0] }, to: "q")
    for (index, jobs) in [(0, 1), (2, 20)] {
      let slot = world.redisSlot(SlotID(worker: anna, index: index))
      for _ in 0..<jobs { _ = try slot.take(wait: .zero) }
    }

    let found = try queues.workers(of: "q")
    #expect(found.map(\.worker) == [anna, bert])
    #expect(found[0].heartbeat == #"{"host":"h"}"# && found[0].registration?.slots == 3)
    #expect(found[1].heartbeat == nil && found[1].registration?.slots == 0)
    #expect(try queues.inflightCount(of: found, in: "q") == 21)
    #expect(try queues.inflightCount(of: [found[1]], in: "q") == 0)
  }

  @Test(
    "shows a worker whose registration cannot be read, and goes on",
    arguments: ["", "x", "{}", #"{"slots":-1,"started_at":"2023-11-14T22:13:20Z"}"#])
  func unreadable(_ entry: String) throws {
    try world.redis.command("HSET", world.key("{q}:workers"), "odd", RedisArgument(entry))
    _ = try register("anna", slots: 1)
    let found = try queues.workers(of: "q")
    #expect(found.map(\.worker.description) == ["anna-1", "odd"])
    #expect(found[1].registration == nil && found[1].heartbeat == nil)
    #expect(try queues.inflightCount(of: found, in: "q") == 0)
  }

  @Test("shows workers whose names are no UTF-8 apart")
  func rawNames() throws {
    let json: RedisArgument = #"{"slots":0,"started_at":"2023-11-14T22:13:20Z"}"#
    let names: [[UInt8]] = [[0x61, 0xc3], [0x61, 0xff], [0x61, 0xef, 0xbf, 0xbd]]
    for name in names { try world.redis.command("HSET", world.key("{q}:workers"), RedisArgument(name), json) }
    try world.redis.command("SET", RedisArgument(world.key("{q}:worker:").bytes + names[1]), "{}")
    let found = try queues.workers(of: "q")
    #expect(found.map(\.worker.bytes) == [names[0], names[2], names[1]])
    #expect(found.map { $0.heartbeat != nil } == [false, false, true])
  }

  @Test("is bounded, however many workers are registered")
  func bounded() throws {
    let pairs: [RedisArgument] = (0..<3000).flatMap { ["w\($0)", #"{"slots":0,"started_at":"2023-11-14T22:13:20Z"}"#] }
    try world.redis.command(["HSET", world.key("{q}:workers")] + pairs)
    #expect(try queues.workers(of: "q").count == RedisQueues.mostWorkers)
  }

  @Test("finds every queue of which Redis has anything, and nothing else")
  func discovers() throws {
    #expect(try queues.discover() == DiscoveredQueues(names: [], isComplete: true))
    try queues.push([[1]], to: "waiting")
    try world.redis.command("LPUSH", world.key("{dead}:dead"), "x")
    try world.redis.command("LPUSH", world.key("{taken}:inflight:w-1/0"), "x")
    try world.redis.command("HSET", world.key("{served}:workers"), "w-1", "{}")
    for name in [
      "{e}:queue", "{f}:workers", "{a}:other", "{b}:lock:1/1", "{c}:deadly", "{}:queue", "plain", "{d}:worker:w-1",
    ] {
      try world.redis.command("SET", world.key(name), "x")
    }
    #expect(try queues.discover().names == ["waiting", "dead", "taken", "served"])
  }

  @Test("tells whether a queue holds a message as wanted, as far as it looks")
  func waiting() throws {
    let wanted = SliceID(scan: ScanID(7), number: 1)
    func isLeft() throws -> Bool? { try queues.hasWaiting(on: "q") { $0 == .pointer(wanted) } }
    #expect(try isLeft() == false)
    try queues.push([QueueMessage.pointerBytes(wanted)], to: "q")
    #expect(try isLeft() == true)
    try queues.push(Array(repeating: [0xff], count: RedisQueues.messagesPerPage), to: "q")
    #expect(try isLeft() == true)
    try queues.push(Array(repeating: [0xff], count: RedisQueues.messagesPerPage * RedisQueues.messagePages), to: "q")
    #expect(try isLeft() == nil)
  }
}
