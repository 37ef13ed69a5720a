import BlockingThread
import Foundation
import Synchronization
import Testing

@Suite struct BlockingThreadTests {
  @Test func `a thread runs its body beside the caller, under its name`() throws {
    let seen = Mutex("")
    let mayEnd = StopSignal()
    let thread = try BlockingThread(name: "walker-3 of a long name") {
      let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)  // nil fails the test
      seen.withLock { $0 = name ?? "" }
      mayEnd.wait()
    }
    #expect(!thread.isFinished)
    #expect(!thread.join(for: .milliseconds(1)))
    mayEnd.set()
    thread.join()
    #expect(thread.isFinished)
    #expect(seen.withLock { $0 } == "walker-3 of a l\n")
  }

  @Test func `a thread can be joined twice, by several threads, and after its end`() throws {
    let mayEnd = StopSignal()
    let thread = try BlockingThread(name: "joined") { mayEnd.wait() }
    let others = try (0..<3).map { try BlockingThread(name: "joiner-\($0)") { thread.join() } }
    mayEnd.set()
    for other in others { other.join() }
    thread.join()
    #expect(thread.join(for: .zero))
  }

  @Test func `what a body held is released when join returns`() throws {
    final class Held: Sendable {}
    for _ in 0..<500 {
      var held: Held? = Held()
      weak let seen = held
      let thread = try BlockingThread(name: "holder") { [held] in withExtendedLifetime(held) {} }
      held = nil
      thread.join()
      #expect(seen == nil)
    }
  }

  @Test func `an abandoned thread runs on to its end`() throws {
    let ended = StopSignal()
    let mayEnd = StopSignal()
    _ = try BlockingThread(name: "abandoned", stackSize: 256 << 10) {
      mayEnd.wait()
      ended.set()
    }
    mayEnd.set()
    #expect(ended.wait(for: .seconds(10)))
  }

  @Test func `a thread that cannot be started says so in one line`() throws {
    let error = #expect(throws: BlockingThread.StartError.self) {
      _ = try BlockingThread(name: "tiny", stackSize: 1) {}
    }
    #expect(try #require(error).description.hasPrefix("cannot start thread tiny: Invalid argument"))
  }
}

@Suite struct StopSignalTests {
  @Test func `a wait ends by itself after its duration`() {
    let signal = StopSignal()
    let start = ContinuousClock.now
    #expect(!signal.wait(for: .milliseconds(30)))
    #expect(ContinuousClock.now - start >= .milliseconds(30))
    #expect(!signal.isSet)
  }

  @Test func `setting wakes all who wait, whatever they wait for`() throws {
    let signal = StopSignal()
    let woken = Mutex(0)
    let durations: [Duration] = [.seconds(600), .seconds(Int64.max), .seconds(600)]
    let threads = try durations.map { duration in
      try BlockingThread(name: "waiter") {
        if signal.wait(for: duration) { woken.withLock { $0 += 1 } }
      }
    }
    signal.set()
    signal.set()
    for thread in threads { #expect(thread.join(for: .seconds(10))) }
    #expect(woken.withLock { $0 } == 3)
  }

  @Test func `who comes after it was set does not wait`() {
    let signal = StopSignal()
    signal.set()
    #expect(signal.isSet)
    #expect(signal.wait(for: .seconds(600)))
    #expect(signal.wait(for: .zero))
    signal.wait()
  }
}
