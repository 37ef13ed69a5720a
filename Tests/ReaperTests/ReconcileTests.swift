import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Reaper

@Suite("The reaper's comparison of Redis with Postgres")
struct ReconcileTests {
  @Test("a slice that two looks miss is recorded as lost, and then pushed")
  func lost() {
    var reaper = ReaperUnderTest.suspecting([.with(1)])
    #expect(reaper.pass { if case .confirm = $0 { true } else { false } } == .confirm([.with(1)], queue: "q"))
    #expect(
      reaper.hear(.missing([.number(1)]))
        == .repair([LostPointer(slice: .with(1), age: .seconds(2))], queue: "q"))
    #expect(reaper.hear(.repaired([.number(1)])) == .push([.number(1)], queue: "q"))
    #expect(reaper.hear(.done, after: .milliseconds(1)) == .wait(.milliseconds(1_999)))
  }

  @Test("one that is there again, or that another reaper has repaired, is let go")
  func found() {
    var there = ReaperUnderTest.suspecting([.with(1)])
    there.pass { if case .confirm = $0 { true } else { false } }
    #expect(there.hear(.missing([])) == .wait(.seconds(2)))
    var repaired = ReaperUnderTest.suspecting([.with(1)])
    repaired.pass { if case .confirm = $0 { true } else { false } }
    repaired.hear(.missing([.number(1)]))
    #expect(repaired.hear(.repaired([])) == .wait(.seconds(2)))
    for var reaper in [there, repaired] {
      let begin = reaper.now
      reaper.pass { if case .pageSlices = $0 { true } else { false } }
      #expect(reaper.now - begin >= .seconds(20), "no further look before the next comparison")
    }
  }

  @Test("a running slice has the time of a renewal before the second look")
  func running() {
    var reaper = ReaperUnderTest.suspecting([.with(1, .running)])
    let begin = reaper.now
    reaper.pass { if case .confirm = $0 { true } else { false } }
    #expect(reaper.now - begin >= .seconds(5) && reaper.now - begin < .seconds(8))
  }

  @Test("what the sweep sees in flight is not missed")
  func inflight() {
    func round(_ entries: [InflightEntry], _ reaper: inout ReaperUnderTest) {
      reaper.look()
      reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)), .entries(entries))
    }
    var first = ReaperUnderTest()
    round([.pointer(1, isLocked: true)], &first)
    first.pass { if case .pageSlices = $0 { true } else { false } }
    #expect(first.hear(.openSlices([.with(1), .with(2)])) == .suspect([.with(2)], queue: "q"))

    var second = ReaperUnderTest.suspecting([.with(1), .with(2)])
    round([.pointer(1)], &second)
    second.hear(.queues([]))
    #expect(second.action == .confirm([.with(2)], queue: "q"))
  }

  @Test("a first look that finds all pointers leaves nothing to look at twice")
  func nothingMissing() {
    var reaper = ReaperUnderTest.looking()
    reaper.pass { if case .pageSlices = $0 { true } else { false } }
    reaper.hear(.openSlices([.with(1), .with(2)]))
    reaper.hear(.missing([.number(2)]))
    reaper.pass { if case .confirm = $0 { true } else { false } }
    #expect(reaper.action == .confirm([.with(2)], queue: "q"))
  }

  @Test("many second looks are taken a bounded part at a time, each slice once")
  func boundedLooks() {
    let slices = (1...Int32(250)).map { OpenSlice.with($0) }
    var reaper = ReaperUnderTest.suspecting(slices)
    var seen: [OpenSlice] = []
    while seen.count < slices.count {
      reaper.pass { if case .confirm = $0 { true } else { false } }
      guard case .confirm(let part, _) = reaper.action, part.count <= ReaperMachine.slicesPerRecord else {
        Issue.record("\(reaper.action)")
        return
      }
      seen += part
      reaper.hear(.missing([]))
    }
    #expect(seen.count == slices.count && Set(seen.map(\.slice)).count == slices.count)
  }

  @Test("slices are read in pages and looked for queue by queue")
  func pages() {
    var reaper = ReaperUnderTest.looking()
    reaper.pass { if case .pageSlices = $0 { true } else { false } }
    let page = (1...Int32(ReaperMachine.page)).map { OpenSlice.with($0, queue: $0 == 1 ? "other" : "q") }
    #expect(reaper.hear(.openSlices(page)) == .suspect([page[0]], queue: "other"))
    #expect(reaper.hear(.missing([])) == .suspect(Array(page.dropFirst()), queue: "q"))
    #expect(reaper.hear(.missing([])) == .pageSlices(after: page.last?.slice))
    #expect(reaper.hear(.openSlices([])) == .pageScans(after: nil))
  }

  @Test("each scan that is adrift is mended, and what that queues is pushed")
  func adrift() {
    var reaper = ReaperUnderTest.looking()
    reaper.pass { if case .pageScans = $0 { true } else { false } }
    #expect(reaper.hear(.adrift([ScanID(3), ScanID(4)])) == .mend(ScanID(3)))
    let repairs = [
      ScanRepair(kind: .openSlices, slice: nil, queue: "q"),
      ScanRepair(kind: .promotion, slice: .number(8), queue: "q"),
      ScanRepair(kind: .promotion, slice: .number(9), queue: "q"),
    ]
    #expect(reaper.hear(.mended(repairs)) == .push([.number(8), .number(9)], queue: "q"))
    #expect(reaper.hear(.done) == .mend(ScanID(4)))
    #expect(reaper.hear(.mended([])) == .dropLeftSlices)
  }

  @Test("it is done each reconcile interval, and at once when the marker is gone")
  func due() {
    var reaper = ReaperUnderTest()
    let isPage: (ReaperMachine.Action) -> Bool = { if case .pageSlices = $0 { true } else { false } }
    reaper.pass(until: isPage)
    #expect(reaper.now == .zero)
    reaper.rest()
    reaper.pass(until: isPage)
    #expect(reaper.now >= .seconds(30) && reaper.now < .seconds(33))
    reaper.rest()
    reaper.hear(.waited, after: .seconds(2))
    #expect(reaper.action == .mark)
    let begin = reaper.now
    reaper.hear(.marked(wasThere: false))
    reaper.pass(until: isPage)
    #expect(reaper.now == begin)
  }

  @Test("what it cannot do with some slices is passed over until the next comparison")
  func failed() {
    var reaper = ReaperUnderTest.suspecting([.with(1)])
    reaper.pass { if case .confirm = $0 { true } else { false } }
    #expect(reaper.hear(.failed) == .wait(.seconds(2)))
    reaper.hear(.waited, after: .seconds(2))
    #expect(reaper.rest() == .seconds(2))
  }
}
