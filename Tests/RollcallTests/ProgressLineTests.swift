import Testing

@testable import rollcall

@Suite struct ProgressLineTests {
  private let known = ScanProgress(
    elapsed: .seconds(12), filesSeen: 1234, bytesSeen: 1_503_238_553, filesPerSecond: 789, percent: 42.9,
    remaining: .seconds(192))
  private let unknown = ScanProgress(
    elapsed: .seconds(12), filesSeen: 1, bytesSeen: 17, filesPerSecond: nil, percent: nil, remaining: nil)
  private let start = ContinuousClock.now

  private func terminal(_ isTerminal: Bool, width: Int = 100) -> Terminal {
    Terminal(isOutputTerminal: false, isErrorTerminal: isTerminal, width: width, allowsColor: true)
  }

  @Test func `a terminal gets a bar that is redrawn in place`() {
    var line = ProgressLine(terminal(true))
    let drawn = line.update(known, at: start)
    let bar = "[" + String(repeating: "#", count: 12) + String(repeating: "-", count: 18) + "]"
    #expect(drawn == "\r\(bar) 42 %, 1,234 files, 1.4 GiB, 789 files/s, ETA 3 m 12 s\u{1b}[K")
    #expect(line.update(known, at: start + .milliseconds(199)) == nil)
    #expect(line.update(known, at: start + .milliseconds(200)) != nil)
    #expect(line.clear() == "\r\u{1b}[K")
    #expect(line.clear() == nil)
  }

  @Test func `elsewhere there is a plain line every few seconds`() {
    var line = ProgressLine(terminal(false))
    #expect(line.update(known, at: start) == "42 %, 1,234 files, 1.4 GiB, 789 files/s, ETA 3 m 12 s\n")
    #expect(line.update(known, at: start + .milliseconds(4999)) == nil)
    #expect(line.update(known, at: start + .seconds(5)) != nil)
    #expect(line.clear() == nil)
  }

  @Test func `with nothing to compare with no percentage and no bar is invented`() {
    var line = ProgressLine(terminal(true))
    #expect(line.update(unknown, at: start) == "\rcounted 1 file, 17 B, 12 s\u{1b}[K")
  }

  @Test(arguments: 1...120)
  func `a line is never wider than its terminal`(width: Int) {
    #expect(ProgressLine.line(known, width: width).count < width)
    #expect(ProgressLine.line(unknown, width: width).count < width)
  }

  @Test(arguments: [-5.0, 0, 99.99, 100, 250])
  func `the bar stays within its frame, and 100 is said when it is so`(percent: Double) {
    var progress = known
    progress.percent = percent
    let line = ProgressLine.line(progress, width: 100)
    #expect(line.split(separator: " ").first?.count == 32)
    #expect(line.contains(" 100 %") == (percent >= 100))
  }
}
