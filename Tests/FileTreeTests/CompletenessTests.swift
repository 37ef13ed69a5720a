import FileTree
import Foundation
import ScanModel
import TestSupport
import Testing

@Suite struct CompletenessTests {
  @Test func `the walk finds what an independent listing finds, byte for byte`() throws {
    let tree = try TestTree()
    try tree.makeEveryShape()
    let sink = RecordingSink()
    let outcome = try walk(tree, into: sink)
    let expected = try IndependentListing.of(tree.root)
    #expect(expected.count > 11_000)
    #expect(differences(sink.rows, expected) == [])
    #expect(sink.delivered == expected.count)
    #expect(sink.failures == [])
    #expect(outcome.remaining == [])
    #expect(outcome.entries == expected.count)
    #expect(outcome.directories == expected.values.count { $0.kind == .directory } + 1)
  }

  @Test func `a listing's counts are those of its own entries`() throws {
    let tree = try TestTree()
    try tree.directory("a")
    try tree.directory("a/b")
    try tree.file("a/one", bytes: 1000)
    try tree.file("a/two", bytes: 24)
    try tree.file("a/b/three", bytes: 7)
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    let listing = try #require(sink.listings[Array("a".utf8)])
    #expect(listing.files == 2)
    #expect(listing.bytes == 1024)
    #expect(listing.directories == 1)
    #expect(listing.failures == 0)
    #expect(listing.isComplete)
    #expect(listing.isSteady)
    #expect(listing.attributes == sink.rows[Array("a".utf8)])
    #expect(sink.listings[[]]?.attributes.kind == .directory)
  }

  @Test func `birth times are told where the file system has them`() throws {
    let tree = try TestTree()
    try tree.file("file")
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    let attributes = try #require(sink.rows[Array("file".utf8)])
    // A minute is longer than it takes to make a file. All usual file systems of Linux have birth times.
    let birth = try #require(attributes.btime_ns)
    #expect((attributes.ctime_ns - 60_000_000_000...attributes.ctime_ns).contains(birth))
  }

  @Test func `a directory that changes while it is listed is not called steady`() throws {
    let tree = try TestTree()
    try tree.directory("a")
    try tree.file("a/one")
    let sink = RecordingSink()
    sink.onFile = { _ throws(RecordingSink.Refusal) in
      do { try tree.file("a/two") } catch { throw RecordingSink.Refusal() }
    }
    _ = try walk(tree, into: sink)
    #expect(sink.listings[Array("a".utf8)]?.isSteady == false)
    #expect(sink.listings[Array("a".utf8)]?.isComplete == true)
  }

  @Test func `paths longer than PATH_MAX are walked with a bounded number of descriptors`() throws {
    let tree = try TestTree()
    try tree.chain("deep", levels: 3000, name: "d")
    let sink = RecordingSink()
    var most = 0
    sink.onWillList = { _ in
      if sink.visits.count % 100 == 0 { most = max(most, sink.openDescriptors().count) }
    }
    _ = try walk(tree, into: sink)
    #expect(differences(sink.rows, (try IndependentListing.of(tree.root))) == [])
    #expect(sink.rows.keys.contains { $0.count > 6000 })
    #expect(sink.failures == [])
    #expect((30...66).contains(most))
    #expect(sink.openDescriptors() == [])
  }

  @Test func `a subtree that is done is left open nowhere`() throws {
    let tree = try TestTree()
    for name in ["a", "b"] { try tree.chain(name, levels: 40, name: "d") }
    let sink = RecordingSink()
    var atTopLevel: [Int] = []
    sink.onWillList = { path in
      if path.count == 1 { atTopLevel.append(sink.openDescriptors().count) }
    }
    _ = try walk(tree, into: sink)
    // The root and the directory itself.
    #expect(atTopLevel == [2, 2])
  }

  @Test func `depth first: a directory's own subtree comes before its siblings'`() throws {
    let tree = try TestTree()
    for name in ["a", "b"] {
      try tree.directory(name)
      try tree.directory(name + "/x")
      try tree.directory(name + "/x/y")
    }
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    let visits = sink.visits.map { String(decoding: $0, as: UTF8.self) }
    let a = ["a", "a/x", "a/x/y"]
    let b = ["b", "b/x", "b/x/y"]
    #expect(visits == [""] + a + b || visits == [""] + b + a)
  }
}

/// One run over a whole tree unless `limits` end it.
func walk(
  _ tree: TestTree, oneFilesystem: Bool = false, limits: WalkLimits = WalkLimits(), into sink: RecordingSink
) throws -> WalkOutcome {
  let walker = TreeWalker(rootPath: tree.root, oneFilesystem: oneFilesystem)
  return try walker.run(.root(id: RecordingSink.root), limits: limits, into: sink)
}
