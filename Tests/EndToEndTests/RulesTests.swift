import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Each rule changed under a catalogue that knows everything, and taken back.
  @Suite struct RulesTests {
    struct Rule: CustomTestStringConvertible {
      let set: [String]
      let unset: [String]
      /// Of the live files, those that the rule excludes.
      let excluded: [String]
      var errors: Int64 = 0
      var ignored: Int64 = 0

      var testDescription: String { self.set.joined(separator: " ") }
    }

    static let rules = [
      Rule(
        set: ["--ignore", "/a/cache/", "--ignore", "*.tmp"], unset: ["--no-ignore"],
        excluded: ["a/cache/deep/g", "a/cache/f", "a/x.tmp", "x.tmp"], ignored: 3),
      Rule(
        set: ["--extensions", "mp4,tmp"], unset: ["--extensions", "all"],
        excluded: ["a/cache/deep/g", "a/cache/f", "b/large"], errors: 3),
      Rule(set: ["--max-size", "50"], unset: ["--max-size", "none"], excluded: ["b/large"], errors: 1),
      Rule(
        set: ["--max-size", "50", "--rejected", "skip"], unset: ["--max-size", "none", "--rejected", "error"],
        excluded: ["b/large"], ignored: 1),
      Rule(set: ["--symlinks", "skip"], unset: ["--symlinks", "record"], excluded: ["b/link"], ignored: 1),
    ]

    static let all = ["a/cache/deep/g", "a/cache/f", "a/x.tmp", "b/large", "b/link", "b/movie.mp4", "x.tmp"]

    private static func tree() throws -> TestTree {
      let tree = try TestTree()
      for name in ["a", "a/cache", "a/cache/deep", "b"] { try tree.directory(name) }
      for name in ["a/cache/f", "a/cache/deep/g", "a/x.tmp", "x.tmp", "b/movie.mp4"] { try tree.file(name, bytes: 10) }
      try tree.file("b/large", bytes: 100)
      try tree.symlink("b/link", to: "large")
      return tree
    }

    private func live(_ rescan: Rescan) throws -> [String] {
      try rescan.deployment.database.query("SELECT path_text FROM catalog_files WHERE removed_at IS NULL ORDER BY 1")
    }

    @Test(arguments: rules)
    func `a changed rule judges everything anew, and a rule taken back gives every row and id back`(
      _ rule: Rule
    ) throws {
      let rescan = try Rescan(Self.tree())
      let database = rescan.deployment.database
      let ids = """
        SELECT path_text, id FROM catalog_files WHERE removed_at IS NULL
        UNION ALL SELECT path_text, id FROM catalog_directories WHERE removed_at IS NULL ORDER BY 1
        """
      #expect(try live(rescan) == Self.all)
      let before = try database.query(ids)

      try rescan.deployment.succeed(["library", "set", "x"] + rule.set)
      let scan = try rescan.scan()
      let left = Self.all.filter { !rule.excluded.contains($0) }
      #expect(scan.status == (rule.errors == 0 ? "completed" : "partial"))
      #expect(try live(rescan) == left)
      #expect((scan.filesSeen, scan.filesUnchanged) == (Int64(left.count), Int64(left.count)))
      #expect((scan.filesRemoved, scan.removalsHeld) == (Int64(rule.excluded.count), 0))
      #expect((scan.errorsCount, scan.entriesIgnored) == (rule.errors, rule.ignored))
      let tombstones = "SELECT path_text FROM catalog_files WHERE removed_at IS NOT NULL ORDER BY 1"
      #expect(try database.query(tombstones) == rule.excluded)
      #expect(try database.query("SELECT DISTINCT excluded FROM files WHERE removed_at IS NOT NULL") == ["t"])

      // Nothing has changed: nothing is removed once more, and what is against a rule is told again.
      let again = try rescan.scan()
      #expect((again.filesUnchanged, again.filesAdded, again.filesRemoved) == (Int64(left.count), 0, 0))
      #expect((again.errorsCount, again.entriesIgnored) == (rule.errors, rule.ignored))
      let settled = try rescan.state()
      #expect(try rescan.scan().filesUnchanged == Int64(left.count))
      #expect(try rescan.state() == settled)

      try rescan.deployment.succeed(["library", "set", "x"] + rule.unset)
      let back = try rescan.scan()
      #expect(back.status == "completed")
      #expect((back.filesAdded, back.filesUnchanged) == (Int64(rule.excluded.count), Int64(left.count)))
      #expect(try database.query(ids) == before)
      #expect(try TreeRows(of: rescan.tree.root, in: rescan.deployment).differences() == [])
    }

    @Test func `what a new rule excludes is outside of the removal limits, and what is gone is not`() throws {
      let tree = try TestTree(inMemory: true)
      for index in 0..<30 { try tree.file("\(index).\(index % 3 == 0 ? "gone" : "tmp")") }
      let rescan = try Rescan(tree)
      try rescan.deployment.succeed([
        "library", "set", "x", "--removal-limit", "1", "--removal-limit-percent", "10", "--ignore", "*.tmp",
      ])
      for index in stride(from: 0, to: 30, by: 3) { unlink(tree.path("\(index).gone")) }
      let scan = try rescan.scan()
      #expect(scan.status == "partial")
      #expect((scan.filesRemoved, scan.removalsHeld) == (20, 10))
      #expect(try live(rescan).count == 10)
    }

    @Test func `categories and courses are counted, and followed links are found by every slice`() throws {
      let tree = try TestTree()
      for name in [".store", ".store/course", "math", "math/algebra", "art", "art/tmp"] { try tree.directory(name) }
      for index in 0..<1_500 { try tree.directory("math/algebra/\(index)") }
      for name in [".store/course/f", "math/algebra/g", "readme"] { try tree.file(name) }
      try tree.symlink("art/course", to: "../.store/course")
      let deployment = try TestDeployment()
      try deployment.addLibrary(
        tree.root, "--layout", "category/course", "--symlinks", "follow", "--ignore", ".store", "--ignore", "tmp")
      let worker = try deployment.worker()
      let scan = try deployment.scan()
      #expect(scan.status == "completed")
      #expect((scan.categoriesFound, scan.coursesFound, scan.entriesIgnored) == (2, 2, 2))
      let files = "SELECT path_text, category, course FROM catalog_files ORDER BY 1"
      #expect(
        try deployment.database.query(files) == [
          "art/course/f\tart\tcourse", "math/algebra/g\tmath\talgebra", "readme\t\t",
        ])
      #expect(try deployment.scan().filesUnchanged == 3)
      withExtendedLifetime(worker) {}
    }
  }
}
