import Foundation
import ScanModel
import TestSupport
import Testing

@testable import FileTree

/// Each test in a process of its own, for the limit is the whole process's.
@Suite struct DescriptorTests {
  @Test func `a process that runs out of descriptors still walks a deep tree`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      try tree.chain("deep", levels: 200, name: "d")
      let sink = RecordingSink()
      let inUse = rlim_t((0..<1024).last { fcntl($0, F_GETFD) >= 0 } ?? 0) + 1
      let usual = limitDescriptors(to: inUse + 12)
      let outcome = Result { try walk(tree, into: sink) }
      limitDescriptors(to: usual)
      #expect(try outcome.get().remaining == [])
      #expect(sink.failures == [])
      #expect(differences(sink.rows, try IndependentListing.of(tree.root)) == [])
    }
  }

  @Test func `where descriptors run out a link is told where it leads all the same`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      try tree.directory(".store")
      var path = ""
      // Whichever level is the one at which they run out.
      for level in 0..<60 {
        try tree.symlink(path + "link", to: tree.path(".store"))
        path += "\(level)/"
        try tree.directory(path)
      }
      let sink = RecordingSink()
      let rules = try WalkRules(LibraryRules(symlinks: .follow, ignore: [".store"]))
      let walker = TreeWalker(rootPath: tree.root, oneFilesystem: false, rules: rules)
      // So that directories stay open for what is below them.
      walker.opening = .byComponent
      let inUse = rlim_t((0..<1024).last { fcntl($0, F_GETFD) >= 0 } ?? 0) + 1
      let usual = limitDescriptors(to: inUse + 12)
      let outcome = Result {
        try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
      }
      limitDescriptors(to: usual)
      #expect(try outcome.get().remaining == [])
      #expect(sink.failures == [])
      #expect(sink.followed.count == 60)
    }
  }

  @Test func `a root that cannot be opened for want of descriptors is unavailable`() async {
    await #expect(processExitsWith: .success) {
      let tree = try TestTree()
      let usual = limitDescriptors(to: 0)
      let outcome = Result { try walk(tree, into: RecordingSink()) }
      limitDescriptors(to: usual)
      #expect(throws: WalkError<RecordingSink.Refusal>.self) { try outcome.get() }
    }
  }
}

/// Sets how many descriptors this process may have; how many it might have before.
@discardableResult
private func limitDescriptors(to count: rlim_t) -> rlim_t {
  let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  var limit = rlimit()
  getrlimit(resource, &limit)
  let former = limit.rlim_cur
  limit.rlim_cur = count
  setrlimit(resource, &limit)
  return former
}
