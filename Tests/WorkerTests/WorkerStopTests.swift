import BlockingThread
import Testing

@testable import Worker

@Suite("A worker's stop")
struct WorkerStopTests {
  @Test("is requested first and urgent later")
  func steps() {
    let stop = WorkerStop()
    #expect(!stop.isRequested && !stop.isUrgent)
    stop.request()
    #expect(stop.isRequested && !stop.isUrgent)
    stop.hurry()
    #expect(stop.isRequested && stop.isUrgent)
  }

  @Test("a wait ends with the request, and does not begin after it")
  func waits() throws {
    let stop = WorkerStop()
    let waiter = try BlockingThread(name: "waiter") { stop.wait(for: .seconds(600)) }
    #expect(!waiter.isFinished)
    stop.request()
    #expect(waiter.join(for: .seconds(10)))
    let start = ContinuousClock.now
    stop.wait(for: .seconds(600))
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test("those still at work a second after the request are hurried")
  func hurries() {
    let (stop, over) = (WorkerStop(), StopSignal())
    stop.request()
    let start = ContinuousClock.now
    stop.hurryUnless(over, within: .seconds(1))
    #expect(stop.isUrgent)
    #expect((.seconds(1)...(.seconds(10))).contains(ContinuousClock.now - start))
  }

  @Test("nobody is hurried when all have ended")
  func needsNoHurry() throws {
    let (stop, over) = (WorkerStop(), StopSignal())
    let hurrying = try BlockingThread(name: "hurrying") { stop.hurryUnless(over, within: .seconds(600)) }
    #expect(!hurrying.isFinished)
    stop.request()
    over.set()
    #expect(hurrying.join(for: .seconds(10)))
    #expect(!stop.isUrgent)
  }
}
