import Catalog
import Foundation
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// Directories that were elsewhere, or had other names, keep their rows and all that is below them.
@Suite struct MovedDirectoryTests {
  /// `a`, `b` and `c` with a file and a directory with a file each.
  private static func three() throws -> MovingTree {
    try MovingTree { tree in
      for name in ["a", "b", "c"] {
        try tree.directory(name)
        try tree.file("\(name)/of \(name)")
        try tree.directory("\(name)/below")
        try tree.file("\(name)/below/in \(name)")
      }
      try tree.file("top")
    }
  }

  @Test func `a renamed directory is one row, and what is in it is unchanged`() throws {
    let moving = try Self.three()
    moving.move("a", "z")
    try moving.expectMoved(1, unchanged: 7)
    #expect(try moving.changes() == ["a > z"])
    try moving.expectMoved(0, unchanged: 7)
    let settled = try moving.scanned.state()
    try moving.expectMoved(0, unchanged: 7)
    #expect(try moving.scanned.state() == settled)
  }

  @Test func `a directory moves into another, and out of a deep one`() throws {
    let moving = try Self.three()
    moving.move("a", "b/below/a")
    try moving.expectMoved(1, unchanged: 7)
    #expect(try moving.changes() == ["a > b/below/a"])
    moving.move("b/below/a/below", "out")
    try moving.expectMoved(1, unchanged: 7)
    #expect(try moving.changes() == ["b/below/a/below > out"])
  }

  @Test func `two directories change places`() throws {
    let moving = try Self.three()
    moving.exchange("a", "b")
    moving.exchange("a/below", "c/below")
    try moving.expectMoved(4, unchanged: 7)
    #expect(try moving.changes() == ["a > b", "b > a", "b/below > c/below", "c/below > a/below"])
  }

  @Test func `directories that rotate keep their rows`() throws {
    let moving = try Self.three()
    moving.move("a", "turning")
    moving.move("c", "a")
    moving.move("b", "c")
    moving.move("turning", "b")
    try moving.expectMoved(3, unchanged: 7)
    #expect(try moving.changes() == ["a > b", "b > c", "c > a"])
  }

  @Test func `a chain of renames gives each name to the next`() throws {
    let moving = try Self.three()
    moving.move("c", "d")
    moving.move("b", "c")
    moving.move("a", "b")
    try moving.expectMoved(3, unchanged: 7)
    #expect(try moving.changes() == ["a > b", "b > c", "c > d"])
  }

  @Test func `a directory moves below new ones, and what it was in moves too`() throws {
    let moving = try Self.three()
    try moving.scanned.tree.directory("new")
    try moving.scanned.tree.directory("new/newer")
    moving.move("a/below", "new/newer/from a")
    moving.move("a", "new/a")
    try moving.scanned.tree.file("new/newer/file")
    try moving.expectMoved(2, added: 1, unchanged: 7)
    #expect(try moving.changes() == ["a > new/a", "a/below > new/newer/from a"])
  }

  @Test func `a directory goes into what was in it`() throws {
    let moving = try Self.three()
    moving.move("a/below", "x")
    moving.move("a", "x/a")
    moving.move("b/below", "y")
    moving.move("b", "y/below")
    moving.exchange("x", "y")
    try moving.expectMoved(4, unchanged: 7)
    #expect(try moving.changes() == ["a > y/a", "a/below > y", "b > x/below", "b/below > x"])
  }

  @Test func `what moves out of a removed directory stays, and the rest of it goes`() throws {
    let moving = try Self.three()
    moving.move("a/below", "b/saved")
    moving.scanned.remove("a/of a", "a")
    try moving.expectMoved(1, unchanged: 6, removed: 1)
    #expect(try moving.changes() == ["a/below > b/saved"])
  }

  @Test func `a directory whose name is a new one's is under its own new name`() throws {
    let moving = try Self.three()
    moving.move("a", "z")
    try moving.scanned.tree.directory("a")
    try moving.scanned.tree.file("a/new")
    try moving.expectMoved(1, added: 1, unchanged: 7)
    #expect(try moving.changes() == ["a > z"])
    // One whose new directory is left to another slice.
    moving.move("b", "y")
    try moving.scanned.tree.directory("b")
    try moving.scanned.tree.file("b/new")
    var mischief = RescannedTree.Mischief()
    mischief.limits.entries = 1
    try moving.expectMoved(1, added: 1, unchanged: 8, mischief)
  }

  @Test func `a directory in the place of one that is gone takes its name, and the other's rows go`() throws {
    let moving = try Self.three()
    moving.scanned.remove("a/of a", "a/below/in a", "a/below", "a")
    moving.move("b", "a")
    try moving.expectMoved(1, unchanged: 5, removed: 2)
    #expect(try moving.changes() == ["b > a"])
    #expect(
      try moving.scanned.database.query(
        "SELECT path_text, removed_at IS NULL FROM catalog_directories WHERE path_text ~ '^a' ORDER BY 1, 2")
        == ["a\tf", "a\tt", "a/below\tf", "a/below\tt"])
    #expect(
      try moving.scanned.database.query("SELECT path_text FROM catalog_files WHERE removed_at IS NOT NULL ORDER BY 1")
        == ["a/below/in a", "a/of a"])
  }

  @Test func `a directory with the name of a tombstone is itself, and one that comes back is the tombstone`() throws {
    let moving = try Self.three()
    #expect(rename(moving.scanned.tree.path("a"), moving.scanned.tree.outside("a")) == 0)
    try moving.expectMoved(0, unchanged: 5, removed: 2)
    moving.move("b", "a")
    try moving.expectMoved(1, unchanged: 5)
    moving.move("a", "b")
    #expect(rename(moving.scanned.tree.outside("a"), moving.scanned.tree.path("a")) == 0)
    try moving.expectMoved(1, added: 2, unchanged: 5)
    #expect(try moving.scanned.database.query("SELECT count(*) FROM directories WHERE removed_at IS NOT NULL") == ["0"])
  }

  @Test func `another directory under the same name is not taken for a move`() throws {
    let moving = try Self.three()
    let before = try moving.scanned.directory("a")
    moving.scanned.remove("a/of a", "a/below/in a", "a/below", "a")
    try moving.scanned.tree.directory("a")
    try moving.scanned.tree.file("a/of a")
    try moving.expectMoved(0, updated: 1, unchanged: 5, removed: 1)
    #expect(try moving.scanned.directory("a") == before)
  }

  @Test func `what only moved is no removal, whatever the limits are`() throws {
    let moving = try MovingTree(rules: LibraryRules(removalLimit: 0, removalLimitPercent: 0)) { tree in
      for name in ["d", "e"] {
        try tree.directory(name)
        for index in 0..<20 { try tree.file("\(name)/\(index) of \(name)") }
      }
    }
    moving.move("d", "z")
    try moving.expectMoved(1, unchanged: 40)
    moving.exchange("e", "z")
    var mischief = RescannedTree.Mischief()
    mischief.limits.entries = 1
    try moving.expectMoved(2, unchanged: 40, mischief)
  }

  @Test func `very many directories move at once`() throws {
    let moving = try MovingTree { tree in
      for name in ["a", "b"] { try tree.directory(name) }
      for index in 0..<5_000 { try tree.directory("a/\(index)") }
      try tree.file("a/7/kept")
    }
    for index in 0..<5_000 { moving.move("a/\(index)", "b/\((index + 1) % 5_000)") }
    try moving.expectMoved(5_000, unchanged: 1)
    // All of them rotate, and some are left to others.
    moving.move("b/0", "b/first")
    for index in 1..<5_000 { moving.move("b/\(index)", "b/\(index - 1)") }
    moving.move("b/first", "b/4999")
    var mischief = RescannedTree.Mischief()
    mischief.limits.entries = 100
    try moving.expectMoved(5_000, unchanged: 1, mischief)
  }

  @Test func `a moved directory keeps its open errors, which are told under its path of now`() throws {
    let moving = try MovingTree(rules: LibraryRules(extensions: ["pdf"])) { tree in
      for name in ["a", "a/b", "c"] { try tree.directory(name) }
      for name in ["a/1.txt", "a/b/2.txt", "c/3.txt", "a/b/4.pdf"] { try tree.file(name) }
    }
    let errors = "SELECT id, convert_from(path, 'UTF8') FROM errors WHERE resolved_scan IS NULL ORDER BY 2"
    let before = try moving.scanned.database.query(errors)
    moving.move("a", "c/z")
    #expect(try moving.scanned.scan().status == "partial")
    let after = before.map { $0.replacing("\ta/", with: "\tc/z/") }
    #expect(try moving.scanned.database.query(errors) == [after[2], after[0], after[1]])
    #expect(try moving.scanned.database.query("SELECT errors_count FROM scans ORDER BY id") == ["3", "3"])
  }

  @Test func `a directory that moves to where the rules ignore it goes, and comes back as itself`() throws {
    let moving = try MovingTree(rules: LibraryRules(ignore: ["hidden"])) { tree in
      for name in ["d", "d/below", "hidden"] { try tree.directory(name) }
      for name in ["d/1", "d/below/2", "kept"] { try tree.file(name) }
    }
    let ids = "SELECT id, name FROM files UNION ALL SELECT id, name FROM directories ORDER BY 1, 2"
    let before = try moving.scanned.database.query(ids)
    moving.move("d", "hidden/d")
    #expect(try moving.scanned.scan() == .init(unchanged: 1, removed: 2))
    moving.move("hidden/d", "d")
    #expect(try moving.scanned.scan() == .init(added: 2, unchanged: 1))
    #expect(try moving.scanned.database.query(ids) == before)
  }

  @Test func `category and course follow a move, and no file's row is written for it`() throws {
    let moving = try MovingTree(rules: LibraryRules(layout: .categoryCourse)) { tree in
      for name in ["maths", "maths/sets", "arts"] { try tree.directory(name) }
      try tree.file("maths/sets/1")
    }
    let rows = "SELECT ctid, xmin FROM files"
    let before = try moving.scanned.database.query(rows)
    moving.move("maths/sets", "arts/drawing")
    try moving.expectMoved(1, unchanged: 1)
    #expect(try moving.scanned.database.query("SELECT category, course FROM catalog_files") == ["arts\tdrawing"])
    #expect(try moving.scanned.database.query(rows) == before)
  }

  @Test func `what lies on another file system is never taken for what moved, nor is what lies below it`() throws {
    let moving = try Self.three()
    let before = try moving.scanned.directory("a")
    moving.move("a", "mounted")
    var mischief = RescannedTree.Mischief()
    mischief.isBoundary = { name, isBoundary in isBoundary || name == Array("mounted".utf8) }
    #expect(try moving.scanned.scan(mischief) == .init(added: 2, unchanged: 5, removed: 2))
    #expect(try moving.scanned.directory("mounted") != before)
    #expect(try moving.changes() == [])
  }

  @Test func `a directory whose row was moved meanwhile is not moved, and the slice is walked again`() throws {
    let moving = try Self.three()
    moving.move("a", "z")
    let walked = try moving.scanned.walk()
    try moving.scanned.database.query("UPDATE directories SET name = 'elsewhere' WHERE name = 'a'")
    do throws(CatalogError) {
      _ = try moving.scanned.catalog.commit(walked.claim, walked.results)
      Issue.record("it was moved from where it was not")
    } catch { #expect(error.isRetryable, "\(error)") }
    _ = try moving.scanned.finish([walked.claim.slice])
    try moving.expectRight(1)
    #expect(try moving.changes() == ["elsewhere > z"])
  }

  @Test func `no ring arises from what two slices move at once`() throws {
    let moving = try Self.three()
    moving.move("a", "b/a")
    let walked = try moving.scanned.walk()
    // What another slice has committed, that saw the tree earlier.
    let (a, b) = (try moving.scanned.directory("a"), try moving.scanned.directory("b"))
    let root = try moving.scanned.database.query("SELECT root_directory FROM libraries")[0]
    try moving.scanned.database.query("UPDATE directories SET parent_id = \(a) WHERE id = \(b)")
    do throws(CatalogError) {
      _ = try moving.scanned.catalog.commit(walked.claim, walked.results)
      Issue.record("a ring")
    } catch { #expect(error.isRetryable, "\(error)") }
    try moving.scanned.database.query("UPDATE directories SET parent_id = \(root) WHERE id = \(b)")
    _ = try moving.scanned.finish([walked.claim.slice])
    try moving.expectRight(1)
  }

  @Test func `what another slice has staged as missing before its directory was found is not missing`() throws {
    let moving = try MovingTree(rules: LibraryRules(removalLimit: 0, removalLimitPercent: 0)) { tree in
      for name in ["a", "a/d", "b"] { try tree.directory(name) }
      try tree.file("a/d/1")
    }
    moving.move("a/d", "b/d")
    moving.move("b/d", "b/e")
    moving.move("a", "c")
    var mischief = RescannedTree.Mischief()
    mischief.limits.entries = 1
    try moving.expectMoved(2, unchanged: 1, mischief)
  }

  /// Directories move about at random, below each other and below new ones; some are deleted. Slices are small.
  @Test(arguments: 0..<12) func `whatever moves where, each directory keeps its row`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    var paths: [String] = []
    let moving = try MovingTree { tree in
      for index in 0..<60 {
        let parent = paths.randomElement(using: &random)
        let path = (Bool.random(using: &random) ? nil : parent).map { "\($0)/\(index)" } ?? "\(index)"
        try tree.directory(path)
        try tree.file("\(path)/file \(index)")
        paths.append(path)
      }
    }
    for round in 0..<4 {
      for step in 0..<Int.random(in: 1...20, using: &random) {
        guard let from = paths.randomElement(using: &random) else { return }
        let others = paths.filter { $0 != from && !$0.hasPrefix(from + "/") }
        let last = String(from.split(separator: "/").last ?? "")
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
          let new = "\(from)/new \(round) \(step)"
          try moving.scanned.tree.directory(new)
          paths.append(new)
          continue
        // A new directory in the place of a known one that another slice finds is not told from that.
        case 1...4 where !from.contains("new"):
          guard
            let other = others.filter({ !from.hasPrefix($0 + "/") && !$0.contains("new") }).randomElement(
              using: &random)
          else { continue }
          moving.exchange(from, other)
          paths = paths.map { path in
            for (one, two) in [(from, other), (other, from)] where path == one || path.hasPrefix(one + "/") {
              return two + path.dropFirst(one.count)
            }
            return path
          }
          continue
        default:
          let to = others.randomElement(using: &random).map { "\($0)/\(last)" } ?? "moved \(round) \(step)"
          guard !paths.contains(to) else { continue }
          moving.move(from, to)
          paths = paths.map { $0 == from || $0.hasPrefix(from + "/") ? to + $0.dropFirst(from.count) : $0 }
        }
      }
      var mischief = RescannedTree.Mischief()
      mischief.limits.entries = Int.random(in: 1...100, using: &random)
      let counters = try moving.scanned.scan(mischief)
      #expect(counters == .init(unchanged: 60), "seed \(seed), round \(round)")
      let moved = try moving.scanned.database.query("SELECT directories_moved FROM scans ORDER BY id DESC LIMIT 1")[0]
      try moving.expectRight(try #require(Int(moved)))
      #expect(try moving.changes().count == Int(moved))
    }
  }
}
