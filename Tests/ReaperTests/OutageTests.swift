import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Reaper

@Suite("The reaper while servers are away")
struct OutageTests {
  /// Machines that wait for each kind of answer.
  private static func stages() -> [ReaperUnderTest] {
    var stages: [ReaperUnderTest] = []
    var reaper = ReaperUnderTest()
    stages.append(reaper)
    reaper.hear(.marked(wasThere: true))
    stages.append(reaper)
    reaper.hear(.discovered(Discovery(queues: [], next: nil)))
    stages.append(reaper)
    reaper.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    stages.append(reaper)
    reaper.hear(.entries([.pointer()]))
    stages.append(reaper)
    reaper.hear(.reaped(.returned), .entries([]))
    stages.append(reaper)
    reaper.hear(.done)
    stages.append(reaper)
    reaper.hear(.queues([]))
    stages.append(reaper)
    reaper.hear(.done)
    stages.append(reaper)
    var suspecting = reaper
    suspecting.hear(.openSlices([.with(2)]))
    stages.append(suspecting)
    reaper.hear(.openSlices([]))
    stages.append(reaper)
    reaper.hear(.adrift([ScanID(7)]))
    stages.append(reaper)
    reaper.hear(.mended([ScanRepair(kind: .promotion, slice: .number(3), queue: "q")]))
    stages.append(reaper)
    reaper.hear(.done)
    stages.append(reaper)
    var confirming = ReaperUnderTest.suspecting([.with(1)])
    confirming.pass { if case .confirm = $0 { true } else { false } }
    stages.append(confirming)
    confirming.hear(.missing([.number(1)]))
    stages.append(confirming)
    return stages
  }

  @Test("the stages are those of every action but wait and stop")
  func everyAction() {
    let names = Self.stages().map { "\($0.action)".prefix { $0 != "(" } }
    #expect(
      Set(names) == [
        "mark", "discover", "listQueues", "look", "read", "reap", "forget", "record", "pageSlices", "suspect",
        "pageScans", "mend", "push", "dropLeftSlices", "confirm", "repair",
      ])
  }

  @Test("without Redis the round is given up, and a new one begins with growing waits until it is back")
  func queueAway() {
    for stage in Self.stages() where stage.action.server == .redis {
      var reaper = stage
      for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
        #expect(reaper.hear(.queueAway) == .wait(.milliseconds(wait)))
        #expect(reaper.hear(.waited, after: .milliseconds(wait)) == .mark)
      }
      reaper.hear(.marked(wasThere: true))
      reaper.pass { if case .pageSlices = $0 { true } else { false } }
      #expect(reaper.now - stage.now < .seconds(20), "then it compares, too")
    }
  }

  @Test("without Postgres the sweep goes on, with the queues last known; it is asked again after a while")
  func catalogAway() {
    for stage in Self.stages() where stage.action.server == .postgres {
      var reaper = stage
      var asked = 0
      for _ in 0..<10 {
        while reaper.action.server != .nobody {
          if reaper.action.server == .postgres {
            asked += 1
            reaper.hear(.catalogAway)
          } else {
            reaper.hear(reaper.action.calm)
          }
        }
        reaper.look()
        #expect(reaper.action == .look(queue: "q", nil))
      }
      #expect((2...10).contains(asked))
      reaper.pass { if case .pageSlices = $0 { true } else { false } }
    }
  }

  @Test("a known queue is swept while Postgres is away")
  func knownQueues() {
    var reaper = ReaperUnderTest()
    reaper.pass { $0 == .listQueues }
    reaper.hear(.queues(["library"]))
    for _ in 0..<3 {
      reaper.rest()
      reaper.pass { $0 == .look(queue: "library", nil) }
      reaper.pass { $0 == .listQueues }
      reaper.hear(.catalogAway)
    }
  }

  @Test("what was repaired and not pushed, and what was returned and not recorded, is made up for")
  func owed() {
    for stage in Self.stages() where stage.action.isOwed {
      var reaper = stage
      let action = reaper.action
      let isPostgres = action.server == .postgres
      reaper.hear(isPostgres ? .catalogAway : .queueAway)
      #expect(reaper.pass { $0 == action } == action)
      reaper.hear(.done)
      reaper.rest()
      reaper.hear(.waited, after: .seconds(2))
      reaper.pass {
        #expect($0 != action, "once")
        if case .wait = $0 { return true }
        return false
      }
    }
  }

  @Test("an error that is no outage ends nothing but its step")
  func failed() {
    for stage in Self.stages() {
      var reaper = stage
      reaper.hear(.failed)
      #expect(reaper.rest() <= .seconds(2))
      #expect(reaper.now == stage.now)
    }
  }

  @Test("after Redis was away for long its workers may beat again before any counts as dead")
  func grace() {
    var long = ReaperUnderTest.looking()
    long.hear(.queueAway)
    long.hear(.waited, after: .seconds(4))
    long.look()
    long.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    #expect(long.action == .read(.alive, [.first], queue: "q"))

    var short = ReaperUnderTest.looking()
    short.hear(.queueAway)
    short.hear(.waited, after: .milliseconds(100))
    short.look()
    short.hear(.workers(WorkerPage(workers: [.dead], next: nil)))
    #expect(short.action == .read(.dead, [.first], queue: "q"))
  }

  @Test("what was seen before Redis was away is not counted after")
  func forgotten() {
    var reaper = ReaperUnderTest.looking()
    reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)), .entries([.pointer()]))
    reaper.rest()
    reaper.hear(.waited, after: .seconds(2))
    reaper.hear(.queueAway)
    reaper.hear(.waited)
    reaper.look()
    reaper.hear(.workers(WorkerPage(workers: [.alive], next: nil)))
    if case .reap = reaper.hear(.entries([.pointer()])) { Issue.record("returned") }
  }
}
