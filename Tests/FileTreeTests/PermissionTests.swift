import FileTree
import Foundation
import ScanModel
import TestSupport
import Testing

/// Each test in a process of its own, which gives up root's power over files for the walk.
@Suite struct PermissionTests {
  @Test func `a directory that may not be read is one failure, and the walk goes on`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      for name in ["closed", "closed/inner", "open"] { try tree.directory(name) }
      try tree.file("open/file")
      chmod(tree.path("closed"), 0)
      let sink = RecordingSink()
      try asOrdinaryUser { _ = try walk(tree, into: sink) }
      chmod(tree.path("closed"), 0o755)
      let failure = try #require(sink.failures.first)
      #expect(sink.failures.count == 1)
      #expect(failure.path == Array("closed".utf8))
      #expect(failure.directory == sink.id(of: "closed"))
      #expect(!failure.isEntry)
      #expect(failure.errorType == .permissionDenied)
      #expect(failure.message == "openat: Permission denied (EACCES)")
      #expect(sink.rows[Array("open/file".utf8)] != nil)
    }
  }

  @Test func `entries that may be listed and not looked at are a failure each`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      try tree.directory("half")
      for name in ["x", "y"] { try tree.file("half/" + name) }
      chmod(tree.path("half"), 0o444)
      let sink = RecordingSink()
      try asOrdinaryUser { _ = try walk(tree, into: sink) }
      chmod(tree.path("half"), 0o755)
      #expect(Set(sink.failures.map(\.path)) == [Array("half/x".utf8), Array("half/y".utf8)])
      #expect(sink.failures.allSatisfy { $0.isEntry && $0.directory == sink.id(of: "half") })
      #expect(sink.failures.allSatisfy { $0.message == "statx: Permission denied (EACCES)" })
      #expect(sink.listings[Array("half".utf8)]?.failures == 2)
      #expect(sink.listings[Array("half".utf8)]?.files == 0)
    }
  }

  @Test func `a root that may not be read is unavailable`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      chmod(tree.root, 0)
      #expect(throws: WalkError<RecordingSink.Refusal>.self) {
        try asOrdinaryUser { _ = try walk(tree, into: RecordingSink()) }
      }
    }
  }
}

/// Runs a body as somebody for whom permissions count.
func asOrdinaryUser<Result>(_ body: () throws -> Result) throws -> Result {
  guard geteuid() == 0 else { return try body() }
  try #require(seteuid(65_534) == 0)
  defer { seteuid(0) }
  return try body()
}
