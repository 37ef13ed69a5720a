import Foundation
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

/// The promises of `SlotQueue`, which the real queue and the model both keep.
@Suite("A slot's queue")
struct SlotQueueConformance {
  let me = SlotID(worker: WorkerID(name: "anna", suffix: "1"), index: 0)
  let other = SlotID(worker: WorkerID(name: "bert", suffix: "2"), index: 3)
  let slice = SliceID(scan: ScanID(7), number: 2)
  let claim = ClaimID()
  var lock: HeldLock { HeldLock(slice: slice, claim: claim) }
  var pointer: [UInt8] { QueueMessage.pointerBytes(slice) }
  /// No UTF-8, a NUL, line ends.
  static let noise: [UInt8] = [0xff, 0x00, 0x0d, 0x0a, 0xc3, 0x28, 0xf0]

  private func bytes(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  /// A world in which `me` has taken `payload` from queue "q".
  private func taken(
    _ payload: [UInt8], in implementation: Implementation
  ) throws -> (world: any QueueWorld, slot: any SlotQueue, job: TakenJob) {
    let world = try implementation.world()
    let slot = world.slot(me, queues: ["q"])
    try slot.push([payload], to: "q")
    return (world, slot, try #require(try slot.take(wait: .zero)))
  }

  @Test("takes in the order of pushing, into its own in-flight list", arguments: Implementation.allCases)
  func takesInOrder(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let slot = world.slot(me, queues: ["q"])
    try slot.push(bytes("a", "b", "c"), to: "q")
    #expect(try slot.take(wait: .zero) == TakenJob(queue: "q", payload: Array("a".utf8)))
    #expect(try slot.take(wait: .seconds(1))?.payload == Array("b".utf8))
    #expect(try world.waiting("q") == bytes("c"))
    #expect(try world.inflight(me, "q") == bytes("b", "a"))
    #expect(try world.inflight(other, "q") == [])
  }

  @Test("tells who gives a sign of life, queue by queue", arguments: Implementation.allCases)
  func isAlive(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let slot = world.slot(me, queues: ["q", "r"])
    #expect(try !slot.isAlive(other.worker, queue: "q"))
    try world.beat(other.worker, "q")
    #expect(try slot.isAlive(other.worker, queue: "q"))
    #expect(try !slot.isAlive(other.worker, queue: "r"))
    #expect(try !slot.isAlive(me.worker, queue: "q"))
    try world.expireHeartbeat(other.worker, "q")
    #expect(try !slot.isAlive(other.worker, queue: "q"))
    try world.beat(other.worker, "q")
    try world.forget()
    #expect(try !slot.isAlive(other.worker, queue: "q"))
  }

  @Test("takes nothing from an empty queue", arguments: Implementation.allCases)
  func takesNothing(_ implementation: Implementation) throws {
    let slot = try implementation.world().slot(me, queues: ["q", "r"])
    for wait in [Duration.zero, .microseconds(1), .milliseconds(1), .milliseconds(20)] {
      #expect(try slot.take(wait: wait) == nil)
    }
    #expect(try slot.ownInflight() == nil)
  }

  @Test("looks round its queues in the given order", arguments: Implementation.allCases)
  func priority(_ implementation: Implementation) throws {
    let slot = try implementation.world().slot(me, queues: ["urgent", "normal", "late"])
    try slot.push(bytes("l"), to: "late")
    try slot.push(bytes("n"), to: "normal")
    try slot.push(bytes("u1", "u2"), to: "urgent")
    var order: [String] = []
    while let job = try slot.take(wait: .zero) { order.append(job.queue) }
    #expect(order == ["urgent", "urgent", "normal", "late"])
  }

  @Test("shows what is left in its in-flight lists, the oldest first", arguments: Implementation.allCases)
  func ownInflight(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let slot = world.slot(me, queues: ["q", "r"])
    try slot.push(bytes("a", "b"), to: "q")
    try slot.push(bytes("c"), to: "r")
    while try slot.take(wait: .zero) != nil {}
    var order: [String] = []
    while let job = try slot.ownInflight() {
      order.append(String(decoding: job.payload, as: UTF8.self))
      try slot.finish(job, lock: nil)
    }
    #expect(order == ["a", "b", "c"])
    #expect(try world.slot(other, queues: ["q"]).ownInflight() == nil)
  }

  @Test("claims a job in flight, and again when the reply was lost", arguments: Implementation.allCases)
  func claims(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    for _ in 0..<2 {
      #expect(try slot.claim(job, slice: slice, claim: claim) == .claimed)
      #expect(try world.lock(slice, "q") == "anna-1/0/\(claim)")
      #expect(try world.inflight(me, "q") == [pointer])
    }
  }

  @Test("lets go of a job whose slice another claim holds", arguments: Implementation.allCases)
  func claimHeld(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try slot.push([pointer], to: "q")
    _ = try slot.take(wait: .zero)
    try world.setLock(slice, "q", to: "bert-2/3/x")
    #expect(try slot.claim(job, slice: slice, claim: claim) == .held)
    #expect(try world.inflight(me, "q") == [pointer], "one copy of two is gone")
    #expect(try slot.claim(job, slice: slice, claim: claim) == .held)
    #expect(try slot.claim(job, slice: slice, claim: claim) == .gone, "repeated after a lost reply")
    #expect(try world.lock(slice, "q") == "bert-2/3/x")
  }

  @Test("has one lock for all claims of a slot: an older one of its own holds too", arguments: Implementation.allCases)
  func ownOlderClaim(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try world.setLock(slice, "q", to: "\(me)/older")
    #expect(try slot.claim(job, slice: slice, claim: claim) == .held)
    #expect(try world.lock(slice, "q") == "\(me)/older")
  }

  @Test("claims nothing that is not in flight", arguments: Implementation.allCases)
  func claimGone(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try world.forget()
    #expect(try slot.claim(job, slice: slice, claim: claim) == .gone)
    #expect(try world.lock(slice, "q") == nil)
  }

  @Test("finishes a job: entry and lock are gone, what follows is at the back", arguments: Implementation.allCases)
  func finishes(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try slot.push(bytes("waiting"), to: "q")
    _ = try slot.claim(job, slice: slice, claim: claim)
    #expect(try slot.finish(job, lock: lock, pushing: bytes("next", "after")))
    #expect(try world.inflight(me, "q") == [])
    #expect(try world.lock(slice, "q") == nil)
    #expect(try world.waiting("q") == bytes("waiting", "next", "after"))
    #expect(try !slot.finish(job, lock: lock), "repeated after a lost reply")
  }

  @Test("pushes what follows also where the server forgot the job", arguments: Implementation.allCases)
  func finishForgotten(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try world.forget()
    #expect(try !slot.finish(job, lock: lock, pushing: bytes("next")))
    #expect(try world.waiting("q") == bytes("next"))
  }

  @Test("pushes thousands in order, with a finish and without", arguments: Implementation.allCases)
  func pushesMany(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    let many = (1...1234).map { QueueMessage.pointerBytes(SliceID(scan: ScanID(1), number: $0)) }
    try slot.finish(job, lock: nil, pushing: many)
    try slot.push(many, to: "q")
    #expect(try world.waiting("q") == many + many)
  }

  enum Settling: CaseIterable {
    case finish, front, back, bury

    func settle(_ slot: any SlotQueue, _ job: TakenJob, _ lock: HeldLock?) throws -> Bool {
      switch self {
      case .finish: try slot.finish(job, lock: lock)
      case .front: try slot.handBack(job, lock: lock, to: .front)
      case .back: try slot.handBack(job, lock: lock, to: .back)
      case .bury: try slot.bury(job, lock: lock, reason: "test")
      }
    }
  }

  @Test("settles one of two identical jobs", arguments: Implementation.allCases, Settling.allCases)
  func identical(_ implementation: Implementation, _ settling: Settling) throws {
    let (world, slot, job) = try taken(Self.noise, in: implementation)
    try slot.push([Self.noise], to: "q")
    _ = try slot.take(wait: .zero)
    #expect(try settling.settle(slot, job, nil))
    #expect(try world.inflight(me, "q") == [Self.noise])
  }

  @Test("leaves the lock of another alone", arguments: Implementation.allCases, Settling.allCases)
  func foreignLock(_ implementation: Implementation, _ settling: Settling) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try world.setLock(slice, "q", to: "bert-2/3/\(claim)")
    #expect(try settling.settle(slot, job, lock))
    #expect(try world.lock(slice, "q") == "bert-2/3/\(claim)")
  }

  @Test("releases its own lock, also when it repeats", arguments: Implementation.allCases, Settling.allCases)
  func ownLock(_ implementation: Implementation, _ settling: Settling) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    _ = try slot.claim(job, slice: slice, claim: claim)
    #expect(try settling.settle(slot, job, lock))
    let (waiting, buried) = (try world.waiting("q"), try world.buried("q").count)
    #expect(try world.lock(slice, "q") == nil)
    try world.setLock(slice, "q", to: "\(me)/\(claim)")
    #expect(try !settling.settle(slot, job, lock), "the entry is gone")
    #expect(try world.lock(slice, "q") == nil)
    #expect(try world.waiting("q") == waiting && world.buried("q").count == buried, "nothing is there twice")
  }

  @Test("hands back to the front or to the back", arguments: Implementation.allCases)
  func handsBack(_ implementation: Implementation) throws {
    let (world, slot, job) = try taken(pointer, in: implementation)
    try slot.push(bytes("a", "b"), to: "q")
    #expect(try slot.handBack(job, lock: nil, to: .front))
    #expect(try world.waiting("q") == [pointer] + bytes("a", "b"))
    _ = try slot.take(wait: .zero)
    #expect(try slot.handBack(job, lock: nil, to: .back))
    #expect(try world.waiting("q") == bytes("a", "b") + [pointer])
    #expect(try world.inflight(me, "q") == [])
  }

  static let payloads: [[UInt8]] = [
    [], Array("{\"library\":\"x\"}".utf8), Array("a\0\"\\\n\u{2028}ü".utf8), noise,
    (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) },
  ]

  @Test("buries the exact bytes, with reason and worker", arguments: Implementation.allCases, payloads)
  func buries(_ implementation: Implementation, _ payload: [UInt8]) throws {
    let (world, slot, job) = try taken(payload, in: implementation)
    #expect(job.payload == payload)
    #expect(try slot.bury(job, lock: nil, reason: "because \"it\" is so"))
    let buried = try #require(try world.buried("q").first)
    #expect(buried.reason == "because \"it\" is so" && buried.worker == "anna-1")
    #expect(Array(buried.payload_base64) == payload)
    #expect(buried.payload == String(validating: payload, as: UTF8.self))
    #expect(abs(buried.time.timeIntervalSinceNow) < 60)
    #expect(try world.inflight(me, "q") == [])
  }
}
