import FileTree
import TestSupport
import Testing

@Suite struct PaceTests {
  @Test func `every entry is spent, and more is asked for only when nothing is left`() throws {
    let tree = try TestTree()
    for index in 0..<95 { try tree.file("\(index)") }
    for index in 0..<5 { try tree.directory("d\(index)") }
    for index in 0..<20 { try tree.file("d0/\(index)") }
    var questions = 0
    var seenAtQuestion: [Int] = []
    let sink = RecordingSink()
    let pace = WalkPace {
      questions += 1
      seenAtQuestion.append(sink.delivered)
      return 10
    }
    _ = try walk(tree, limits: WalkLimits(pace: pace), into: sink)
    #expect(sink.rows.count == 120)
    #expect(questions == 12)
    #expect(seenAtQuestion == Array(stride(from: 0, to: 120, by: 10)))
  }

  @Test func `what a run leaves over serves the next one`() throws {
    let tree = try TestTree()
    for index in 0..<4 { try tree.file("\(index)") }
    var questions = 0
    let pace = WalkPace {
      questions += 1
      return 10
    }
    for _ in 0..<5 { _ = try walk(tree, limits: WalkLimits(pace: pace), into: RecordingSink()) }
    #expect(questions == 2)
  }

  @Test func `an answer of nothing still lets the walk get on`() throws {
    let tree = try TestTree()
    for index in 0..<4 { try tree.file("\(index)") }
    let sink = RecordingSink()
    _ = try walk(tree, limits: WalkLimits(pace: WalkPace { 0 }), into: sink)
    #expect(sink.rows.count == 4)
  }

  @Test func `an abort during a wait ends the run before another entry`() throws {
    let tree = try TestTree()
    for index in 0..<1000 { try tree.file("\(index)") }
    let sink = RecordingSink()
    var isAborted = false
    let pace = WalkPace {
      isAborted = sink.delivered >= 5
      return 5
    }
    let limits = WalkLimits(isAborted: { isAborted }, pace: pace)
    #expect(throws: WalkError<RecordingSink.Refusal>.self) { try walk(tree, limits: limits, into: sink) }
    #expect(sink.delivered == 5)
  }
}
