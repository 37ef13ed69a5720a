import BlockingThread
import Testing

@testable import Worker

@Suite("An outage in the log")
struct OutageTests {
  private let log = RecordedLog()
  private let outage: Outage

  init() {
    outage = Outage(of: "Redis", logger: log.logger)
  }

  @Test("is one line when the server goes and one when it is back, however many threads see it")
  func oneLineEach() {
    for _ in 0..<3 {
      for _ in 0..<5 { outage.begin("cannot reach it") }
      for _ in 0..<5 { outage.end() }
    }
    let once = [
      "error Redis is away; trying again until it is back reason=cannot reach it", "notice Redis is back",
    ]
    #expect(log.lines == once + once + once)
  }

  @Test("an answer that was under way when the server went does not end it")
  func answerUnderWay() {
    let asked = ContinuousClock.now
    outage.begin("cannot reach it")
    outage.end(asked: asked)
    #expect(log.lines.count == 1)
    outage.end(asked: .now)
    #expect(log.lines.count == 2)
  }

  @Test("is recent while it lasts, and for a while after")
  func recent() {
    #expect(!outage.isRecent(within: .seconds(600)))
    outage.begin("cannot reach it")
    #expect(outage.isRecent(within: .zero))
    outage.end()
    #expect(outage.isRecent(within: .seconds(600)))
    #expect(!outage.isRecent(within: .zero))
  }

  @Test("a server that never went is not said to be back")
  func neverAway() {
    outage.end()
    #expect(log.lines.isEmpty)
  }
}
