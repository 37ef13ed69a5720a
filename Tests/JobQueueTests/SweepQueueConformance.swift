import Foundation
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

/// The promises of `SweepQueue`, which the real queue and the model both keep.
@Suite("A reaper's queue")
struct SweepQueueConformance {
  let anna = WorkerID(name: "anna", suffix: "1")
  let slice = SliceID(scan: ScanID(7), number: 2)
  var slot: SlotID { SlotID(worker: anna, index: 0) }
  var pointer: [UInt8] { QueueMessage.pointerBytes(slice) }
  static let noise: [UInt8] = [0xff, 0x00, 0x0d, 0x0a, 0xc3, 0x28, 0xf0]

  /// A world in which `anna`'s first slot has taken these.
  private func world(_ implementation: Implementation, taken payloads: [[UInt8]]) throws -> any QueueWorld {
    let world = try implementation.world()
    let queue = world.slot(slot, queues: ["q"])
    try queue.push(payloads, to: "q")
    for _ in payloads { _ = try queue.take(wait: .zero) }
    return world
  }

  private func everyWorker(_ queue: any SweepQueue) throws -> Set<SweptWorker> {
    var all: Set<SweptWorker> = []
    var cursor: ScanCursor?
    repeat {
      let page = try queue.workers(of: "q", from: cursor)
      all.formUnion(page.workers)
      cursor = page.next
    } while cursor != nil
    return all
  }

  private func discover(_ queue: any SweepQueue) throws -> Set<String> {
    var all: Set<String> = []
    var cursor: ScanCursor?
    repeat {
      let portion = try queue.discover(from: cursor)
      all.formUnion(portion.queues)
      cursor = portion.next
    } while cursor != nil
    return all
  }

  @Test("keeps a marker that goes when the server forgets", arguments: Implementation.allCases)
  func marker(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let (one, two) = (world.sweepQueue("r-1"), world.sweepQueue("r-2"))
    #expect(try !one.mark(for: .seconds(60)))
    #expect(try one.mark(for: .seconds(60)))
    #expect(try !two.mark(for: .seconds(60)), "each reaper has its own")
    try world.forget()
    #expect(try !one.mark(for: .seconds(60)))
    try one.unmark()
    #expect(try !one.mark(for: .seconds(60)))
  }

  @Test("lists the registered workers in portions, dead and alive", arguments: Implementation.allCases)
  func workers(_ implementation: Implementation) throws {
    let world = try implementation.world()
    var expected: Set<SweptWorker> = []
    for index in 0..<5 {
      let worker = WorkerID(name: "w", suffix: "\(index)")
      try world.register(worker, slots: index, "q")
      if index.isMultiple(of: 2) { try world.setHeartbeat(worker, "q", to: true) }
      expected.insert(SweptWorker(worker: worker, slots: index, isAlive: index.isMultiple(of: 2)))
    }
    #expect(try everyWorker(world.sweepQueue("r")) == expected)
    #expect(try world.sweepQueue("r").workers(of: "other", from: nil) == WorkerPage(workers: [], next: nil))
  }

  @Test("reads the oldest entries, and which slices are locked", arguments: Implementation.allCases)
  func reads(_ implementation: Implementation) throws {
    let other = SliceID(scan: ScanID(7), number: 3)
    let world = try world(implementation, taken: [pointer, Self.noise, QueueMessage.pointerBytes(other)])
    try world.setLock(other, "q", to: "bert-2/0/c")
    let entries = try world.sweepQueue("r").inflight(of: [slot, SlotID(worker: anna, index: 1)], in: "q")
    #expect(entries.map(\.payload) == [pointer, Self.noise, QueueMessage.pointerBytes(other)])
    #expect(entries.map(\.slice) == [slice, nil, other])
    #expect(entries.map(\.isLocked) == [false, false, true])
    #expect(entries.allSatisfy { $0.slot == slot && $0.queue == "q" })
  }

  @Test("returns a dead worker's entries to the front, with their exact bytes", arguments: Implementation.allCases)
  func reapsDead(_ implementation: Implementation) throws {
    let world = try world(implementation, taken: [pointer, Self.noise, Self.noise])
    let waiting = Array("waiting".utf8)
    try world.slot(slot, queues: ["q"]).push([waiting], to: "q")
    let queue = world.sweepQueue("r")
    let entries = try queue.inflight(of: [slot], in: "q")
    #expect(entries.count == 3)
    for entry in entries { #expect(try queue.reap(entry, as: .dead) == .returned) }
    #expect(try world.waiting("q") == [Self.noise, Self.noise, pointer, waiting])
    #expect(try world.inflight(slot, "q") == [])
    for entry in entries { #expect(try queue.reap(entry, as: .dead) == .gone, "repeated, or by another reaper") }
    #expect(try world.waiting("q").count == 4)
  }

  @Test("leaves alone what is locked, and what a worker with a heartbeat has", arguments: Implementation.allCases)
  func sparesTheLiving(_ implementation: Implementation) throws {
    let world = try world(implementation, taken: [pointer, Self.noise])
    let queue = world.sweepQueue("r")
    let entries = try queue.inflight(of: [slot], in: "q")
    try world.setLock(slice, "q", to: "anna-1/0/c")
    for reason in [ReapReason.dead, .unlocked] { #expect(try queue.reap(entries[0], as: reason) == .alive) }
    // The heartbeat is back.
    try world.setHeartbeat(anna, "q", to: true)
    #expect(try queue.reap(entries[1], as: .dead) == .alive)
    #expect(try world.inflight(slot, "q").count == 2)
    #expect(try world.waiting("q") == [])
    #expect(try queue.reap(entries[1], as: .unlocked) == .returned)
  }

  @Test("forgets a dead worker only when its lists are empty", arguments: Implementation.allCases)
  func forgets(_ implementation: Implementation) throws {
    let world = try world(implementation, taken: [pointer])
    let queue = world.sweepQueue("r")
    try world.register(anna, slots: 2, "q")
    #expect(try !queue.forget(anna, slots: 2, in: "q"), "an entry is left")
    _ = try queue.reap(try queue.inflight(of: [slot], in: "q")[0], as: .dead)
    try world.setHeartbeat(anna, "q", to: true)
    #expect(try !queue.forget(anna, slots: 2, in: "q"), "it lives")
    #expect(try world.isRegistered(anna, "q"))
    try world.setHeartbeat(anna, "q", to: false)
    let second = SlotID(worker: anna, index: 1)
    _ = try world.slot(second, queues: ["q"]).take(wait: .zero)
    #expect(try !queue.forget(anna, slots: 2, in: "q"), "an entry is left in the last list")
    _ = try queue.reap(try queue.inflight(of: [second], in: "q")[0], as: .dead)
    for _ in 0..<2 { #expect(try queue.forget(anna, slots: 2, in: "q")) }
    #expect(try !world.isRegistered(anna, "q"))
  }

  @Test("finds queues in use, and registers who has taken without", arguments: Implementation.allCases)
  func discovers(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let queue = world.sweepQueue("r")
    #expect(try discover(queue) == [])
    let third = world.slot(SlotID(worker: anna, index: 2), queues: ["q"])
    try third.push([Self.noise], to: "q")
    _ = try third.take(wait: .zero)
    try world.register(WorkerID(name: "bert", suffix: "2"), slots: 1, "other")
    #expect(try discover(queue) == ["q", "other"])
    #expect(try everyWorker(queue) == [SweptWorker(worker: anna, slots: 3, isAlive: false)])
    #expect(try discover(queue) == ["q", "other"])
    // One that names too few slots is not worth more.
    try world.register(anna, slots: 1, "q")
    _ = try discover(queue)
    #expect(try everyWorker(queue) == [SweptWorker(worker: anna, slots: 3, isAlive: false)])
    // And one that names more stays.
    try world.register(anna, slots: 4, "q")
    _ = try discover(queue)
    #expect(try everyWorker(queue).first?.slots == 4)
  }

  @Test("misses slices that have neither lock nor pointer on the queue", arguments: Implementation.allCases)
  func misses(_ implementation: Implementation) throws {
    let world = try implementation.world()
    let slices = (1...4).map { SliceID(scan: ScanID(7), number: $0) }
    let queue = world.sweepQueue("r")
    #expect(try queue.missing([], from: "q") == [])
    #expect(try queue.missing(slices, from: "q") == slices)
    try queue.push([slices[1]], to: "q")
    try queue.push([slices[3]], to: "another")
    try world.setLock(slices[2], "q", to: "anna-1/0/c")
    #expect(try queue.missing(slices, from: "q") == [slices[0], slices[3]])
    #expect(try world.waiting("q") == [QueueMessage.pointerBytes(slices[1])])
  }
}
