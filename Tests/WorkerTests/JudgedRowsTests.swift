import Catalog
import Glibc
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// What a slice makes of entries that the rules do not admit, and of rows that they admit no more.
@Suite struct JudgedRowsTests {
  typealias Counters = RescannedTree.Counters

  private static func tree(_ rules: LibraryRules = LibraryRules()) throws -> RescannedTree {
    try RescannedTree(rules: rules) { tree in
      for name in ["cache", "cache/below", "kept"] { try tree.directory(name) }
      for name in ["a.tmp", "b.mp4", "cache/f", "cache/below/g", "kept/c.tmp", "kept/d.txt"] {
        try tree.file(name, bytes: 10)
      }
      try tree.file("kept/large", bytes: 100)
      try tree.symlink("kept/link", to: "large")
    }
  }

  private struct Loss: Hashable {
    let name: String
    let loss: MissingRows.Loss
  }

  /// Sets other rules, walks, and says what is to go.
  private func losses(
    _ rescanned: RescannedTree, _ rules: LibraryRules, _ mischief: RescannedTree.Mischief = RescannedTree.Mischief()
  ) throws -> (results: SliceResults, losses: Set<Loss>) {
    try rescanned.set(rules)
    let results = try rescanned.walk(mischief).results
    let losses = results.missing.rows.map {
      Loss(name: String(decoding: results.missing.name(of: $0), as: UTF8.self), loss: $0.loss)
    }
    return (results, Set(losses))
  }

  @Test func `rows that a glob ignores now are excluded, a directory as one`() throws {
    let rescanned = try Self.tree()
    try rescanned.scan()
    let (results, losses) = try losses(rescanned, LibraryRules(ignore: ["*.tmp", "/cache/"]))
    #expect(losses == Set(["a.tmp", "c.tmp", "cache"].map { Loss(name: $0, loss: .excluded) }))
    #expect(results.entriesIgnored == 3)
    #expect(results.filesUnchanged == 4)
    #expect(results.errors.changes.total == 0)
    let signed = results.visited.filter { $0.signature != nil }.map(\.id)
    #expect(signed == [], "until they have gone nothing is settled")
  }

  @Test func `what is gone and would be ignored is excluded, what else is gone is missing`() throws {
    let rescanned = try Self.tree()
    try rescanned.scan()
    rescanned.remove("a.tmp", "b.mp4", "cache/below/g", "cache/below", "cache/f", "cache")
    let (_, losses) = try losses(rescanned, LibraryRules(ignore: ["*.tmp", "/cache/"]))
    #expect(
      losses == [
        Loss(name: "a.tmp", loss: .excluded), Loss(name: "b.mp4", loss: .missing),
        Loss(name: "c.tmp", loss: .excluded), Loss(name: "cache", loss: .excluded),
      ])
  }

  @Test(arguments: RejectedPolicy.allCases)
  func `rows that another rule forbids now are excluded`(_ rejected: RejectedPolicy) throws {
    let rescanned = try Self.tree()
    try rescanned.scan()
    let rules = LibraryRules(extensions: ["tmp", "mp4", "txt"], maxSize: 50, symlinks: .skip, rejected: rejected)
    let (results, losses) = try losses(rescanned, rules)
    #expect(losses == Set(["f", "g", "large", "link"].map { Loss(name: $0, loss: .excluded) }))
    #expect(results.errors.changes.total == (rejected == .error ? 3 : 0))
    #expect(results.entriesIgnored == (rejected == .error ? 1 : 4))
    #expect(Set(results.errors.rows.map(\.type)) == (rejected == .error ? [.invalidExtension] : []))
  }

  @Test func `a file that grows past the largest size is excluded, without a changed rule`() throws {
    let rescanned = try Self.tree(LibraryRules(maxSize: 50, rejected: .skip))
    try rescanned.scan()
    #expect(truncate(rescanned.tree.path("kept/d.txt"), 51) == 0)
    let (_, losses) = try losses(rescanned, LibraryRules(maxSize: 50, rejected: .skip))
    #expect(losses == [Loss(name: "d.txt", loss: .excluded)])
  }

  @Test func `rejections unsettle nothing: the next scan writes no row`() throws {
    let rules = LibraryRules(extensions: ["mp4", "txt"], maxSize: 50, ignore: ["cache"])
    let rescanned = try Self.tree(rules)
    #expect(try rescanned.scan() == Counters(status: "partial", added: 3))
    let settled = try rescanned.state()
    #expect(try rescanned.live() == ["/", "b.mp4", "kept/", "kept/d.txt", "kept/link"])
    #expect(try rescanned.scan() == Counters(status: "partial", unchanged: 3))
    #expect(try rescanned.state() == settled)
    let errors = "SELECT DISTINCT error_type, convert_from(path, 'UTF8') FROM scan_errors ORDER BY 1, 2"
    #expect(
      try rescanned.database.query(errors) == [
        "invalid_extension\ta.tmp", "invalid_extension\tkept/c.tmp", "invalid_extension\tkept/large",
      ])
  }

  @Test func `a directory at a boundary that is not entered any more keeps its row, and what is in it is excluded`()
    throws
  {
    let rescanned = try Self.tree()
    let cache = Array("cache".utf8)
    let boundary = RescannedTree.Mischief(isBoundary: { name, isBoundary in name == cache || isBoundary })
    try rescanned.scan(boundary)
    try rescanned.database.query("UPDATE directories SET device = device + 1 WHERE name = 'cache'")
    let (results, losses) = try losses(rescanned, LibraryRules(oneFilesystem: true), boundary)
    #expect(losses == [Loss(name: "cache", loss: .contents)])
    let row = try #require(results.visited.first { $0.isBoundary == true })
    #expect(row.files == nil && row.signature == nil)
  }

  @Test func `what a mount hides that was not there before stays, scan after scan`() throws {
    let rescanned = try Self.tree(LibraryRules(oneFilesystem: true))
    try rescanned.scan()
    let before = try rescanned.live().map { $0.replacing("?", with: "") }
    let cache = Array("cache".utf8)
    let boundary = RescannedTree.Mischief(isBoundary: { name, isBoundary in name == cache || isBoundary })
    for _ in 0..<2 {
      try rescanned.scan(boundary)
      #expect(try rescanned.live().map { $0.replacing("?", with: "") } == before)
    }
  }

  @Test func `categories and courses are counted where they are admitted, and only in their layout`() throws {
    for (layout, expected) in [(Layout.categoryCourse, "2\t3\t2"), (.flat, "0\t0\t2")] {
      let rescanned = try RescannedTree(rules: LibraryRules(layout: layout, ignore: ["tmp"])) { tree in
        for name in ["a", "a/1", "a/1/deep", "a/2", "b", "b/1", "b/tmp", "tmp", "tmp/1"] { try tree.directory(name) }
        try tree.file("a/no course")
      }
      let scan = try rescanned.walk()
      _ = try rescanned.finish(try rescanned.catalog.commit(scan.claim, scan.results))
      let counters = "SELECT categories_found, courses_found, entries_ignored FROM scans"
      #expect(try rescanned.database.query(counters) == [expected])
    }
  }

  @Test func `a followed directory is found again by other slices and scans, and goes with the policy`() throws {
    let follow = LibraryRules(symlinks: .follow, ignore: [".store"])
    let rescanned = try RescannedTree(rules: follow) { tree in
      for name in [".store", ".store/x", ".store/x/y", "shown"] { try tree.directory(name) }
      for name in [".store/x/g", ".store/x/y/h", ".store/file", "shown/f"] { try tree.file(name) }
      for (name, target) in [("x", ".store/x"), ("file", ".store/file"), ("walked", "shown")] {
        try tree.symlink(name, to: target)
      }
    }
    // The root alone: another slice has to find its way through the link.
    let first = try rescanned.walk(RescannedTree.Mischief(limits: WalkLimits(entries: 0)))
    #expect(try rescanned.finish(try rescanned.catalog.commit(first.claim, first.results)) == Counters(added: 5))
    let all = ["/?", "file", "shown/", "shown/f", "walked", "x/", "x/g", "x/y/", "x/y/h"]
    #expect(try rescanned.live() == all)
    let ids = "SELECT name, id FROM files WHERE removed_at IS NULL UNION SELECT name, id FROM directories ORDER BY 1, 2"
    let before = try rescanned.database.query(ids)
    let settled = try rescanned.state()
    #expect(try rescanned.scan() == Counters(unchanged: 5))
    #expect(try rescanned.state() == settled)

    rescanned.remove(".store/x/y/h")
    #expect(try rescanned.scan() == Counters(unchanged: 4, removed: 1))
    try rescanned.tree.file(".store/x/y/h")

    try rescanned.set(LibraryRules(symlinks: .record, ignore: [".store"]))
    #expect(try rescanned.scan() == Counters(added: 1, updated: 1, unchanged: 2, removed: 1))
    #expect(try rescanned.live() == ["/?", "file", "shown/", "shown/f", "walked", "x"])
    #expect(try rescanned.scan() == Counters(unchanged: 4))
    #expect(try rescanned.live() == ["/", "file", "shown/", "shown/f", "walked", "x"])

    try rescanned.set(follow)
    #expect(try rescanned.scan() == Counters(added: 2, updated: 1, unchanged: 2, removed: 1))
    #expect(try rescanned.live().map { $0.replacing("?", with: "") } == all.map { $0.replacing("?", with: "") })
    #expect(
      try rescanned.database.query(ids).filter { !$0.hasPrefix("\\x78\t") }
        == before.filter { !$0.hasPrefix("\\x78\t") })
  }

  @Test func `what a link led to stays while its target cannot be told, and is missing when it leads nowhere`() throws {
    let follow = LibraryRules(symlinks: .follow, ignore: [".store"])
    let rescanned = try RescannedTree(rules: follow) { tree in
      for name in [".store", ".store/x"] { try tree.directory(name) }
      try tree.file(".store/x/g")
      try tree.symlink("x", to: ".store/x")
    }
    try rescanned.scan()
    let away = rescanned.tree.outside("away")
    #expect(rename(rescanned.tree.path(".store/x"), away) == 0)
    let walked = try rescanned.walk()
    #expect(walked.results.missing.rows.map(\.loss) == [.missing])
    #expect(walked.results.errors.rows.map(\.type) == [.fileNotFound])
  }
}
