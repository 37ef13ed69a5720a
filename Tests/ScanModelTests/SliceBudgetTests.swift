import ScanModel
import Testing

@Suite("A slice's budget")
struct SliceBudgetTests {
  static let seen: [Int64] = [0, 1, 7_999, 8_000, 8_008, 100_000, 399_999, 400_000, 400_008, 10_000_000, .max]

  @Test("is never below 1,000 entries nor above 50,000", arguments: seen + [-1, .min])
  func bounds(entriesSeen: Int64) {
    #expect((1_000...50_000).contains(SliceBudget(entriesSeen: entriesSeen).entries))
  }

  @Test("never shrinks while the scan grows")
  func monotone() {
    for (earlier, later) in zip(Self.seen, Self.seen.dropFirst()) {
      #expect(SliceBudget(entriesSeen: earlier).entries <= SliceBudget(entriesSeen: later).entries)
    }
  }

  @Test("is an eighth of what was seen, between the bounds")
  func share() {
    #expect(SliceBudget(entriesSeen: 0).entries == 1_000)
    #expect(SliceBudget(entriesSeen: 80_000).entries == 10_000)
    #expect(SliceBudget(entriesSeen: .max).entries == 50_000)
  }

  @Test("gives a slice a few seconds, however much was seen", arguments: seen)
  func time(entriesSeen: Int64) {
    #expect(SliceBudget(entriesSeen: entriesSeen).duration == .seconds(5))
  }
}
