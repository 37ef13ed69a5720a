import FileTree
import Foundation
import ScanModel
import TestSupport
import Testing

/// What a file system may hold at its edges is told as lstat(2) tells it.
@Suite struct EdgeTests {
  @Test(arguments: [
    timespec(tv_sec: -1, tv_nsec: 999_999_999), timespec(tv_sec: -9_223_372_037, tv_nsec: 145_224_192),
    timespec(tv_sec: 9_223_372_036, tv_nsec: 854_775_807), timespec(tv_sec: 0, tv_nsec: 1),
  ])
  func `times before 1970, far in the future and of single nanoseconds are exact`(time: timespec) throws {
    // On tmpfs, as others cannot hold such times.
    let tree = try TestTree(inMemory: true)
    try tree.file("f")
    #expect(utimensat(AT_FDCWD, tree.path("f"), [time, time], 0) == 0)
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    let nanoseconds = Int128(time.tv_sec) * 1_000_000_000 + Int128(time.tv_nsec)
    #expect((sink.rows[Array("f".utf8)]?.mtime_ns).map { Int128($0) } == nanoseconds)
    #expect(sink.failures == [])
  }

  @Test(arguments: [
    timespec(tv_sec: 9_223_372_036, tv_nsec: 854_775_808), timespec(tv_sec: -9_223_372_037, tv_nsec: 145_224_191),
  ])
  func `a nanosecond further no row can hold the time, which is its entry's failure alone`(time: timespec) throws {
    let tree = try TestTree(inMemory: true)
    for name in ["far", "near"] { try tree.file(name) }
    #expect(utimensat(AT_FDCWD, tree.path("far"), [time, time], 0) == 0)
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    #expect(sink.failures.map(\.errorType) == [.timestampOutOfRange])
    #expect(sink.shownPaths == ["near"])
  }

  @Test(arguments: [
    (1 << 40, Int64.max), (-(1 << 40), Int64.min),
  ])
  func `a directory whose time no row can hold is listed under the nearest, the root too`(
    _ seconds: Int, _ nearest: Int64
  ) throws {
    let tree = try TestTree(inMemory: true)
    for name in ["far", "far/below"] { try tree.directory(name) }
    for name in ["f", "far/g", "far/below/h"] { try tree.file(name) }
    for name in ["far", "."] { try tree.setTime(name, seconds) }
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    #expect(sink.shownPaths == ["f", "far", "far/below", "far/below/h", "far/g"])
    #expect(sink.failures.map(\.path) == [[], Array("far".utf8)])
    #expect(sink.failures.allSatisfy { $0.errorType == .timestampOutOfRange && !$0.isEntry })
    #expect(sink.rows[Array("far".utf8)]?.mtime_ns == nearest)
    for path in ["", "far"] {
      let listing = try #require(sink.listings[Array(path.utf8)])
      #expect(listing.attributes.mtime_ns == nearest)
      #expect(listing.isComplete && !listing.hasUsualTimes && !listing.isSteady && listing.failures == 0)
    }
    #expect(sink.listings[Array("far/below".utf8)]?.hasUsualTimes == true)
    #expect(sink.listings[Array("far/below".utf8)]?.isSteady == true)
  }

  @Test func `sparse files of terabytes have their sizes, and their sum is the listing's`() throws {
    let tree = try TestTree(inMemory: true)
    let size = 5 << 40
    for name in ["a", "b"] { try tree.file(name, bytes: size) }
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    #expect(sink.rows[Array("a".utf8)]?.size == Int64(size))
    #expect(sink.listings[[]]?.bytes == Int64(2 * size))
  }

  @Test func `device nodes are rows`() throws {
    let tree = try TestTree()
    guard try tree.device("block", block: true), try tree.device("char", block: false) else {
      return print("NOT RUN: this user may not make device nodes")
    }
    let sink = RecordingSink()
    _ = try walk(tree, into: sink)
    #expect(sink.rows[Array("block".utf8)]?.kind == .block)
    #expect(sink.rows[Array("char".utf8)]?.kind == .char)
    #expect(differences(sink.rows, try IndependentListing.of(tree.root)) == [])
  }

  @Test func `names of 255 bytes are whole, thousands of levels down`() throws {
    let tree = try TestTree(inMemory: true)
    let name = String(repeating: "n", count: 255)
    try tree.chain("deep", levels: 2_000, name: name)
    // It keeps no paths, which are half a megabyte each.
    let sink = CountingSink()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    let outcome = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    #expect(sink.failures == [])
    #expect(sink.files == 2_000)
    #expect(outcome.directories == 2 + 2 * 2_000)
  }
}
