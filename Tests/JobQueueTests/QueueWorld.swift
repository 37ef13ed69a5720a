import Foundation
import InMemoryModels
import Logging
import RedisClient
import ScanModel
import TestSupport

@testable import JobQueue

/// A queue server as the conformance suite sees it: what is on it, and what others did to it.
protocol QueueWorld {
  func slot(_ slot: SlotID, queues: [String]) -> any SlotQueue
  func sweepQueue(_ reaper: String) -> any SweepQueue

  /// The jobs that wait, the next one to be taken first.
  func waiting(_ queue: String) throws -> [[UInt8]]
  func inflight(_ slot: SlotID, _ queue: String) throws -> [[UInt8]]
  func buried(_ queue: String) throws -> [BuriedMessage]
  func lock(_ slice: SliceID, _ queue: String) throws -> String?

  func setLock(_ slice: SliceID, _ queue: String, to token: String) throws
  /// A worker's heartbeat in one queue.
  func beat(_ worker: WorkerID, _ queue: String) throws
  /// The heartbeat's time to live is over.
  func expireHeartbeat(_ worker: WorkerID, _ queue: String) throws
  func register(_ worker: WorkerID, slots: Int, _ queue: String) throws
  func isRegistered(_ worker: WorkerID, _ queue: String) throws -> Bool
  func setHeartbeat(_ worker: WorkerID, _ queue: String, to isThere: Bool) throws
  /// The server loses everything.
  func forget() throws
}

/// The implementations that must pass the conformance suite.
enum Implementation: CaseIterable {
  case redis, memory

  func world() throws -> any QueueWorld {
    switch self {
    case .redis: try RedisWorld()
    case .memory: MemoryQueueServer()
    }
  }
}

extension MemoryQueueServer: QueueWorld {
  func sweepQueue(_ reaper: String) -> any SweepQueue { sweepQueue(of: reaper) }

  func setHeartbeat(_ worker: WorkerID, _ queue: String, to isThere: Bool) {
    if isThere { beat(worker, queue) } else { expireHeartbeat(worker, queue) }
  }

  func buried(_ queue: String) -> [BuriedMessage] {
    buried(queue).map { (job: BuriedJob) in BuriedMessage(job.payload, reason: job.reason, worker: job.worker) }
  }
}

/// The real server, under a key prefix of one test's own.
final class RedisWorld: QueueWorld {
  let endpoint: RedisEndpoint
  let prefix = TestServers.uniqueName()
  /// Looks and meddles from outside.
  let redis: RedisConnection

  init() throws {
    endpoint = try RedisEndpoint(url: TestServers.redisURL())
    redis = RedisConnection(endpoint: endpoint)
  }

  deinit { try? forget() }  // Leftovers on a test's server harm no other test.

  func slot(_ slot: SlotID, queues: [String]) -> any SlotQueue { redisSlot(slot, queues: queues) }

  func redisSlot(
    _ slot: SlotID, queues: [String] = ["q"], lockTTL: Duration = .seconds(60), deadCap: Int = 10_000,
    logger: Logger = Logger(label: "test")
  ) -> RedisSlotQueue {
    RedisSlotQueue(
      connection: RedisConnection(endpoint: endpoint), prefix: prefix, slot: slot, queues: queues, lockTTL: lockTTL,
      deadCap: deadCap, logger: logger)
  }

  func waiting(_ queue: String) throws -> [[UInt8]] { try list("{\(queue)}:queue").reversed() }
  func inflight(_ slot: SlotID, _ queue: String) throws -> [[UInt8]] { try list("{\(queue)}:inflight:\(slot)") }

  func buried(_ queue: String) throws -> [BuriedMessage] {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try list("{\(queue)}:dead").map { try decoder.decode(BuriedMessage.self, from: Data($0)) }
  }

  func lock(_ slice: SliceID, _ queue: String) throws -> String? {
    try redis.command("GET", key("{\(queue)}:lock:\(slice)")).text
  }

  func setLock(_ slice: SliceID, _ queue: String, to token: String) throws {
    try redis.command("SET", key("{\(queue)}:lock:\(slice)"), RedisArgument(token))
  }

  func beat(_ worker: WorkerID, _ queue: String) throws {
    let heartbeat = RedisHeartbeat(
      connection: RedisConnection(endpoint: endpoint), prefix: prefix, worker: worker, queues: [queue])
    try heartbeat.beat(
      json: Array("{}".utf8), registration: WorkerRegistration(slots: 1, startedAt: Date()), ttl: .seconds(60))
  }

  func expireHeartbeat(_ worker: WorkerID, _ queue: String) throws {
    try redis.command("DEL", key("{\(queue)}:worker:\(worker)"))
  }

  func sweepQueue(_ reaper: String) -> any SweepQueue {
    RedisSweepQueue(
      connection: RedisConnection(endpoint: endpoint), prefix: prefix, reaper: reaper, queue: "q")
  }

  func register(_ worker: WorkerID, slots: Int, _ queue: String) throws {
    let json = #"{"slots":\#(slots),"started_at":"2023-11-14T22:13:20Z"}"#
    try redis.command("HSET", key("{\(queue)}:workers"), "\(worker)", RedisArgument(json))
  }

  func isRegistered(_ worker: WorkerID, _ queue: String) throws -> Bool {
    try redis.command("HEXISTS", key("{\(queue)}:workers"), "\(worker)") == .integer(1)
  }

  func setHeartbeat(_ worker: WorkerID, _ queue: String, to isThere: Bool) throws {
    let key = key("{\(queue)}:worker:\(worker)")
    if isThere { try redis.command("SET", key, "{}") } else { try redis.command("DEL", key) }
  }

  func forget() throws {
    var cursor: RedisArgument = "0"
    repeat {
      let reply = try redis.command("SCAN", cursor, "MATCH", "\(prefix):*", "COUNT", "1000").array ?? []
      let keys = reply[1].array?.compactMap(\.bytes) ?? []
      if !keys.isEmpty { try redis.command(["UNLINK"] + keys.map { RedisArgument($0) }) }
      cursor = RedisArgument(reply[0].bytes ?? [])
    } while cursor != "0"
  }

  /// Names are spelled out here: they are public, and must not follow a change of `QueueKeys`.
  func key(_ name: String) -> RedisArgument { "\(prefix):\(name)" }

  func list(_ name: String) throws -> [[UInt8]] {
    try (redis.command("LRANGE", key(name), "0", "-1").array ?? []).compactMap(\.bytes)
  }
}
