import JobQueue
import ScanModel
import Testing

@testable import Reaper

@Suite("The reaper's sweep")
struct SweepTests {
  private func looking(_ workers: SweptWorker...) -> ReaperUnderTest {
    var reaper = ReaperUnderTest.looking()
    reaper.hear(.workers(WorkerPage(workers: workers, next: nil)))
    return reaper
  }

  @Test("a round asks in the order of urgency, and rests for what is left of its interval")
  func order() {
    var reaper = ReaperUnderTest()
    #expect(reaper.action == .mark)
    #expect(reaper.hear(.marked(wasThere: false)) == .discover(nil))
    #expect(reaper.hear(.discovered(Discovery(queues: ["found"], next: nil))) == .look(queue: "found", nil))
    #expect(reaper.hear(reaper.action.calm) == .look(queue: "q", nil))
    #expect(reaper.hear(reaper.action.calm) == .listQueues)
    #expect(reaper.hear(.queues(["library"])) == .pageSlices(after: nil))
    #expect(reaper.hear(.openSlices([])) == .pageScans(after: nil))
    #expect(reaper.hear(.adrift([])) == .dropLeftSlices)
    #expect(reaper.hear(.done, after: .milliseconds(500)) == .wait(.milliseconds(1_500)))
    #expect(reaper.hear(.waited, after: .milliseconds(1_500)) == .mark)
    reaper.hear(.marked(wasThere: true))
    #expect(reaper.action == .look(queue: "found", nil), "all keys are looked through now and then only")
    #expect(reaper.hear(reaper.action.calm) == .look(queue: "library", nil))
  }

  @Test("what a dead worker has taken goes back at once, whatever it is, and then its registration goes")
  func dead() {
    var reaper = looking(.dead)
    #expect(reaper.action == .read(.dead, [.first], queue: "q"))
    #expect(reaper.hear(.entries([.pointer(), .request, .pointer(2, isLocked: true)])) == .reap(.pointer(), .dead))
    #expect(reaper.hear(.reaped(.returned)) == .reap(.request, .dead))
    #expect(reaper.hear(.reaped(.returned)) == .read(.dead, [.first], queue: "q"))
    #expect(reaper.hear(.entries([.pointer(2, isLocked: true)])) == .forget(.dead, queue: "q"))
    #expect(reaper.hear(.done) == .listQueues)
    #expect(
      reaper.hear(.queues([]))
        == .record([.init(slice: .number(1), slot: .first, reason: "dead")]), "the catalogue is told of slices")
  }

  /// Answers a dead worker's list that has no end until the machine asks for something else; how often it was read.
  private func drain(_ reaper: inout ReaperUnderTest, entryTakes time: Duration = .zero) -> Int {
    var reads = 0
    while true {
      switch reaper.action {
      case .read(.dead, [.first], queue: "q"):
        reads += 1
        reaper.hear(.entries([.request]))
      case .reap: reaper.hear(.reaped(.returned), after: time)
      default: return reads
      }
    }
  }

  @Test("a dead worker's long list keeps nobody waiting, and is read on without a rest")
  func longList() {
    var reaper = ReaperUnderTest(queues: ["q", "r"])
    reaper.look()
    let begin = reaper.now
    reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    #expect(drain(&reaper) == ReaperMachine.readsPerTurn)
    #expect(reaper.action == .forget(.dead, queue: "q"))
    #expect(reaper.hear(.done) == .look(queue: "r", nil), "another queue has its turn")
    reaper.hear(reaper.action.calm)
    for _ in 0..<10 {
      reaper.pass { if case .read = $0 { true } else { false } }
      #expect(reaper.now == begin, "no rest")
      #expect(drain(&reaper) == ReaperMachine.readsPerTurn)
    }
    // Where its interval is over a new round begins, which finds the list again.
    reaper.pass { if case .read = $0 { true } else { false } }
    #expect(drain(&reaper, entryTakes: .seconds(1)) == ReaperMachine.readsPerTurn)
    let end = reaper.now
    reaper.pass { $0 == .mark }
    #expect(reaper.now == end)
    reaper.look()
    reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    #expect(drain(&reaper) == ReaperMachine.readsPerTurn)
    #expect(reaper.hear(.done, stopping: true) == .stop)
  }

  @Test("a long list that comes to its end is let go, and the round rests")
  func endOfLongList() {
    var reaper = looking(.dead)
    #expect(drain(&reaper) == ReaperMachine.readsPerTurn)
    reaper.pass { if case .read = $0 { true } else { false } }
    #expect(reaper.hear(.entries([])) == .listQueues)
    #expect(reaper.rest() == .seconds(2))
  }

  @Test("reading on is no second sighting of what the living have just taken")
  func readingOnIsNoRound() {
    let bert = SweptWorker(worker: WorkerID(name: "bert", suffix: "2"), slots: 1, isAlive: true)
    let slot = SlotID(worker: bert.worker, index: 0)
    let taken = InflightEntry(
      queue: "q", slot: slot, payload: InflightEntry.pointer().payload, slice: .number(1), isLocked: false)
    var reaper = looking(.dead, bert)
    #expect(reaper.hear(.entries([taken])) == .read(.dead, [.first], queue: "q"))
    for _ in 0..<3 {
      #expect(drain(&reaper) == ReaperMachine.readsPerTurn)
      reaper.pass {
        #expect($0 != .reap(taken, .unlocked))
        if case .read = $0 { return true }
        return false
      }
    }
  }

  @Test("a list of which nothing can be returned is not read for ever")
  func noProgress() {
    for outcome in [ReapOutcome.alive, .gone] {
      var reaper = looking(.dead)
      reaper.hear(.entries([.request]), .reaped(outcome))
      #expect(reaper.action == .read(.dead, [.first], queue: "q"))
      #expect(reaper.hear(.entries([.request])) == .forget(.dead, queue: "q"))
    }
    var failing = looking(.dead)
    failing.hear(.entries([.request]), .failed, .entries([.request]))
    #expect(failing.action == .forget(.dead, queue: "q"))
  }

  @Test("what a dead worker's lock still keeps goes back in the round after the lock's end")
  func lockOutlivesHeartbeat() {
    var reaper = looking(.dead)
    for _ in 0..<3 {
      #expect(reaper.hear(.entries([.pointer(isLocked: true)])) == .forget(.dead, queue: "q"))
      reaper.rest()
      reaper.look()
      reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    }
    #expect(reaper.hear(.entries([.pointer()])) == .reap(.pointer(), .dead))
  }

  @Test("a living worker's pointer without lock goes back when two rounds in a row have seen it so")
  func unlocked() {
    var reaper = looking(.alive)
    reaper.hear(.entries([.pointer(), .request]))
    reaper.rest()
    reaper.look()
    reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)))
    #expect(reaper.hear(.entries([.pointer(), .request])) == .reap(.pointer(), .unlocked))
    reaper.hear(.reaped(.returned), .queues([]))
    #expect(reaper.action == .record([.init(slice: .number(1), slot: .first, reason: "unlocked")]))
  }

  @Test("one that was locked, elsewhere or gone in between begins anew")
  func notInARow() {
    let slotTwo = SlotID(worker: .anna, index: 1)
    let elsewhere = InflightEntry(
      queue: "q", slot: slotTwo, payload: InflightEntry.pointer().payload, slice: .number(1), isLocked: false)
    for between in [[], [InflightEntry.pointer(isLocked: true)], [elsewhere], [.pointer(2)]] {
      var reaper = looking(.alive)
      for entries in [[.pointer()], between, [.pointer()]] {
        reaper.hear(.entries(entries))
        reaper.rest()
        reaper.look()
        reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)))
      }
      if case .reap = reaper.hear(.entries([])) { Issue.record("returned after \(between)") }
    }
  }

  @Test("a living worker's requests and garbage are never touched")
  func livingRequests() {
    var reaper = looking(.alive)
    for _ in 0..<5 {
      reaper.hear(.entries([.request]))
      #expect(reaper.rest() == .seconds(2))
      reaper.look()
      reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)))
    }
  }

  @Test("workers and their lists are read in portions")
  func portions() {
    let cursor = ScanCursor(bytes: [1])
    let large = SweptWorker(worker: .anna, slots: 40, isAlive: false)
    var reaper = ReaperUnderTest.looking()
    reaper.hear(.workers(WorkerPage(workers: [large], next: cursor)))
    var read: [Int] = []
    while case .read(large, let slots, "q") = reaper.action {
      #expect(slots.count <= 16)
      read += slots.map(\.index)
      reaper.hear(.entries([]))
    }
    #expect(read == Array(0..<40))
    #expect(reaper.action == .forget(large, queue: "q"))
    #expect(reaper.hear(.done) == .look(queue: "q", cursor))
  }

  @Test("a list that cannot be read keeps no other from being read")
  func oneBadList() {
    let two = SweptWorker(worker: .anna, slots: 2, isAlive: false)
    let slots = (0..<2).map { SlotID(worker: .anna, index: $0) }
    var reaper = looking(two)
    #expect(reaper.action == .read(two, slots, queue: "q"))
    #expect(reaper.hear(.failed) == .read(two, [slots[0]], queue: "q"))
    #expect(reaper.hear(.failed) == .read(two, [slots[1]], queue: "q"))
    #expect(reaper.hear(.entries([.request])) == .reap(.request, .dead))
  }

  @Test("nobody counts as dead right after an answer of Redis that took long")
  func slowRedis() {
    var reaper = ReaperUnderTest.looking()
    reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)), after: .seconds(4))
    #expect(reaper.action == .read(.alive, [.first], queue: "q"))
    if case .reap = reaper.hear(.entries([.request, .pointer()])) { Issue.record("returned") }
    reaper.rest()
    reaper.hear(.waited, after: .seconds(2))
    reaper.look()
    reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    #expect(reaper.action == .read(.dead, [.first], queue: "q"), "the grace is over")
  }

  @Test("all keys are looked through in bounded parts, and again after the clean-up interval")
  func search() {
    var reaper = ReaperUnderTest()
    reaper.hear(.marked(wasThere: true))
    let cursor = ScanCursor(bytes: [9])
    for _ in 0..<ReaperMachine.portionsPerRound {
      #expect(reaper.action == .discover(nil) || reaper.action == .discover(cursor))
      reaper.hear(.discovered(Discovery(queues: ["found"], next: cursor)))
    }
    #expect(reaper.action == .look(queue: "found", nil))
    reaper.rest()
    reaper.hear(.waited, after: .seconds(2))
    #expect(reaper.hear(.marked(wasThere: true)) == .discover(cursor), "it goes on where it was")
    reaper.hear(.discovered(Discovery(queues: [], next: nil)))
    let end = reaper.now
    reaper.pass { $0 == .discover(nil) }
    #expect(reaper.now - end >= .seconds(300) && reaper.now - end < .seconds(303))
  }

  @Test("when the marker is gone all keys are looked through at once, and after a heartbeat's time")
  func searchAfterLoss() {
    var reaper = ReaperUnderTest.looking()
    reaper.rest()
    reaper.hear(.waited, after: .seconds(2))
    #expect(reaper.action == .mark)
    let loss = reaper.now
    #expect(reaper.hear(.marked(wasThere: false)) == .discover(nil))
    reaper.hear(.discovered(Discovery(queues: [], next: nil)))
    reaper.pass { $0 == .discover(nil) }
    #expect(reaper.now - loss >= .seconds(10) && reaper.now - loss <= .seconds(12))
    let late = reaper.now
    reaper.hear(.discovered(Discovery(queues: [], next: nil)))
    reaper.pass { $0 == .discover(nil) }
    #expect(reaper.now - late >= .seconds(300), "and then as ever")
  }

  @Test("a stop ends it wherever it is")
  func stops() {
    for event in [ReaperMachine.Event.workers(WorkerPage(workers: [.dead], next: nil)), .queueAway, .failed] {
      var reaper = ReaperUnderTest.looking()
      #expect(reaper.hear(event, stopping: true) == .stop)
    }
  }
}
