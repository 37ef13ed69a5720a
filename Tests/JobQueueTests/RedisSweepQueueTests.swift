import Foundation
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

@Suite("A reaper's queue on Redis")
struct RedisSweepQueueTests {
  let world: RedisWorld
  let queue: any SweepQueue
  let anna = WorkerID(name: "anna", suffix: "1")

  init() throws {
    world = try RedisWorld()
    queue = world.sweepQueue("r-1")
  }

  @Test("keeps its marker under the documented key, with a time to live")
  func marker() throws {
    _ = try queue.mark(for: .seconds(60))
    let left = try #require(try world.redis.command("PTTL", world.key("{q}:reaper:r-1")).integer)
    #expect((50_000...60_000).contains(left))
  }

  @Test("finds a pointer wherever it is on a queue of any length", arguments: [0, 999, 1000, 100_000, 100_500])
  func longQueue(_ before: Int) throws {
    let slice = SliceID(scan: ScanID(7), number: 1)
    let slot = world.redisSlot(SlotID(worker: anna, index: 0))
    try slot.push([QueueMessage.pointerBytes(slice)], to: "q")
    try slot.push(Array(repeating: Array("x".utf8), count: before), to: "q")
    let other = SliceID(scan: ScanID(7), number: 2)
    #expect(try queue.missing([slice, other], from: "q") == [other])
  }

  @Test("reads a long in-flight list a bounded part at a time, the oldest first")
  func longList() throws {
    let slot = SlotID(worker: anna, index: 0)
    let payloads = (0..<25).map { Array("\($0)".utf8) }
    for payload in payloads {
      try world.redis.command("LPUSH", world.key("{q}:inflight:anna-1/0"), RedisArgument(payload))
    }
    #expect(try queue.inflight(of: [slot], in: "q").map(\.payload) == Array(payloads[..<10]))
  }

  @Test("takes a registration that cannot be read for one without slots, and mends it where a list is left")
  func unreadable() throws {
    try world.redis.command("HSET", world.key("{q}:workers"), "anna-1", "no JSON")
    #expect(try queue.workers(of: "q", from: nil).workers == [SweptWorker(worker: anna, slots: 0, isAlive: false)])
    try world.redis.command("LPUSH", world.key("{q}:inflight:anna-1/1"), "left")
    var cursor = try queue.discover(from: nil).next
    while let next = cursor { cursor = try queue.discover(from: next).next }
    #expect(try queue.workers(of: "q", from: nil).workers == [SweptWorker(worker: anna, slots: 2, isAlive: false)])
  }

  @Test("returns the work of a worker whose name is no UTF-8, and forgets it")
  func rawName() throws {
    let name: [UInt8] = [0x61, 0xff, 0x2f, 0xc3]
    try world.redis.command("LPUSH", RedisArgument(world.key("{q}:inflight:").bytes + name + [0x2f, 0x30]), "x")
    var cursor = try queue.discover(from: nil).next
    while let next = cursor { cursor = try queue.discover(from: next).next }
    let worker = SweptWorker(worker: WorkerID(bytes: name), slots: 1, isAlive: false)
    #expect(try queue.workers(of: "q", from: nil).workers == [worker])
    #expect(try !queue.forget(worker.worker, slots: 1, in: "q"))
    let entries = try queue.inflight(of: [SlotID(worker: worker.worker, index: 0)], in: "q")
    #expect(try entries.map { try queue.reap($0, as: .dead) } == [.returned])
    #expect(try queue.forget(worker.worker, slots: 1, in: "q"))
    #expect(try world.redis.command("EXISTS", world.key("{q}:workers")) == .integer(0))
  }

  @Test("adopts no list over a registration that changed meanwhile")
  func adoption() throws {
    let workers = world.key("{q}:workers")
    try world.redis.command("HSET", workers, "anna-1", "new")
    for seen in ["", "old"] {
      let reply = try world.redis.run(
        JobScripts.adopt, keys: [workers], arguments: ["anna-1", RedisArgument(seen), "mine"])
      #expect(reply == .integer(0))
    }
    #expect(try world.redis.command("HGET", workers, "anna-1").text == "new")
    let reply = try world.redis.run(JobScripts.adopt, keys: [workers], arguments: ["anna-1", "new", "mine"])
    #expect(reply == .integer(1))
  }

  @Test("passes over keys that only look like a queue's")
  func foreignKeys() throws {
    for name in [
      "{}:workers", "{q}:inflight:anna", "{q}:inflight:/0", "{q}:inflight:anna/01", "{q}:inflight:a/-1",
      "{q}:inflight:a/99999", "{q}:worker:anna-1", "{q}:inflight",
    ] {
      try world.redis.command("LPUSH", world.key(name), "x")
    }
    var cursor: ScanCursor?
    repeat {
      let portion = try queue.discover(from: cursor)
      #expect(portion.queues == [])
      cursor = portion.next
    } while cursor != nil
    #expect(try world.redis.command("EXISTS", world.key("{q}:workers")) == .integer(0))
  }

  @Test("reads a list of another type as an error that names it, and no outage")
  func wrongType() throws {
    try world.redis.command("SET", world.key("{q}:inflight:anna-1/0"), "x")
    let error = try #require(throws: QueueError.self) {
      try queue.inflight(of: [SlotID(worker: anna, index: 0)], in: "q")
    }
    #expect(!error.isOutage)
    #expect(error.description.contains("queue q"))
    #expect(error.description.contains("the key \(world.prefix):{q}:inflight:anna-1/0 (a string) is of another type"))
  }

  @Test("returns an entry once, though the reply was lost")
  func lostReply() throws {
    let proxy = try LossyProxy(to: world.endpoint)
    let lossy = RedisSweepQueue(
      connection: RedisConnection(endpoint: proxy.endpoint), prefix: world.prefix, reaper: "r-2", queue: "q")
    try world.redis.command("LPUSH", world.key("{q}:inflight:anna-1/0"), "x")
    let entry = try queue.inflight(of: [SlotID(worker: anna, index: 0)], in: "q")[0]
    proxy.loseReply(to: "EVALSHA")
    #expect(throws: QueueError.self) { try lossy.reap(entry, as: .dead) }
    #expect(try lossy.reap(entry, as: .dead) == .gone)
    #expect(try world.waiting("q") == [Array("x".utf8)])
  }

  @Test("leaves an entry where it is when the queue's key is no list")
  func strangerOnTheQueue() throws {
    try world.redis.command("LPUSH", world.key("{q}:inflight:anna-1/0"), "x")
    try world.redis.command("SET", world.key("{q}:queue"), "no list")
    let entry = try queue.inflight(of: [SlotID(worker: anna, index: 0)], in: "q")[0]
    let error = try #require(throws: QueueError.self) { try queue.reap(entry, as: .dead) }
    #expect(error.description.contains("the key \(world.prefix):{q}:queue (a string) is"), "\(error)")
    try world.redis.command("DEL", world.key("{q}:queue"))
    #expect(try queue.reap(entry, as: .dead) == .returned)
    #expect(try world.waiting("q") == [Array("x".utf8)])
  }
}
