import Testing

@testable import Reaper

@Suite struct ReaperPaceTests {
  @Test func `no sweep is slower than a third of the lock`() {
    let pace = ReaperPace(sweep: .seconds(2), reconcile: .seconds(30), cleanup: .seconds(300), lockTTL: .seconds(3))
    #expect(pace.sweep == .seconds(1))
    let slow = ReaperPace(sweep: .seconds(2), reconcile: .seconds(30), cleanup: .seconds(300), lockTTL: .seconds(10))
    #expect(slow.sweep == .seconds(2))
  }

  @Test func `a running slice is missed for longer than its worker takes to renew its lock`() {
    let pace = ReaperPace(sweep: .seconds(2), reconcile: .seconds(30), cleanup: .seconds(300), lockTTL: .seconds(10))
    #expect(pace.patience(for: .queued) == .seconds(2))
    #expect(pace.patience(for: .running) == .seconds(5))
  }
}
