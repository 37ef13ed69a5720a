import Foundation
import ScanModel
import TestSupport
import Testing

@testable import FileTree

@Suite struct JudgingTests {
  @Test func `what a glob ignores is silent, counted, and never entered nor looked at`() throws {
    let tree = try TestTree(inMemory: true)
    for name in ["a", "a/.git", "a/.git/objects", "a/keep.tmp"] { try tree.directory(name) }
    for name in ["a/f", "a/x.tmp", "a/.git/objects/o", "top.tmp", "a/keep.tmp/g"] { try tree.file(name) }
    // No row could hold its time: a look at it would be a failure.
    let far = [timespec(tv_sec: 1 << 40, tv_nsec: 0), timespec(tv_sec: 1 << 40, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, tree.path("a/x.tmp"), far, 0) == 0)
    let sink = try walk(tree, LibraryRules(ignore: [".git/", "*.tmp", "!keep.tmp"]))
    #expect(sink.shownPaths == ["a", "a/f", "a/keep.tmp", "a/keep.tmp/g"])
    #expect(sink.failures == [] && sink.rejected == [])
    #expect(sink.listings[[]]?.ignored == 1)
    #expect(sink.listings[Array("a".utf8)]?.ignored == 2)
    #expect(sink.listings[Array("a".utf8)]?.isComplete == true)
  }

  @Test func `anchored globs see the directory's path, in every run anew`() throws {
    let tree = try TestTree()
    for name in ["a", "a/out", "b", "b/out"] { try tree.directory(name) }
    for name in ["a/out/f", "b/out/f"] { try tree.file(name) }
    let rules = LibraryRules(ignore: ["/a/out"])
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false, rules: try WalkRules(rules))
    var remaining = [RecordingSink.root]
    while !remaining.isEmpty {
      remaining = try walker.run(sink.frontier(remaining), limits: WalkLimits(entries: 1), into: sink).remaining
    }
    #expect(sink.shownPaths == ["a", "b", "b/out", "b/out/f"])
  }

  @Test func `a file against a rule is a failure that names the rule and the value, and no row`() throws {
    let tree = try TestTree()
    for name in ["a.mp4", "b.TXT", "c", "d.MP4"] { try tree.file(name, bytes: 10) }
    try tree.file("large.mp4", bytes: 11)
    try tree.directory("dir.txt")
    try tree.symlink("link.txt", to: "b.TXT")
    try tree.fifo("fifo.txt")
    let sink = try walk(tree, LibraryRules(extensions: ["mp4", "pdf"], maxSize: 10))
    #expect(sink.shownPaths == ["a.mp4", "d.MP4", "dir.txt", "fifo.txt", "link.txt"])
    let failures = sink.failures.sorted { $0.path.lexicographicallyPrecedes($1.path) }
    #expect(failures.map { String(decoding: $0.path, as: UTF8.self) } == ["b.TXT", "c", "large.mp4"])
    #expect(failures.map(\.errorType) == [.invalidExtension, .invalidExtension, .oversized])
    #expect(
      failures.map(\.message) == [
        "extension \"TXT\", and the library's rule allows only mp4, pdf",
        "no extension, and the library's rule allows only mp4, pdf",
        "11 bytes, and the library's rule allows at most 10",
      ])
    #expect(sink.rejected == Set(failures.map(\.path)))
    let listing = try #require(sink.listings[[]])
    #expect((listing.ignored, listing.failures, listing.files) == (0, 0, 4))
  }

  @Test func `a failure that is only counted is not told, and no other is kept from being told`() throws {
    let tree = try TestTree()
    try tree.directory("d")
    for index in 0..<500 { try tree.file("d/\(index).tmp", bytes: 1) }
    try tree.file("d/large.mp4", bytes: 11)
    let sink = RecordingSink()
    var asked = 0
    sink.onFailure = { (name, cause) in
      asked += 1
      return cause.errorType == .invalidExtension && name != Array("7.tmp".utf8)
    }
    try walk(tree, LibraryRules(extensions: ["mp4"], maxSize: 10), into: sink)
    #expect(asked == 501)
    #expect(sink.failures.map { String(decoding: $0.path, as: UTF8.self) }.sorted() == ["d/7.tmp", "d/large.mp4"])
    #expect(sink.rejected.count == 501)
  }

  @Test func `files against a rule are as silent as ignored ones where the rules want it`() throws {
    let tree = try TestTree()
    for name in ["a.mp4", "b.txt"] { try tree.file(name, bytes: 10) }
    try tree.file("large.mp4", bytes: 11)
    let sink = try walk(tree, LibraryRules(extensions: ["mp4"], maxSize: 10, rejected: .skip))
    #expect(sink.shownPaths == ["a.mp4"])
    #expect(sink.failures == [])
    #expect(sink.rejected == [Array("b.txt".utf8), Array("large.mp4".utf8)])
    #expect(sink.listings[[]]?.ignored == 2)
  }

  @Test func `links are passed over where the rules skip them`() throws {
    let tree = try TestTree()
    try tree.directory("d")
    for (name, target) in [("in", "d"), ("out", "/etc"), ("loop", "loop"), ("dangling", "nothing")] {
      try tree.symlink(name, to: target)
    }
    let sink = try walk(tree, LibraryRules(symlinks: .skip))
    #expect(sink.shownPaths == ["d"])
    #expect(sink.failures == [])
    #expect(sink.listings[[]]?.ignored == 4)
  }

  @Test(arguments: [
    LibraryRules(),
    LibraryRules(extensions: ["mp4"], maxSize: 10, symlinks: .skip, ignore: ["*.tmp", "cache/", "!keep.tmp"]),
    LibraryRules(extensions: ["mp4"], symlinks: .follow, ignore: [".store/"]),
  ])
  func `a file system that does not tell what it lists is walked and judged as any other`(rules: LibraryRules) throws {
    let tree = try TestTree()
    for name in ["a", "a/cache", "b.tmp", "keep.tmp", ".store", ".store/x", "cache.d"] { try tree.directory(name) }
    for name in ["f.mp4", "a/f.txt", "a/cache/g.mp4", "b.tmp/h.mp4", "keep.tmp/i.mp4", ".store/x/j.mp4", "cache"] {
      try tree.file(name, bytes: 5)
    }
    try tree.file("large.mp4", bytes: 11)
    try tree.symlink("a/link.tmp", to: "../.store/x")
    try tree.fifo("a/fifo")
    let told = try walk(tree, rules)
    let untold = try walk(tree, rules, tellsKinds: false)
    #expect(untold.rows == told.rows && told.rows.count > 4)
    #expect(untold.failures == told.failures)
    #expect(untold.rejected == told.rejected && untold.followed == told.followed)
    for (path, listing) in told.listings {
      let other = try #require(untold.listings[path])
      #expect(other.ignored == listing.ignored)
      #expect(other.files == listing.files && other.directories == listing.directories)
    }
    #expect(untold.listings.count == told.listings.count)
  }

  @Test func `rules that admit everything judge nothing`() throws {
    #expect(try WalkRules(LibraryRules()) == nil)
    #expect(try WalkRules(LibraryRules(oneFilesystem: true, layout: .categoryCourse, rejected: .skip)) == nil)
    for rules in [
      LibraryRules(extensions: []), LibraryRules(maxSize: 0), LibraryRules(symlinks: .skip),
      LibraryRules(symlinks: .follow), LibraryRules(ignore: ["x"]),
    ] {
      #expect(try WalkRules(rules) != nil)
    }
  }

  @Test func `a listing tells how deep its directory is`() throws {
    let tree = try TestTree()
    for name in ["a", "a/b", "a/b/c"] { try tree.directory(name) }
    let sink = RecordingSink()
    _ = try FileTreeTests.walk(tree, into: sink)
    let depths = sink.listings.map { (String(decoding: $0, as: UTF8.self), $1.depth) }
    #expect(Dictionary(uniqueKeysWithValues: depths) == ["": 0, "a": 1, "a/b": 2, "a/b/c": 3])
  }

  @discardableResult
  private func walk(
    _ tree: TestTree, _ rules: LibraryRules, tellsKinds: Bool = true, into sink: RecordingSink = RecordingSink()
  ) throws -> RecordingSink {
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false, rules: try WalkRules(rules))
    walker.buffer.tellsKinds = tellsKinds
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    return sink
  }
}
