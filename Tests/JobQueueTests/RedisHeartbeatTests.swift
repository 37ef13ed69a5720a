import Foundation
import JobQueue
import RedisClient
import ScanModel
import Testing

@Suite("A worker's heartbeat")
struct RedisHeartbeatTests {
  let world: RedisWorld
  let heartbeat: RedisHeartbeat
  let worker = WorkerID(name: "anna", suffix: "1")
  let registration = WorkerRegistration(slots: 2, startedAt: Date(timeIntervalSince1970: 1_700_000_000))

  init() throws {
    world = try RedisWorld()
    heartbeat = RedisHeartbeat(
      connection: RedisConnection(endpoint: world.endpoint), prefix: world.prefix, worker: worker, queues: ["q", "r"])
  }

  private func job(_ number: Int32, slot: Int = 0) -> LockedJob {
    let slice = SliceID(scan: ScanID(7), number: number)
    return LockedJob(
      slot: SlotID(worker: worker, index: slot),
      lock: HeldLock(slice: slice, claim: ClaimID(description: "c\(number)")),
      payload: QueueMessage.pointerBytes(slice))
  }

  private func ttl(_ name: String) throws -> Int64? { try world.redis.command("PTTL", world.key(name)).integer }

  @Test("registers the worker and shows it alive in each of its queues")
  func beats() throws {
    for state in ["first", "second"] {
      try heartbeat.beat(json: Array(state.utf8), registration: registration, ttl: .seconds(60))
      for queue in ["q", "r"] {
        let entry = try world.redis.command("HGET", world.key("{\(queue)}:workers"), "anna-1").text
        #expect(entry == #"{"slots":2,"started_at":"2023-11-14T22:13:20Z"}"#)
        #expect(try world.redis.command("GET", world.key("{\(queue)}:worker:anna-1")).text == state)
        #expect((50_000...60_000).contains(try #require(try ttl("{\(queue)}:worker:anna-1"))))
      }
    }
  }

  @Test("beats in its later queues where a key of the first is of another type, and tells which")
  func strangersKey() throws {
    try world.redis.command("SET", world.key("{q}:workers"), "no hash")
    let error = try #require(throws: QueueError.self) {
      try heartbeat.beat(json: Array("{}".utf8), registration: registration, ttl: .seconds(60))
    }
    #expect(!error.isOutage && error.description.contains("queue q"))
    #expect(try world.isRegistered(worker, "r"))
    #expect(try world.redis.command("GET", world.key("{r}:worker:anna-1")).text == "{}")
    #expect(throws: QueueError.self) { try heartbeat.unregister(slots: 2) }
    #expect(try !world.isRegistered(worker, "r"))
    #expect(try world.redis.command("EXISTS", world.key("{r}:worker:anna-1")) == .integer(0))
  }

  @Test("renews what is its own, restores what was forgotten, and sees what is lost, job by job")
  func renews() throws {
    let jobs = [job(1), job(2, slot: 1), job(3)]
    try world.setLock(jobs[0].lock.slice, "q", to: "anna-1/0/c1")
    try world.setLock(jobs[2].lock.slice, "q", to: "bert-2/0/c3")
    #expect(try heartbeat.renew(jobs, in: "q", lockTTL: .seconds(60)) == [.renewed, .restored, .lost])
    #expect((50_000...60_000).contains(try #require(try ttl("{q}:lock:7/1"))))
    #expect((50_000...60_000).contains(try #require(try ttl("{q}:lock:7/2"))))
    #expect(try world.lock(jobs[1].lock.slice, "q") == "anna-1/1/c2")
    #expect(try world.inflight(jobs[1].slot, "q") == [jobs[1].payload])
    #expect(try world.inflight(jobs[0].slot, "q") == [], "the lost one is not put back")
    #expect(try world.lock(jobs[2].lock.slice, "q") == "bert-2/0/c3" && ttl("{q}:lock:7/3") == -1)
    #expect(try heartbeat.renew(jobs, in: "q", lockTTL: .seconds(60)) == [.renewed, .renewed, .lost], "repeated")
    #expect(try world.inflight(jobs[1].slot, "q") == [jobs[1].payload])
  }

  @Test("restores a lock without a second copy of an entry that is still there")
  func restoresLockOnly() throws {
    let mine = job(1)
    try world.redis.command("LPUSH", world.key("{q}:inflight:anna-1/0"), RedisArgument(mine.payload))
    #expect(try heartbeat.renew([mine], in: "q", lockTTL: .seconds(60)) == [.restored])
    #expect(try world.inflight(mine.slot, "q") == [mine.payload])
  }

  @Test("takes another claim of the same slot for another's")
  func otherClaim() throws {
    try world.setLock(job(1).lock.slice, "q", to: "anna-1/0/c9")
    #expect(try heartbeat.renew([job(1)], in: "q", lockTTL: .seconds(60)) == [.lost])
  }

  @Test("asks nothing for no jobs")
  func renewsNothing() throws {
    #expect(try heartbeat.renew([], in: "q", lockTTL: .seconds(60)) == [])
  }

  @Test("unregisters everywhere, and may do so twice")
  func unregisters() throws {
    try heartbeat.beat(json: [], registration: registration, ttl: .seconds(60))
    for _ in 0..<2 {
      #expect(try heartbeat.unregister(slots: 2))
      for queue in ["q", "r"] {
        #expect(try world.redis.command("EXISTS", world.key("{\(queue)}:workers")) == .integer(0))
        #expect(try world.redis.command("EXISTS", world.key("{\(queue)}:worker:anna-1")) == .integer(0))
      }
    }
  }

  @Test("stays registered, dead, where an entry is still in flight")
  func staysRegistered() throws {
    try heartbeat.beat(json: [], registration: registration, ttl: .seconds(60))
    try world.redis.command("LPUSH", world.key("{r}:inflight:anna-1/1"), "left")
    #expect(try !heartbeat.unregister(slots: 2))
    #expect(try world.redis.command("HEXISTS", world.key("{r}:workers"), "anna-1") == .integer(1))
    #expect(try world.redis.command("EXISTS", world.key("{r}:worker:anna-1")) == .integer(0))
    #expect(try world.redis.command("EXISTS", world.key("{q}:workers")) == .integer(0))
  }
}
