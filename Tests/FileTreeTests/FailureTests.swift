import FileTree
import Foundation
import ScanModel
import TestSupport
import Testing

@Suite struct FailureTests {
  @Test func `a directory that went before its turn has vanished, and is no failure`() throws {
    let tree = try TestTree()
    for name in ["a", "b"] { try tree.directory(name) }
    let sink = RecordingSink()
    sink.onListed = { path in if path.isEmpty { rmdir(tree.path("a")) } }
    let outcome = try walk(tree, into: sink)
    #expect(sink.vanished == [Array("a".utf8)])
    #expect(sink.failures == [])
    #expect(outcome.directories == 3)
  }

  @Test func `a directory that goes while it is listed has vanished`() throws {
    let tree = try TestTree()
    try tree.directory("a")
    let sink = RecordingSink()
    sink.onWillList = { path in if !path.isEmpty { rmdir(tree.path("a")) } }
    _ = try walk(tree, into: sink)
    #expect(sink.vanished == [Array("a".utf8)])
    #expect(sink.listings[Array("a".utf8)] == nil)
    #expect(sink.failures == [])
  }

  @Test func `a name that goes between listing and look is churn`() throws {
    let tree = try TestTree()
    for index in 0..<100 { try tree.file("\(index)") }
    let sink = RecordingSink()
    sink.onFile = { path in
      for index in 0..<100 where Array("\(index)".utf8) != path { unlink(tree.path("\(index)")) }
    }
    let outcome = try walk(tree, into: sink)
    #expect(sink.delivered == 1)
    #expect(outcome.churned == 99)
    #expect(sink.failures == [])
    #expect(sink.listings[[]]?.isComplete == true)
  }

  @Test(arguments: ["link", "file", "directory", "fifo"])
  func `what took a directory's place is not entered`(kind: String) throws {
    let tree = try TestTree()
    for name in ["a", "z"] { try tree.directory(name) }
    mkdir(tree.outside("secret"), 0o755)
    mkdir(tree.outside("secret/inner"), 0o755)
    let sink = RecordingSink()
    let first = try walk(tree, limits: WalkLimits(entries: 1), into: sink)
    rename(tree.path("a"), tree.outside("a"))
    switch kind {
    case "link": try tree.symlink("a", to: tree.outside("secret"))
    case "file": try tree.file("a")
    case "directory": rename(tree.outside("secret"), tree.path("a"))
    default: try tree.fifo("a")
    }
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    _ = try walker.run(sink.frontier(first.remaining), limits: WalkLimits(), into: sink)
    #expect(sink.failures.map(\.path) == [Array("a".utf8)])
    #expect(sink.failures.map(\.errorType) == [kind == "link" ? .pathTraversal : .changedDuringScan])
    #expect(sink.failures[0].cause.call?.errno == (kind == "link" ? ELOOP : nil))
    #expect(Set(sink.rows.keys) == [Array("a".utf8), Array("z".utf8)])
    #expect(sink.visits.contains(Array("z".utf8)))
  }

  @Test func `a link in an ancestor's place leads nowhere`() throws {
    let tree = try TestTree()
    for name in ["a", "a/b"] { try tree.directory(name) }
    let sink = RecordingSink()
    let first = try walk(tree, limits: WalkLimits(shouldYield: { sink.visits.count == 2 }), into: sink)
    rename(tree.path("a"), tree.outside("a"))
    try tree.symlink("a", to: tree.outside("a"))
    let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false)
    _ = try walker.run(sink.frontier(first.remaining), limits: WalkLimits(), into: sink)
    #expect(sink.failures.map(\.errorType) == [.pathTraversal])
    #expect(sink.failures.map(\.path) == [Array("a/b".utf8)])
    #expect(sink.visits.count == 2)
  }

  @Test func `a listing that breaks off is told as incomplete, and the walk goes on`() throws {
    let tree = try TestTree()
    for name in ["a", "b"] { try tree.directory(name) }
    // More than one batch, so that the listing breaks off in its middle.
    for index in 0..<10_000 { try tree.file("a/\(index)") }
    let sink = RecordingSink()
    var broken = 0
    sink.onFile = { path in
      // From here on the walker's descriptor is no directory: the calls on it fail.
      guard broken == 0, let number = descriptor(ofDirectory: tree.path("a")) else { return }
      let other = open("/dev/null", O_RDONLY)
      dup2(other, number)
      close(other)
      broken += 1
    }
    _ = try walk(tree, into: sink)
    let listing = try #require(sink.listings[Array("a".utf8)])
    #expect(!listing.isComplete)
    #expect(!listing.isSteady)
    #expect(listing.files == 1)
    let last = try #require(sink.failures.last)
    #expect(last.path == Array("a".utf8) && !last.isEntry)
    #expect(last.message == "getdents64: Not a directory (ENOTDIR)")
    #expect(last.errorType == .ioError)
    #expect(sink.failures.count == listing.failures + 1)
    #expect(sink.listings[Array("b".utf8)]?.isComplete == true)
  }

  @Test func `a time that no row can hold is a failure of its entry`() throws {
    let shared = "/dev/shm/rollcall-test-\(UInt64.random(in: 0...UInt64.max))"
    mkdir(shared, 0o755)
    defer { remove(shared) }
    let far = [timespec(tv_sec: 1 << 40, tv_nsec: 0), timespec(tv_sec: 1 << 40, tv_nsec: 0)]
    for name in ["/far", "/near"] { close(open(shared + name, O_CREAT | O_WRONLY, 0o644)) }
    defer { for name in ["/far", "/near"] { unlink(shared + name) } }
    utimensat(AT_FDCWD, shared + "/far", far, 0)
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: shared, oneFilesystem: true)
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    #expect(sink.failures.map(\.errorType) == [.timestampOutOfRange])
    #expect(sink.failures.map(\.path) == [Array("far".utf8)])
    #expect(Array(sink.rows.keys) == [Array("near".utf8)])
  }

  @Test(arguments: [
    (EACCES, ScanErrorType.permissionDenied), (EPERM, .permissionDenied), (ENOENT, .fileNotFound),
    (ESTALE, .staleHandle), (ENAMETOOLONG, .nameTooLong), (ELOOP, .symlinkLoop), (EIO, .ioError), (ENOTCONN, .ioError),
  ])
  func `an errno has its error type`(errno: Int32, type: ScanErrorType) {
    #expect(SystemError(operation: .stat, errno: errno).errorType == type)
  }

  @Test func `a system error says what failed and why, in one line`() {
    #expect(SystemError(operation: .list, errno: EIO).description == "getdents64: Input/output error (EIO)")
    #expect(SystemError(operation: .open, errno: 9999).description == "openat: unknown error 9999")
  }
}

/// This process's descriptor of a directory.
private func descriptor(ofDirectory path: String) -> Int32? {
  var wanted = stat()
  guard stat(path, &wanted) == 0 else { return nil }
  return (0..<1024).first { number in
    var status = stat()
    return fstat(number, &status) == 0 && status.st_ino == wanted.st_ino && status.st_dev == wanted.st_dev
  }
}
