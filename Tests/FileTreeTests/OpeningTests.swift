import Foundation
import ScanModel
import TestSupport
import Testing

@testable import FileTree

/// Both ways to open what lies beneath the root, while it is moved and exchanged.
@Suite struct OpeningTests {
  static let openings: [Opening] = Opening.best == .beneath ? [.beneath, .byComponent] : [.byComponent]

  @Test(arguments: openings)
  func `either way finds everything, however deep`(_ opening: Opening) throws {
    let tree = try TestTree()
    try tree.makeEveryShape(flat: 100)
    try tree.chain("deeper", levels: 30, name: String(repeating: "n", count: 255))
    let sink = RecordingSink()
    try walk(tree, opening, into: sink)
    #expect(differences(sink.rows, try IndependentListing.of(tree.root)) == [])
    #expect(sink.failures == [])
    #expect(sink.openDescriptors() == [])
  }

  @Test(arguments: openings)
  func `a directory exchanged for a link between two calls never leads outside`(_ opening: Opening) throws {
    let tree = try Self.treeWithSecret()
    let sink = RecordingSink()
    // a is exchanged when it is about to be listed, b when a has been, and its own turn comes.
    sink.onWillList = { path in if path == Array("a".utf8) { Self.exchange(tree, "a") } }
    sink.onListed = { path in if path == Array("b".utf8) { Self.exchange(tree, "b") } }
    try walk(tree, opening, into: sink)
    #expect(!sink.shownPaths.contains { $0.contains("secret") })
    #expect(Set(sink.shownPaths).isSuperset(of: ["a", "a/f", "a/inner", "b", "b/f", "b/inner"]))
    if opening == .beneath {
      // What lies below is reached no more: a link stands in the way to it.
      #expect(Set(sink.failures.map(\.path)) == [Array("a/inner".utf8), Array("b/inner".utf8)])
      #expect(sink.failures.allSatisfy { $0.cause == Self.refused })
    }
  }

  @Test(arguments: openings)
  func `a directory exchanged for a link before every open leads nowhere`(_ opening: Opening) throws {
    let tree = try Self.treeWithSecret()
    let sink = RecordingSink()
    sink.onListed = { path in
      guard path.isEmpty else { return }
      for name in ["a", "b"] { Self.exchange(tree, name) }
    }
    try walk(tree, opening, into: sink)
    #expect(sink.shownPaths == ["a", "b"])
    #expect(Set(sink.failures.map(\.path)) == [Array("a".utf8), Array("b".utf8)])
    #expect(sink.failures.allSatisfy { $0.cause == Self.refused && $0.errorType == .pathTraversal })
  }

  @Test(arguments: openings, [true, false])
  func `a link in the place of a directory on the way is refused, and a file there is no link`(
    _ opening: Opening, _ isLink: Bool
  ) throws {
    let tree = try Self.treeWithSecret()
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    walker.opening = opening
    let isEntered = { sink.visits.contains(Array("a".utf8)) }
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(shouldYield: isEntered), into: sink)
    let inner = try #require(sink.id(of: "a/inner"))
    if isLink {
      Self.exchange(tree, "a")
    } else {
      rename(tree.path("a"), tree.outside("was-a"))
      try tree.file("a")
    }
    _ = try walker.run(sink.frontier([inner]), limits: WalkLimits(), into: sink)
    #expect(sink.failures.map(\.path) == [Array("a/inner".utf8)])
    #expect(sink.failures.map(\.cause) == [isLink ? Self.refused : .replaced])
    #expect(!sink.shownPaths.contains { $0.contains("secret") })
  }

  private static let refused = WalkFailure.Cause.ledAway(SystemError(operation: .open, errno: ELOOP))

  @Test func `what was moved out of the root is not followed there`() throws {
    guard Opening.best == .beneath else { return print("NOT RUN: this kernel has no openat2(2)") }
    let tree = try Self.treeWithSecret()
    let sink = RecordingSink()
    sink.onListed = { path in
      guard path == Array("a".utf8) else { return }
      rename(tree.path("a"), tree.outside("moved"))
      close(open(tree.outside("moved/inner/secret"), O_CREAT | O_WRONLY, 0o644))
    }
    try walk(tree, .beneath, into: sink)
    #expect(sink.vanished == [Array("a/inner".utf8)])
    #expect(!sink.shownPaths.contains { $0.contains("secret") })
    #expect(sink.failures == [])
  }

  @Test(arguments: openings)
  func `a second look is not led outside either`(_ opening: Opening) throws {
    let tree = try Self.treeWithSecret()
    let sink = RecordingSink()
    try walk(tree, opening, into: sink)
    let inner = try #require(sink.id(of: "a/inner"))
    Self.exchange(tree, "a")
    var check = AbsenceCheck(rootPath: tree.root)
    check.opening = opening
    let frontier = sink.frontier([inner])
    let name = AbsentName(directory: inner, name: Array("secret".utf8), isDirectory: false)
    #expect(try check.areGone([name], in: frontier) == [true])
  }

  /// Directories `a` and `b`, each with a file and a directory, and outside the root what must not be found.
  private static func treeWithSecret() throws -> TestTree {
    let tree = try TestTree()
    for name in ["a", "b"] {
      try tree.directory(name)
      try tree.directory(name + "/inner")
      try tree.file(name + "/f")
      for path in ["", "/inner"] { mkdir(tree.outside("link-\(name)\(path)"), 0o755) }
      for path in ["/secret", "/inner/secret"] {
        close(open(tree.outside("link-\(name)\(path)"), O_CREAT | O_WRONLY, 0o644))
      }
    }
    return tree
  }

  /// Puts a link to what lies outside in a directory's place.
  private static func exchange(_ tree: TestTree, _ name: String) {
    rename(tree.path(name), tree.outside("was-\(name)"))
    symlink(tree.outside("link-\(name)"), tree.path(name))
  }

  private func walk(_ tree: TestTree, _ opening: Opening, into sink: RecordingSink) throws {
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    walker.opening = opening
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
  }
}

extension RecordingSink {
  /// Of all rows, in order.
  var shownPaths: [String] { rows.keys.map { String(decoding: $0, as: UTF8.self) }.sorted() }
}
