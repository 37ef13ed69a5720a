import Foundation
import JobQueue
import Logging
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import Worker

@Suite("A worker's heartbeat, where Redis holds keys of other types")
struct HeartbeatTests {
  private let prefix = TestServers.uniqueName()
  private let redis: RedisConnection
  private let log = RecordedLog()
  private let shared: WorkerShared
  private let worker = WorkerID(name: "anna", suffix: "1")

  init() throws {
    redis = RedisConnection(endpoint: try RedisEndpoint(url: TestServers.redisURL()))
    shared = WorkerShared(lockTTL: .seconds(30), logger: log.logger)
  }

  private func key(_ name: String) -> RedisArgument { "\(prefix):\(name)" }

  /// Puts a job on the board whose lock Redis has forgotten.
  private func hold(_ number: Int32, queue: String, _ activity: SlotActivity) {
    let slice = SliceID(scan: ScanID(7), number: number)
    let job = TakenJob(queue: queue, payload: QueueMessage.pointerBytes(slice))
    shared.board.enter(job, HeldLock(slice: slice, claim: ClaimID(description: "c")), activity: activity)
  }

  @Test func `one that is refused keeps no other lock and no other queue waiting, is told of once, and is no outage`()
    throws
  {
    let activities = (0..<3).map { SlotActivity(slot: SlotID(worker: worker, index: $0)) }
    for (index, queue) in ["q", "q", "r"].enumerated() { hold(Int32(index + 1), queue: queue, activities[index]) }
    try redis.command("LPUSH", key("{q}:lock:7/1"), "no string")
    try redis.command("SET", key("{q}:workers"), "no hash")
    let endpoint = redis.endpoint
    let settings = WorkerSettings(
      redisURL: try TestServers.redisURL(), postgresURL: "", prefix: prefix, name: "anna", host: "h", version: "0",
      slots: 3, queues: ["q", "r"], lockTTL: .seconds(60), lockRenew: .seconds(1), operationTimeout: .seconds(1),
      retryInterval: .seconds(1), maxAttempts: 3)
    let heartbeat = Heartbeat(
      redis: RedisHeartbeat(
        connection: RedisConnection(endpoint: endpoint), prefix: prefix, worker: worker, queues: ["q", "r"]),
      settings: settings, activities: activities,
      registration: WorkerRegistration(slots: 3, startedAt: Date()), shared: shared, logger: Logger(label: "test"))
    var rounds = 0
    heartbeat.run(until: { rounds == 3 }, wait: { _ in rounds += 1 })
    for name in ["{q}:lock:7/2", "{r}:lock:7/3", "{r}:worker:anna-1"] {
      #expect(try redis.command("PTTL", key(name)).integer ?? 0 > 0, "\(name)")
    }
    #expect(try redis.command("HEXISTS", key("{r}:workers"), "anna-1") == .integer(1))
    #expect(activities.allSatisfy { !$0.isLockLost })
    #expect(log.lines.count == 2, "\(log.lines)")
    #expect(log.lines.allSatisfy { !$0.contains("away") && $0.contains("queue q") }, "\(log.lines)")
    for name in ["{q}:lock:7/1", "{q}:workers", "{q}:lock:7/2", "{r}:lock:7/3", "{r}:worker:anna-1", "{r}:workers"] {
      try redis.command("DEL", key(name))
    }
  }
}
