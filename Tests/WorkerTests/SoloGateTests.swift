import BlockingThread
import Synchronization
import TestSupport
import Testing

@testable import Worker

@Suite("The gate before the work on slices")
struct SoloGateTests {
  private let gate = SoloGate()

  /// Whether one could enter now.
  private func mayEnter(alone: Bool) -> Bool {
    var asked = 0
    let entered = gate.enter(alone: alone) {
      asked += 1
      return asked > 1
    } wait: { _ in
    }
    if entered { gate.leave() }
    return entered
  }

  private func enter(alone: Bool) { _ = gate.enter(alone: alone, isGivenUp: { false }, wait: { _ in }) }

  @Test("lets any number in side by side, or one alone")
  func sharedOrAlone() {
    enter(alone: false)
    enter(alone: false)
    #expect(mayEnter(alone: false) && !mayEnter(alone: true))
    gate.leave()
    #expect(!mayEnter(alone: true))
    gate.leave()
    enter(alone: true)
    #expect(!mayEnter(alone: false) && !mayEnter(alone: true))
    gate.leave()
    #expect(mayEnter(alone: false) && mayEnter(alone: true))
  }

  @Test("who waits to be alone goes before who comes later, and stands in nobody's way once it gave up")
  func preference() throws {
    enter(alone: false)
    let isWaiting = StopSignal()
    let givesUp = StopSignal()
    let entered = Mutex<Bool?>(nil)
    let waiter = try BlockingThread(name: "waiter") { [gate] in
      let result = gate.enter(alone: true) {
        givesUp.isSet
      } wait: { _ in
        isWaiting.set()
        givesUp.wait(for: .milliseconds(1))
      }
      entered.withLock { $0 = result }
    }
    isWaiting.wait()
    #expect(!mayEnter(alone: false))
    givesUp.set()
    waiter.join()
    #expect(entered.withLock { $0 } == false)
    #expect(mayEnter(alone: false))
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
          _ = gate.enter(alone: alone, isGivenUp: { false }, wait: { _ in })
          inside.withLock {
            if $0.alone > 0 || (alone && $0.shared > 0) { $0.broken += 1 }
            if alone { $0.alone += 1; $0.solos += 1 } else { $0.shared += 1 }
          }
          inside.withLock { if alone { $0.alone -= 1 } else { $0.shared -= 1 } }
          gate.leave()
        }
      }
    }
    threads.forEach { $0.join() }
    #expect(inside.withLock { $0.broken } == 0)
    #expect(inside.withLock { $0.solos } == 360)
  }
}
