import Foundation
import Testing

@testable import rollcall

@Suite struct HumaneTests {
  @Test(
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"), (-123, "-123"),
      (Int64.min, "-9,223,372,036,854,775,808"),
    ] as [(Int64, String)])
  func `counts are grouped`(number: Int64, text: String) { #expect(Humane.count(number) == text) }

  @Test(
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (102_400, "100 KiB"),
      (1_048_575, "1.0 MiB"), (1_503_238_553, "1.4 GiB"), (Int64.max, "8.0 EiB"),
    ] as [(Int64, String)])
  func `sizes have binary units and never four digits and a fraction`(bytes: Int64, text: String) {
    #expect(Humane.size(bytes) == text)
  }

  @Test(arguments: [
    (0.04, "0.0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (12, "12 s"), (59.7, "1 m 0 s"), (192, "3 m 12 s"),
    (7500, "2 h 5 m"), (349_200, "4 d 1 h"), (63_919_000_000, "739,803 d 5 h"), (-3, "0.0 s"),
  ])
  func `durations name their two largest units`(seconds: Double, text: String) {
    #expect(Humane.duration(.seconds(seconds)) == text)
  }

  @Test func `rates and distances in time read as people say them`() {
    #expect(Humane.filesPerSecond(0.25) == "0.3 files/s")
    #expect(Humane.filesPerSecond(45_678.4) == "45,678 files/s")
    let now = Date(timeIntervalSince1970: 1_000_000)
    #expect(Humane.relative(now, to: now) == "now")
    #expect(Humane.relative(now.addingTimeInterval(-12), to: now) == "12 s ago")
    #expect(Humane.relative(now.addingTimeInterval(192), to: now) == "in 3 m 12 s")
  }
}
