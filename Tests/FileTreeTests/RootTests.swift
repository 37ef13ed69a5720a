import FileTree
import Foundation
import TestSupport
import Testing

@Suite struct RootTests {
  @Test(arguments: [
    ("missing", ENOENT), ("file", ENOTDIR), ("link", ENOTDIR), ("link/", ENOTDIR), ("link///", ENOTDIR),
    ("link/inner", ENOTDIR), ("directory/../directory", EINVAL),
    ("nul\0", EINVAL),
  ])
  func `a root that is no directory is unavailable, which is no file's failure`(
    name: String, errno: Int32
  ) throws {
    let tree = try TestTree()
    try tree.file("file")
    try tree.directory("directory")
    try tree.directory("directory/inner")
    try tree.symlink("link", to: "directory")
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: tree.path(name), oneFilesystem: false)
    #expect {
      try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    } throws: { error in
      guard case WalkError<RecordingSink.Refusal>.rootUnavailable(let path, let cause) = error else { return false }
      #expect(path == tree.path(name))
      #expect("\(error)".hasPrefix("root \(path) cannot be read: openat: "))
      return cause == SystemError(operation: .open, errno: errno)
    }
    #expect(sink.delivered == 0 && sink.failures == [])
  }

  @Test func `a relative root is refused, for it would depend on where the process stands`() {
    let walker = TreeWalker(rootPath: "tmp", oneFilesystem: false)
    #expect(throws: WalkError<RecordingSink.Refusal>.self) {
      try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: RecordingSink())
    }
  }

  @Test func `slashes at a root's end change nothing`() throws {
    let tree = try TestTree()
    try tree.file("file")
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: tree.root + "//", oneFilesystem: false)
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    #expect(Array(sink.rows.keys) == [Array("file".utf8)])
  }
}

@Suite struct FrontierTests {
  private static func directory(_ id: Int64, in parent: Int64?, _ name: String) -> Frontier.Directory {
    Frontier.Directory(id: id, parent: parent, name: Array(name.utf8))
  }

  @Test(arguments: [
    [directory(1, in: nil, ""), directory(2, in: 1, "..")],
    [directory(1, in: nil, ""), directory(2, in: 1, ".")],
    [directory(1, in: nil, ""), directory(2, in: 1, "")],
    [directory(1, in: nil, ""), directory(2, in: 1, "a/../../b")],
    [directory(1, in: nil, ""), directory(2, in: 1, "a\0b")],
    [directory(1, in: nil, ""), directory(2, in: 9, "orphan")],
    [directory(1, in: nil, ""), directory(2, in: 3, "ring"), directory(3, in: 2, "ring")],
    [directory(1, in: nil, "")],
    [directory(2, in: 1, "rootless")],
    [directory(1, in: nil, ""), directory(2, in: nil, "second root"), directory(3, in: nil, "third")],
  ])
  func `a frontier that does not lead down from the root is refused`(directories: [Frontier.Directory]) throws {
    let tree = try TestTree()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    #expect {
      try walker.run(Frontier(directories: directories, visits: [2]), limits: WalkLimits(), into: RecordingSink())
    } throws: { error in
      guard case WalkError<RecordingSink.Refusal>.brokenFrontier = error else { return false }
      return true
    }
  }

  @Test func `a directory may be both visited and lead to another visit`() throws {
    let tree = try TestTree()
    for name in ["a", "a/b"] { try tree.directory(name) }
    try tree.file("a/b/f")
    let frontier = Frontier(
      directories: [Self.directory(3, in: 2, "b"), Self.directory(2, in: 1, "a"), Self.directory(1, in: nil, "")],
      visits: [3, 2, 1])
    let sink = CountingSink()
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    _ = try walker.run(frontier, limits: WalkLimits(), into: sink)
    #expect(sink.listed.filter { $0 <= 3 } == [3, 2, 1])
    #expect(sink.failures == [])
  }
}
