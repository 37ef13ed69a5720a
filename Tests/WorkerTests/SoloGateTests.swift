import BlockingThread
import Synchronization
import TestSupport
import Testing

@testable import Worker

@Suite("The gate before the work on slices")
struct SoloGateTests {
  private let clock = TestClock()
  private let gate: SoloGate

  init() {
    let clock = clock
    gate = SoloGate(patience: .seconds(60)) { clock.now }
  }

  /// How one would fare that asks once.
  private func ask(alone: Bool) -> SoloGate.Entry {
    var asked = 0
    return gate.enter(alone: alone) {
      asked += 1
      return asked > 1
    } wait: { _ in
    }
  }

  /// Whether one could enter now.
  private func mayEnter(alone: Bool) -> Bool {
    guard case .inside(let ticket) = ask(alone: alone) else { return false }
    gate.leave(ticket)
    return true
  }

  private func enter(alone: Bool) throws -> SoloGate.Ticket {
    guard case .inside(let ticket) = ask(alone: alone) else { throw Barred() }
    return ticket
  }

  private struct Barred: Error {}

  @Test("lets any number in side by side, or one alone")
  func sharedOrAlone() throws {
    let (first, second) = (try enter(alone: false), try enter(alone: false))
    #expect(mayEnter(alone: false) && !mayEnter(alone: true))
    gate.leave(first)
    #expect(!mayEnter(alone: true))
    gate.leave(second)
    let alone = try enter(alone: true)
    #expect(!mayEnter(alone: false) && !mayEnter(alone: true))
    gate.leave(alone)
    #expect(mayEnter(alone: false) && mayEnter(alone: true))
  }

  @Test("who waits to be alone goes before who comes later, and stands in nobody's way once it gave up")
  func preference() throws {
    _ = try enter(alone: false)
    let isWaiting = StopSignal()
    let givesUp = StopSignal()
    let hasGivenUp = Mutex(false)
    let waiter = try BlockingThread(name: "waiter") { [gate] in
      let result = gate.enter(alone: true) {
        givesUp.isSet
      } wait: { _ in
        isWaiting.set()
        givesUp.wait(for: .milliseconds(1))
      }
      if case .givenUp = result { hasGivenUp.withLock { $0 = true } }
    }
    isWaiting.wait()
    #expect(!mayEnter(alone: false))
    givesUp.set()
    waiter.join()
    #expect(hasGivenUp.withLock { $0 })
    #expect(mayEnter(alone: false))
  }

  @Test("who waits to be alone gives way to the others when one inside does not end, until that one has left")
  func hangs() throws {
    let hanging = try enter(alone: false)
    let begin = clock.now
    let (clock, gate) = (clock, gate)
    let givesWay = Mutex(false)
    let waiter = try BlockingThread(name: "waiter") {
      let entry = gate.enter(alone: true, isGivenUp: { false }, wait: { clock.advance(by: $0) })
      if case .givesWay = entry { givesWay.withLock { $0 = true } }
    }
    waiter.join()
    #expect(givesWay.withLock { $0 })
    #expect((.seconds(60)...(.seconds(61))).contains(clock.now - begin))
    for _ in 0..<3 {
      guard case .givesWay = ask(alone: true) else { throw Barred() }
      #expect(mayEnter(alone: false), "nobody else waits for it either")
    }
    gate.leave(hanging)
    #expect(mayEnter(alone: true))
  }

  @Test("one that hangs alone inside bars only those that have to be alone")
  func hangsAlone() throws {
    let hanging = try enter(alone: true)
    clock.advance(by: .seconds(59))
    #expect(!mayEnter(alone: false))
    clock.advance(by: .seconds(1))
    let other = try enter(alone: false)
    guard case .givesWay = ask(alone: true) else { throw Barred() }
    gate.leave(hanging)
    #expect(!mayEnter(alone: true))
    gate.leave(other)
    #expect(mayEnter(alone: true))
  }

  @Test("many threads never meet one that is alone")
  func threads() throws {
    struct Inside { var shared = 0, alone = 0, broken = 0, solos = 0 }
    let inside = Mutex(Inside())
    let gate = gate
    let threads = try (0..<6).map { index in
      try BlockingThread(name: "thread \(index)") {
        for round in 0..<300 {
          let alone = (round + index) % 5 == 0
          let entry = gate.enter(alone: alone, isGivenUp: { false }, wait: { _ in })
          guard case .inside(let ticket) = entry else { continue }
          inside.withLock {
            if $0.alone > 0 || (alone && $0.shared > 0) { $0.broken += 1 }
            if alone { $0.alone += 1; $0.solos += 1 } else { $0.shared += 1 }
          }
          inside.withLock { if alone { $0.alone -= 1 } else { $0.shared -= 1 } }
          gate.leave(ticket)
        }
      }
    }
    threads.forEach { $0.join() }
    #expect(inside.withLock { $0.broken } == 0)
    #expect(inside.withLock { $0.solos } == 360)
  }
}

/// A clock that stands still until it is told to move.
private final class TestClock: Sendable {
  private let time = Mutex(ContinuousClock.now)

  var now: ContinuousClock.Instant { time.withLock { $0 } }

  func advance(by duration: Duration) { time.withLock { $0 += duration } }
}
