import ScanModel
import TestSupport
import Testing

@Suite("Backoff")
struct BackoffTests {
  @Test("a wait lies between nothing and base·2ⁿ, and never above the cap", arguments: 0..<50)
  func bounds(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var backoff = Backoff(base: .milliseconds(100), cap: .seconds(5))
    for failures in 0..<100 {
      let wait = backoff.next(using: &random)
      let limit = failures < 6 ? Duration.milliseconds(100) * (1 << failures) : .seconds(5)
      #expect(wait >= .zero && wait <= limit)
    }
  }

  @Test("waits are spread over the whole range")
  func jitter() {
    var random = SeededRandom(seed: 1)
    let waits = (0..<1_000).map { _ in
      var backoff = Backoff(base: .seconds(1), cap: .seconds(5))
      return backoff.next(using: &random)
    }
    for tenth in 0..<10 {
      let range = Duration.milliseconds(100 * tenth)..<Duration.milliseconds(100 * (tenth + 1))
      let share = waits.count { range.contains($0) }
      #expect((50...150).contains(share), "\(share) of 1000 in \(range)")
    }
  }

  @Test("after a success the waits are short again")
  func reset() {
    var random = SeededRandom(seed: 2)
    var backoff = Backoff(base: .milliseconds(1), cap: .seconds(60))
    for _ in 0..<20 { _ = backoff.next(using: &random) }
    backoff.reset()
    #expect(backoff.next(using: &random) <= .milliseconds(1))
  }

  @Test("any number of failures is survived")
  func manyFailures() {
    var backoff = Backoff(base: .seconds(3_600), cap: .seconds(3_600))
    for _ in 0..<100_000 { #expect(backoff.next() <= .seconds(3_600)) }
  }
}
