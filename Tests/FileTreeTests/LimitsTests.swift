import FileTree
import ScanModel
import TestSupport
import Testing

@Suite struct LimitsTests {
  @Test(arguments: [1, 7, 500])
  func `runs with small budgets deliver every entry exactly once`(entries: Int) throws {
    let tree = try TestTree()
    try tree.makeEveryShape()
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    var remaining = [RecordingSink.root]
    var runs = 0
    while !remaining.isEmpty {
      let frontier = sink.frontier(remaining)
      remaining = try walker.run(frontier, limits: WalkLimits(entries: entries), into: sink).remaining
      runs += 1
    }
    #expect(differences(sink.rows, (try IndependentListing.of(tree.root))) == [])
    #expect(sink.delivered == sink.rows.count)
    #expect(sink.visits.count == Set(sink.visits).count)
    #expect(sink.failures == [])
    #expect(runs > 2)
  }

  @Test func `a run whose time is over, or that shall yield, still finishes one directory`() throws {
    let tree = try TestTree()
    for name in ["a", "b", "c"] { try tree.directory(name) }
    for limits in [WalkLimits(deadline: .now), WalkLimits(shouldYield: { true })] {
      let sink = RecordingSink()
      let outcome = try walk(tree, limits: limits, into: sink)
      #expect(outcome.directories == 1)
      #expect(sink.visits == [[]])
      #expect(Set(outcome.remaining.map(sink.path(of:))) == Set(["a", "b", "c"].map { Array($0.utf8) }))
    }
  }

  @Test func `what remains is told in visiting order`() throws {
    let tree = try TestTree()
    for name in ["a", "a/x", "b", "b/x", "c", "c/x"] { try tree.directory(name) }
    let whole = RecordingSink()
    _ = try walk(tree, into: whole)
    let sink = RecordingSink()
    let first = try walk(tree, limits: WalkLimits(entries: 4), into: sink)
    #expect(first.remaining.count == 3)
    #expect(first.remaining.first.map(sink.path(of:)) == whole.visits[2])
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    _ = try walker.run(sink.frontier(first.remaining), limits: WalkLimits(), into: sink)
    #expect(sink.visits == whole.visits)
  }

  @Test func `more directories than a run may hold are left to the next run`() throws {
    let tree = try TestTree()
    for index in 0..<17_000 { try tree.directory("\(index)") }
    let sink = RecordingSink()
    let first = try walk(tree, into: sink)
    #expect(first.remaining.count > 600)
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    let second = try walker.run(sink.frontier(first.remaining), limits: WalkLimits(), into: sink)
    #expect(second.remaining == [])
    #expect(sink.visits.count == 17_001)
    #expect(Set(sink.visits).count == 17_001)
  }

  @Test func `an abort ends the run in the middle of a directory`() throws {
    let tree = try TestTree()
    for index in 0..<1000 { try tree.file("\(index)") }
    let sink = RecordingSink()
    let limits = WalkLimits(isAborted: { sink.delivered >= 100 })
    #expect(throws: WalkError<RecordingSink.Refusal>.self) { try walk(tree, limits: limits, into: sink) }
    #expect((100..<200).contains(sink.delivered))
    #expect(sink.listings.isEmpty)
  }

  @Test func `a sink's error ends the run at once and leaves nothing open`() throws {
    let tree = try TestTree()
    try tree.chain("deep", levels: 80, name: "d")
    let sink = RecordingSink()
    sink.onFile = { _ throws(RecordingSink.Refusal) in
      if sink.visits.count == 70 { throw RecordingSink.Refusal() }
    }
    #expect {
      try walk(tree, into: sink)
    } throws: { error in
      guard case WalkError<RecordingSink.Refusal>.sink = error else { return false }
      return true
    }
    #expect(sink.visits.count == 70)
    #expect(sink.openDescriptors() == [])
  }
}
