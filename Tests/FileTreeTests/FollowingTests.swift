import Foundation
import ScanModel
import TestSupport
import Testing

@testable import FileTree

/// Links under the policy `follow`.
@Suite struct FollowingTests {
  static let openings = OpeningTests.openings

  private static func tree() throws -> TestTree {
    let tree = try TestTree()
    for name in ["shown", "shown/sub", ".store", ".store/x", ".store/x/y"] { try tree.directory(name) }
    for name in ["shown/f", ".store/x/g", ".store/x/y/h", ".store/file"] { try tree.file(name, bytes: 3) }
    return tree
  }

  @Test(arguments: openings)
  func `a link into an ignored place is entered, and its listing is the target's`(_ opening: Opening) throws {
    let tree = try Self.tree()
    try tree.symlink("shown/x", to: "../.store/x")
    try tree.symlink("shown/absolute", to: tree.path(".store/x/y"))
    try tree.symlink("shown/file", to: "../.store/file")
    let sink = try walk(tree, opening, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(
      sink.shownPaths == [
        "shown", "shown/absolute", "shown/absolute/h", "shown/f", "shown/file", "shown/sub", "shown/x", "shown/x/g",
        "shown/x/y", "shown/x/y/h",
      ])
    #expect(sink.rows[Array("shown/file".utf8)]?.kind == .file)
    #expect(sink.rows[Array("shown/file".utf8)]?.size == 3)
    #expect(sink.rows[Array("shown/x".utf8)]?.inode == inode(tree.path(".store/x")))
    #expect(sink.followed == [Array("shown/x".utf8), Array("shown/absolute".utf8)])
    #expect(sink.failures == [])
    #expect(sink.listings[Array("shown".utf8)]?.hasLinks == true)
    #expect(sink.listings[Array("shown/x".utf8)]?.hasLinks == false)
    #expect(sink.openDescriptors() == [])
  }

  @Test(arguments: openings)
  func `other slices find a followed directory again, and what is below it`(_ opening: Opening) throws {
    let tree = try Self.tree()
    try tree.chain(".store/x/deep", levels: 20, name: String(repeating: "n", count: 250))
    try tree.symlink("shown/x", to: "../.store/x")
    let rules = LibraryRules(symlinks: .follow, ignore: [".store"])
    let whole = try walk(tree, opening, rules)
    let sink = RecordingSink()
    let walker = try Self.walker(tree, opening, rules)
    var remaining = [RecordingSink.root]
    while !remaining.isEmpty {
      remaining = try walker.run(sink.frontier(remaining), limits: WalkLimits(entries: 1), into: sink).remaining
    }
    #expect(sink.shownPaths == whole.shownPaths)
    #expect(sink.shownPaths.count > 60)
    #expect(sink.delivered == sink.rows.count)
    #expect(sink.failures == [])
  }

  @Test func `all other links are rows, and an error tells those that lead nowhere, outside or up`() throws {
    let tree = try Self.tree()
    for (name, target) in [
      ("walked", "shown/sub"), ("walked file", "shown/f"), ("outside", "/etc"), ("up and out", "../"),
      ("itself", "itself"), ("dangling", "nothing"), ("not a directory", "shown/f/x"), ("root", "."),
      ("shown/parent", ".."), ("shown/sub/far up", "../../shown"), ("shown/own", "."),
    ] { try tree.symlink(name, to: target) }
    let sink = try walk(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(sink.followed == [])
    #expect(sink.rows.values.count { $0.kind == .symlink } == 11)
    let errors = sink.failures.map { (String(decoding: $0.path, as: UTF8.self), $0.errorType) }
    #expect(
      Dictionary(uniqueKeysWithValues: errors) == [
        "outside": .symlinkExternal, "up and out": .symlinkExternal, "itself": .symlinkLoop, "dangling": .fileNotFound,
        "not a directory": .fileNotFound, "root": .symlinkLoop, "shown/parent": .symlinkLoop,
        "shown/sub/far up": .symlinkLoop, "shown/own": .symlinkLoop,
      ])
    #expect(sink.failures.allSatisfy { !$0.cause.isUnread && !$0.cause.isUnresolvedLink })
    #expect(sink.listings[[]]?.failures == 0)
  }

  @Test(arguments: openings)
  func `a link's text is followed as the kernel would, as long as it stays inside`(_ opening: Opening) throws {
    let tree = try Self.tree()
    let name = String(tree.root.split(separator: "/").last ?? "")
    for (link, target) in [
      ("shown/hop", "../.store/hop"), (".store/hop", tree.path(".store/x")), ("up", "shown/sub/../../.store/./x//y/.."),
      ("absolute", tree.root + "//./shown/../.store/x/"), ("through", "shown/hop/y/../y"), ("far", "shown/hop/../file"),
    ] { try tree.symlink(link, to: target) }
    for (link, target) in [
      ("outside 1", "/nowhere/there"), ("outside 2", tree.root + "/../root/shown"),
      ("outside 3", "../\(name)/.store/x"),
      ("outside 4", tree.root + "x/y"), ("outside 5", tree.root + "/shown/../../etc"), ("outside 6", "outside 1/x"),
      ("outside 7", "shown/../../\(name)"), ("outside 8", "/"),
    ] { try tree.symlink(link, to: target) }
    for (link, target) in [("no directory 1", ".store/file/"), ("no directory 2", ".store/file/..")] {
      try tree.symlink(link, to: target)
    }
    let sink = try walk(tree, opening, LibraryRules(symlinks: .follow, ignore: [".store"]))
    let followed = ["shown/hop", "up", "absolute", "through"]
    #expect(sink.followed == Set(followed.map { Array($0.utf8) }))
    for link in followed.dropLast() {
      #expect(sink.rows[Array(link.utf8)]?.inode == inode(tree.path(".store/x")), "\(link)")
    }
    #expect(sink.rows[Array("through".utf8)]?.inode == inode(tree.path(".store/x/y")))
    #expect(sink.rows[Array("far".utf8)]?.inode == inode(tree.path(".store/file")))
    let errors = sink.failures.map { "\(String(decoding: $0.path, as: UTF8.self)) \($0.errorType.rawValue)" }
    #expect(
      errors.sorted() == ["no directory 1 file_not_found", "no directory 2 file_not_found"]
        + (1...8).map { "outside \($0) symlink_external" })
    #expect(sink.openDescriptors() == [])
  }

  @Test(arguments: [40, 41])
  func `forty links are followed one after the other, as the kernel does, and not one more`(_ count: Int) throws {
    let tree = try Self.tree()
    for number in 2...count { try tree.symlink(".store/\(number)", to: number == count ? "x" : "\(number + 1)") }
    try tree.symlink("1", to: ".store/2")
    let sink = try walk(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(sink.followed == (count == 40 ? [Array("1".utf8)] : []))
    #expect(sink.failures.map(\.errorType) == (count == 40 ? [] : [.symlinkLoop]))
    #expect(access(tree.path("1"), F_OK) == (count == 40 ? 0 : -1))
  }

  @Test(arguments: [256, 257])
  func `a link that goes up and down again is followed, but not without end`(_ count: Int) throws {
    let tree = try Self.tree()
    // The first way down is from the link's own directory, which is open.
    try tree.symlink("1", to: String(repeating: ".store/../", count: count) + ".store/x")
    let sink = try walk(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(sink.followed == (count == 256 ? [Array("1".utf8)] : []))
    #expect(sink.failures.map(\.errorType) == (count == 256 ? [] : [.symlinkLoop]))
  }

  @Test(arguments: openings)
  func `a link leads where its text says however deep it lies`(_ opening: Opening) throws {
    let tree = try Self.tree()
    let name = String(repeating: "n", count: 250)
    try tree.chain("deep", levels: 20, name: name)
    var deepest = open(tree.path("deep"), O_RDONLY | O_DIRECTORY)
    for _ in 0..<20 {
      let next = openat(deepest, name, O_RDONLY | O_DIRECTORY)
      close(deepest)
      deepest = next
    }
    defer { close(deepest) }
    for (link, target) in [
      ("to store", tree.path(".store/x")), ("to own", "../\(name)/."), ("up", "../side"), ("gone", "../gone"),
    ] { #expect(symlinkat(target, deepest, link) == 0) }
    let sink = try walk(tree, opening, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(sink.followed.map { $0.suffix(9) } == [Array("/to store".utf8)])
    let errors = sink.failures.map { "\(String(decoding: $0.path.suffix(5), as: UTF8.self)) \($0.errorType.rawValue)" }
    #expect(errors.sorted() == ["/gone file_not_found", "o own symlink_loop"])
  }

  @Test func `no loop closes: links inside a followed directory are rows`() throws {
    let tree = try Self.tree()
    for (name, target) in [
      ("a", ".store/x"), ("b", ".store"), (".store/x/back", ".."), (".store/x/other", "../x/y"), (".store/again", "x"),
    ] { try tree.symlink(name, to: target) }
    let sink = try walk(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    #expect(sink.followed == [Array("a".utf8), Array("b".utf8)])
    // As two hard links would be, what both lead to is listed under either.
    #expect(Set(sink.shownPaths).isSuperset(of: ["a/y/h", "b/x/y/h", "a/back", "b/x/back", "b/again"]))
    #expect(sink.rows[Array("b/again".utf8)]?.kind == .symlink)
    #expect(sink.failures.map(\.errorType) == [.symlinkLoop, .symlinkLoop])
  }

  @Test func `what a link leads to is judged under the link's name`() throws {
    let tree = try Self.tree()
    try tree.file(".store/movie.mp4", bytes: 20)
    for (name, target) in [
      ("a.mp4", ".store/file"), ("b.txt", ".store/movie.mp4"), ("c.mp4", ".store/movie.mp4"), ("out", ".store/x"),
    ] { try tree.symlink(name, to: target) }
    let rules = LibraryRules(extensions: ["mp4"], maxSize: 10, symlinks: .follow, ignore: [".store", "/out/"])
    let sink = try walk(tree, .best, rules)
    #expect(sink.shownPaths == ["a.mp4", "shown", "shown/sub"])
    let errors = sink.failures.map { "\(String(decoding: $0.path, as: UTF8.self)) \($0.errorType.rawValue)" }
    #expect(errors.sorted() == ["b.txt invalid_extension", "c.mp4 oversized", "shown/f invalid_extension"])
  }

  @Test(arguments: openings, [true, false])
  func `a link that is exchanged between two calls never leads outside`(_ opening: Opening, _ isLater: Bool) throws {
    let tree = try Self.tree()
    try tree.symlink("x", to: ".store/x")
    mkdir(tree.outside("secret"), 0o755)
    close(open(tree.outside("secret/s"), O_CREAT | O_WRONLY, 0o644))
    let sink = RecordingSink()
    let walker = try Self.walker(tree, opening, LibraryRules(symlinks: .follow, ignore: [".store"]))
    // Either the link before it is opened or, afterwards, what lies below it.
    sink.onListed = { path in
      guard path.isEmpty, !isLater else { return }
      unlink(tree.path("x"))
      symlink(tree.outside("secret"), tree.path("x"))
    }
    sink.onWillList = { path in
      guard path == Array("x".utf8), isLater else { return }
      rename(tree.path(".store/x/y"), tree.outside("y"))
      symlink(tree.outside("secret"), tree.path(".store/x/y"))
    }
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    #expect(!sink.shownPaths.contains { $0.hasSuffix("/s") })
    if !isLater {
      #expect(sink.failures.map(\.cause) == [.ledAway(SystemError(operation: .open, errno: EXDEV))])
      #expect(sink.failures.map(\.errorType) == [.pathTraversal])
    }
  }

  @Test func `a link that comes to lead where the walk comes anyway is not entered any more`() throws {
    let tree = try Self.tree()
    try tree.symlink("x", to: ".store/x")
    let sink = RecordingSink()
    let walker = try Self.walker(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    let first = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(entries: 1), into: sink)
    unlink(tree.path("x"))
    try tree.symlink("x", to: "shown")
    _ = try walker.run(sink.frontier(first.remaining), limits: WalkLimits(), into: sink)
    #expect(sink.failures.map(\.errorType) == [.changedDuringScan])
    #expect(sink.shownPaths == ["shown", "shown/f", "shown/sub", "x"])
  }

  @Test func `a second look finds what lies below a followed directory`() throws {
    let tree = try Self.tree()
    try tree.symlink("x", to: ".store/x")
    let sink = try walk(tree, .best, LibraryRules(symlinks: .follow, ignore: [".store"]))
    let (x, y) = (try #require(sink.id(of: "x")), try #require(sink.id(of: "x/y")))
    let names = [(x, "g"), (x, "gone"), (y, "h"), (y, "gone")].map {
      AbsentName(directory: $0, name: Array($1.utf8), isDirectory: false)
    }
    let check = AbsenceCheck(rootPath: tree.root)
    #expect(try check.areGone(names, in: sink.frontier([x, y])) == [false, true, false, true])
  }

  @Test func `a place beyond a boundary that is not crossed is hidden, and its links are followed`() throws {
    let rules = try #require(try WalkRules(LibraryRules(oneFilesystem: true, symlinks: .follow)))
    let root = open("/", O_RDONLY | O_DIRECTORY)
    defer { close(root) }
    let links = LinkResolver(root: root, rootPath: Array("/".utf8), opening: .best)
    let device = try #require(links.devices(onTheWayTo: []).first)
    // /proc is a file system of its own wherever this runs.
    #expect(links.devices(onTheWayTo: Array("proc/sys/fs".utf8)).count == 4)
    #expect(rules.hides(Array("proc/sys".utf8), isDirectory: true, staysOn: device, links))
    #expect(rules.hides(Array("proc".utf8), isDirectory: true, staysOn: device, links))
    #expect(!rules.hides(Array("etc".utf8), isDirectory: true, staysOn: device, links))
    #expect(!rules.hides(Array("proc".utf8), isDirectory: true, staysOn: nil, links))
  }

  @Test func `a link of proc is followed by its text alone, inside a root at the top as outside of another`() throws {
    let process = "proc/\(getpid())"
    let own = open("/" + process, O_RDONLY | O_DIRECTORY)
    defer { close(own) }
    for (rootPath, place) in [("/", process), ("/proc", "\(getpid())")] {
      let root = open(rootPath, O_RDONLY | O_DIRECTORY)
      defer { close(root) }
      let links = LinkResolver(root: root, rootPath: Array(rootPath.utf8), opening: .best)
      let exe = links.target(of: "exe", in: own, at: Array(place.utf8))
      let top = links.target(of: "root", in: own, at: Array(place.utf8))
      switch (exe, top) {
      case (.inside(let path, let status), .above):
        #expect(rootPath == "/")
        #expect(
          "/" + String(decoding: path, as: UTF8.self)
            == (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")))
        #expect(status.stx_ino == inode("/" + String(decoding: path, as: UTF8.self)))
      case (.outside, .outside): #expect(rootPath == "/proc")
      default: Issue.record("\(rootPath): \(exe), \(top)")
      }
    }
  }

  private static func walker(_ tree: TestTree, _ opening: Opening, _ rules: LibraryRules) throws -> TreeWalker {
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false, rules: try WalkRules(rules))
    walker.opening = opening
    return walker
  }

  private func walk(_ tree: TestTree, _ opening: Opening, _ rules: LibraryRules) throws -> RecordingSink {
    let sink = RecordingSink()
    _ = try Self.walker(tree, opening, rules).run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    return sink
  }

  private func inode(_ path: String) -> UInt64 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }
}
