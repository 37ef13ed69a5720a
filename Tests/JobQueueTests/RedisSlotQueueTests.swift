import Foundation
import Logging
import RedisClient
import ScanModel
import Synchronization
import TestSupport
import Testing

@testable import JobQueue

@Suite("A slot's queue on Redis")
struct RedisSlotQueueTests {
  let world: RedisWorld
  let me = SlotID(worker: WorkerID(name: "anna", suffix: "1"), index: 0)
  let slice = SliceID(scan: ScanID(7), number: 2)
  let claim = ClaimID()

  init() throws { world = try RedisWorld() }

  @Test("is found under the documented keys")
  func keys() throws {
    let slot = world.redisSlot(me)
    try slot.push([[1], [2], [3]], to: "q")
    #expect(try world.list("{q}:queue") == [[3], [2], [1]])
    let job = try #require(try slot.take(wait: .zero))
    #expect(try world.list("{q}:inflight:anna-1/0") == [[1]])
    _ = try slot.claim(job, slice: slice, claim: claim)
    #expect(try world.redis.command("GET", world.key("{q}:lock:7/2")).text == "anna-1/0/\(claim)")
    try slot.bury(job, lock: nil, reason: "r")
    #expect(try world.list("{q}:dead").count == 1)
  }

  @Test("claims for the lock's time to live, anew at each repetition")
  func lockTTL() throws {
    let slot = world.redisSlot(me, lockTTL: .seconds(60))
    try slot.push([[1]], to: "q")
    let job = try #require(try slot.take(wait: .zero))
    for _ in 0..<2 {
      #expect(try slot.claim(job, slice: slice, claim: claim) == .claimed)
      let left = try #require(try world.redis.command("PTTL", world.key("{q}:lock:7/2")).integer)
      #expect((50_000...60_000).contains(left))
      try world.redis.command("PEXPIRE", world.key("{q}:lock:7/2"), "10000")
    }
  }

  @Test("wakes from a wait when a job comes, on each of its queues in turn")
  func wakes() throws {
    let connection = RedisConnection(endpoint: world.endpoint)
    let client = RedisArgument(try #require(try connection.command("CLIENT", "ID").integer))
    let slot = RedisSlotQueue(
      connection: connection, prefix: world.prefix, slot: me, queues: ["q", "r"], lockTTL: .seconds(60),
      logger: Logger(label: "test"))
    for queue in ["q", "r", "q"] {
      Thread.detachNewThread { [endpoint = world.endpoint, key = world.key("{\(queue)}:queue")] in
        // If this fails, the take below finds nothing and says so.
        try? Self.push(to: key, onceBlocked: client, RedisConnection(endpoint: endpoint))
      }
      #expect(try slot.take(wait: .seconds(1))?.queue == queue)
    }
  }

  /// Pushes once the client waits: before, the round at the start of a take would get the job.
  private static func push(to key: RedisArgument, onceBlocked client: RedisArgument, _ redis: RedisConnection) throws {
    let end = ContinuousClock.now + .seconds(1)
    while ContinuousClock.now < end {
      if try redis.command("CLIENT", "LIST", "ID", client).text?.contains(/flags=[A-Za-z]*b/) == true { break }
    }
    try redis.command("LPUSH", key, "woken")
  }

  @Test(
    "takes from its later queues where a key of the first is of another type",
    arguments: ["queue", "inflight:anna-1/0"])
  func strangersKey(_ name: String) throws {
    let other = world.redisSlot(me, queues: ["q", "r"])
    try other.push([[1], [2]], to: "r")
    try other.push([[3]], to: "q")
    try world.redis.command("RENAME", world.key("{q}:queue"), world.key("{q}:kept"))
    try world.redis.command("SET", world.key("{q}:\(name)"), "no list")
    if name != "queue" { try world.redis.command("RENAME", world.key("{q}:kept"), world.key("{q}:queue")) }
    #expect(try other.ownInflight() == nil)
    #expect(try other.take(wait: .zero) == TakenJob(queue: "r", payload: [1]))
    #expect(try other.ownInflight() == TakenJob(queue: "r", payload: [1]))
    #expect(try other.take(wait: .seconds(1)) == TakenJob(queue: "r", payload: [2]))
    for _ in 0..<3 { #expect(try other.take(wait: .milliseconds(10)) == nil, "it waits on the other queue") }
    let error = try #require(throws: QueueError.self) { try world.redisSlot(me).take(wait: .milliseconds(10)) }
    #expect(!error.isOutage && error.description.contains("queue q"))
  }

  @Test("waits for no longer than it is told")
  func waits() throws {
    let slot = world.redisSlot(me)
    let start = ContinuousClock.now
    #expect(try slot.take(wait: .milliseconds(50)) == nil)
    #expect(ContinuousClock.now - start >= .milliseconds(50))
    #expect(try slot.take(wait: .seconds(100)) == nil)
    #expect(ContinuousClock.now - start < .seconds(10), "a second is the most, but for the machine's load")
  }

  @Test("finds in its in-flight list what a take brought whose reply was lost")
  func lostTake() throws {
    let proxy = try LossyProxy(to: world.endpoint)
    let slot = RedisSlotQueue(
      connection: RedisConnection(endpoint: proxy.endpoint), prefix: world.prefix, slot: me, queues: ["q"],
      lockTTL: .seconds(60), logger: Logger(label: "test"))
    try slot.push([[7]], to: "q")
    proxy.loseReply(to: "RPOPLPUSH")
    let error = try #require(throws: QueueError.self) { try slot.take(wait: .zero) }
    #expect(error.isOutage)
    let job = try #require(try slot.ownInflight())
    #expect(job.payload == [7])

    proxy.loseReply(to: "EVALSHA")
    #expect(throws: QueueError.self) { try slot.bury(job, lock: nil, reason: "r") }
    #expect(try !slot.bury(job, lock: nil, reason: "r"))
    #expect(try world.buried("q").count == 1)
  }

  @Test("keeps a dead list to its cap, the newest, and logs what it drops")
  func deadCap() throws {
    let log = RecordingLog()
    let slot = world.redisSlot(me, deadCap: 3, logger: Logger(label: "test") { _ in log })
    for number in 1...5 as ClosedRange<UInt8> {
      try slot.push([[number]], to: "q")
      try slot.bury(try #require(try slot.take(wait: .zero)), lock: nil, reason: "\(number)")
      #expect(log.lines.withLock(\.count) == max(0, Int(number) - 3))
    }
    #expect(try world.buried("q").map(\.reason) == ["5", "4", "3"])
  }

  @Test("writes the dead list's entry as one line of JSON")
  func deadEntry() throws {
    let slot = world.redisSlot(me)
    for payload in [Array("a\nb".utf8), [0xff]] {
      try slot.push([payload], to: "q")
      try slot.bury(try #require(try slot.take(wait: .zero)), lock: nil, reason: "not good")
    }
    let lines = try world.list("{q}:dead").map { String(decoding: $0, as: UTF8.self) }
    let time = /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z/
    let id = /"id":"[0-9a-z]{10}"/
    #expect(
      lines.map { $0.replacing(time, with: "TIME").replacing(id, with: #""id":"ID""#) } == [
        #"{"id":"ID","payload_base64":"/w==","reason":"not good","time":"TIME","worker":"anna-1"}"#,
        #"{"id":"ID","payload":"a\nb","payload_base64":"YQpi","reason":"not good","time":"TIME","worker":"anna-1"}"#,
      ])
  }

  @Test("shows no text of what is longer than a request may be, and keeps its bytes", arguments: [0, 1])
  func deadLarge(_ excess: Int) throws {
    let slot = world.redisSlot(me)
    let payload = [UInt8](repeating: UInt8(ascii: "a"), count: QueueMessage.maximumBytes + excess)
    try slot.push([payload], to: "q")
    try slot.bury(try #require(try slot.take(wait: .zero)), lock: nil, reason: "r")
    let entry = try #require(try world.buried("q").first)
    #expect(Array(entry.payload_base64) == payload)
    #expect((entry.payload == nil) == (excess > 0))
  }

  @Test("keeps a job in flight when the key that it is to go to is no list", arguments: ["queue", "dead"])
  func strangerInTheWay(key: String) throws {
    let slot = world.redisSlot(me)
    try slot.push([[1]], to: "q")
    let job = try #require(try slot.take(wait: .zero))
    try world.redis.command("SET", world.key("{q}:\(key)"), "no list")
    #expect(throws: QueueError.self) {
      if key == "queue" {
        try slot.handBack(job, lock: nil, to: .front)
      } else {
        try slot.bury(job, lock: nil, reason: "r")
      }
    }
    #expect(try slot.ownInflight() == job)
  }

  @Test("survives that Redis forgets the scripts")
  func scriptFlush() throws {
    let slot = world.redisSlot(me)
    for _ in 0..<2 {
      try slot.push([[1]], to: "q")
      #expect(try slot.finish(try #require(try slot.take(wait: .zero)), lock: nil))
      try world.redis.command("SCRIPT", "FLUSH")
    }
  }

  @Test("says what it was doing, in one line, when Redis is away")
  func away() throws {
    let slot = RedisSlotQueue(
      connection: RedisConnection(endpoint: try RedisEndpoint(url: "unix:///nonexistent/redis.sock")), prefix: "p",
      slot: me, queues: ["q"], lockTTL: .seconds(1), logger: Logger(label: "test"))
    let error = try #require(throws: QueueError.self) { try slot.take(wait: .zero) }
    #expect(error.isOutage)
    #expect(error.description.hasPrefix("cannot take from queue q: cannot reach Redis at unix:///nonexistent"))
  }
}

/// Keeps the messages that were logged.
final class RecordingLog: LogHandler, Sendable {
  let lines = Mutex<[String]>([])
  // A test's log has no level and no metadata of its own.
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) { lines.withLock { $0.append("\(event.message)") } }
}
