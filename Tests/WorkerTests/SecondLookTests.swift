import Catalog
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// The look at what a slice is about to stage.
@Suite struct SecondLookTests {
  @Test func `what is excluded is staged though it is there, and what is missing only where it is gone`() throws {
    let rescanned = try RescannedTree { tree in
      for name in ["d", "d/mount", "ignored"] { try tree.directory(name) }
      for name in ["d/large", "d/back", "d/gone"] { try tree.file(name) }
    }
    try rescanned.scan()
    let (root, d) = (try rescanned.directory(""), try rescanned.directory("d"))
    let (mount, ignored) = (try rescanned.directory("mount"), try rescanned.directory("ignored"))
    rescanned.remove("d/gone")

    let walked = try rescanned.walk()
    var results = SliceResults()
    func append(_ id: Int64, in directory: Int64, _ name: String, isDirectory: Bool = false, isExcluded: Bool = false) {
      Array(name.utf8).withUnsafeBytes {
        results.missing.append(id: id, directory: directory, isDirectory: isDirectory, name: $0, isExcluded: isExcluded)
      }
    }
    append(1, in: d, "large", isExcluded: true)
    append(2, in: d, "back")
    append(3, in: d, "gone")
    append(ignored, in: root, "ignored", isDirectory: true, isExcluded: true)
    Array("mount".utf8).withUnsafeBytes { results.missing.append(contentsOf: mount, directory: d, name: $0) }
    var looks = 0
    let check = AbsenceCheck(
      rootPath: rescanned.tree.root,
      isAborted: {
        looks += 1
        return false
      })
    let look = SecondLook(check: check, known: rescanned.catalog.knownRows(for: walked.claim))
    #expect(try look.confirm(&results, gone: []).isEmpty)
    #expect(results.missing.rows.map(\.id) == [1, 3, ignored, mount])
    #expect(results.missing.rows.map(\.loss) == [.excluded, .missing, .excluded, .contents])
    // Of what stays while its contents go, it is the directory itself that is unsettled.
    #expect(results.unsettled == [root, d, mount].sorted())
    #expect(looks == 1, "in one directory, before its first name")
    rescanned.catalog.abandon(walked.claim)
  }

  @Test func `where all is excluded, nobody looks at the tree`() throws {
    let rescanned = try RescannedTree { try $0.file("f") }
    try rescanned.scan()
    let walked = try rescanned.walk()
    var results = SliceResults()
    Array("f".utf8).withUnsafeBytes {
      results.missing.append(id: 1, directory: 1, isDirectory: false, name: $0, isExcluded: true)
    }
    let look = SecondLook(
      check: AbsenceCheck(rootPath: "/nowhere"), known: rescanned.catalog.knownRows(for: walked.claim))
    #expect(try look.confirm(&results, gone: []).isEmpty)
    #expect(results.missing.count == 1)
    rescanned.catalog.abandon(walked.claim)
  }
}
