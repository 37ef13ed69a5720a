import Catalog
import Glibc
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// Rescans of trees that change under the walk, and of catalogues that an earlier scan left unsettled.
@Suite struct RescanWalkTests {
  typealias Counters = RescannedTree.Counters
  typealias Mischief = RescannedTree.Mischief

  private static func tree() throws -> RescannedTree {
    let rescanned = try RescannedTree { tree in
      for name in ["d", "d/below", "kept"] { try tree.directory(name) }
      for name in ["a", "d/f", "d/below/g", "kept/h"] { try tree.file(name, bytes: 1) }
    }
    #expect(try rescanned.scan() == Counters(added: 4))
    return rescanned
  }

  @Test func `a known directory that goes between its parent's listing and its own is a removal like any other`() throws
  {
    let rescanned = try Self.tree()
    let (root, d) = (try rescanned.directory(""), try rescanned.directory("d"))
    let walked = try rescanned.walk(
      Mischief(listed: { if $0 == root { rescanned.remove("d/below/g", "d/below", "d/f", "d") } }))
    #expect(walked.results.missing.rows.map(\.id) == [d])
    #expect(walked.results.filesUnchanged == 2)
    let queued = try rescanned.catalog.commit(walked.claim, walked.results)
    #expect(try rescanned.live() == ["/?", "a", "d/", "d/below/", "d/below/g", "d/f", "kept/", "kept/h"])
    #expect(try rescanned.finish(queued) == Counters(unchanged: 2, removed: 2))
    #expect(try rescanned.live() == ["/?", "a", "kept/", "kept/h"])
    #expect(try rescanned.scan() == Counters(unchanged: 2))
    #expect(try rescanned.live() == ["/", "a", "kept/", "kept/h"])
    #expect(try rescanned.differences() == [])
  }

  @Test func `what is there again at the second look stays, and what holds it is unsettled`() throws {
    let rescanned = try Self.tree()
    let root = try rescanned.directory("")
    let away = rescanned.tree.outside("away")
    func move(_ from: String, _ to: String) { #expect(rename(from, to) == 0) }
    let (path, file) = (rescanned.tree.path("d"), rescanned.tree.path("kept/h"))
    let scan = try rescanned.scan(
      Mischief(
        listed: { if $0 == root { move(path, away) } },
        walked: { move(away, path) }))
    #expect(scan == Counters(unchanged: 2))
    #expect(try rescanned.live() == ["/?", "a", "d/", "d/below/", "d/below/g", "d/f", "kept/", "kept/h"])

    move(file, away)
    #expect(try rescanned.scan(Mischief(walked: { move(away, file) })) == Counters(unchanged: 3))
    #expect(try rescanned.live() == ["/", "a", "d/", "d/below/", "d/below/g", "d/f", "kept/?", "kept/h"])
    // Its ctime has changed.
    #expect(try rescanned.scan() == Counters(updated: 1, unchanged: 3))
    let settled = try rescanned.state()
    #expect(try rescanned.scan() == Counters(unchanged: 4))
    #expect(try rescanned.state() == settled)
    #expect(try rescanned.differences() == [])
  }

  @Test func `a file whose name a rescan's listing repeats counts once, a directory has the slice walked again`() throws
  {
    let rescanned = try Self.tree()
    try rescanned.tree.file("new")
    let before = try rescanned.state().count
    let repeating = Mischief(tellings: { $0 == Array("a".utf8) || $0 == Array("new".utf8) ? 2 : 1 })
    #expect(try rescanned.scan(repeating) == Counters(added: 1, unchanged: 4))
    #expect(try rescanned.state().count == before + 1)

    do {
      _ = try rescanned.walk(Mischief(tellings: { $0 == Array("d".utf8) ? 2 : 1 }))
      Issue.record("a directory was met twice")
    } catch WalkError<CatalogError>.sink(let error) {
      #expect(error.isUniqueViolation)
    }
  }

  @Test func `a new directory larger than what is kept is sent as it comes, settled by the next scan, and then still`()
    throws
  {
    let count = 131_072 + 5
    let rescanned = try RescannedTree { try $0.file("a") }
    try rescanned.scan()
    try rescanned.tree.directory("large")
    for index in 0..<count { try rescanned.tree.file("large/\(index)") }
    try rescanned.tree.directory("large/sub")
    #expect(try rescanned.scan() == Counters(added: Int64(count), unchanged: 1))
    let large = try rescanned.directory("large")
    let signed = "SELECT signature IS NOT NULL FROM directories WHERE id = \(large)"
    #expect(try rescanned.database.query(signed) == ["f"])
    #expect(try rescanned.scan() == Counters(unchanged: Int64(count) + 1))
    #expect(try rescanned.database.query(signed) == ["t"])
    let settled = try rescanned.state()
    #expect(try rescanned.scan() == Counters(unchanged: Int64(count) + 1))
    #expect(try rescanned.state() == settled)
    #expect(try rescanned.differences() == [])
  }

  @Test func `what a failed scan has committed is known to the next one`() throws {
    let rescanned = try Self.tree()
    try rescanned.tree.directory("new")
    for name in ["new/1", "b"] { try rescanned.tree.file(name) }
    rescanned.remove("d/f", "kept/h")
    // The root's listing alone is committed.
    let first = try rescanned.walk(Mischief(limits: WalkLimits(entries: 0)))
    _ = try rescanned.catalog.commit(first.claim, first.results)
    try rescanned.database.query("SELECT fail_scan(2, 'test', 'test'), drop_slices(2)")
    #expect(try rescanned.scan() == Counters(added: 1, unchanged: 3, removed: 2))
    #expect(try rescanned.differences() == [])
    #expect(try rescanned.scan() == Counters(unchanged: 4))
    let settled = try rescanned.state()
    #expect(try rescanned.scan() == Counters(unchanged: 4))
    #expect(try rescanned.state() == settled)
  }

  @Test func `other rules make every directory be compared, and no file be written`() throws {
    let rescanned = try Self.tree()
    let files = try rescanned.state().filter { $0.hasPrefix("f") }
    try rescanned.database.query("UPDATE libraries SET rules_version = rules_version + 1")
    #expect(try rescanned.scan() == Counters(unchanged: 4))
    #expect(try rescanned.state().filter { $0.hasPrefix("f") } == files)
    #expect(
      try rescanned.database.query("SELECT DISTINCT signature_version & 255, changed_scan FROM directories") == ["2\t2"]
    )
  }

  @Test func `a tombstone that comes back and goes again under the walk stays one, with all below it`() throws {
    let rescanned = try Self.tree()
    let away = rescanned.tree.outside("away")
    let path = rescanned.tree.path("d")
    let d = try rescanned.directory("d")
    #expect(rename(path, away) == 0)
    #expect(try rescanned.scan() == Counters(unchanged: 2, removed: 2))
    let gone = ["/?", "a", "kept/", "kept/h"]
    // It goes after its listing, with a directory in it that is left to another slice.
    #expect(rename(away, path) == 0)
    var isGone = false
    let going = Mischief(
      listed: {
        guard $0 == d else { return }
        isGone = true
        #expect(rename(path, away) == 0)
      }, limits: WalkLimits(shouldYield: { isGone }))
    #expect(try rescanned.scan(going).added == 1)
    #expect(isGone)
    try rescanned.scan()
    #expect(try rescanned.live() == gone)
    #expect(try rescanned.differences() == [])

    #expect(rename(away, path) == 0)
    #expect(try rescanned.scan() == Counters(added: 2, unchanged: 2))
    #expect(try rescanned.differences() == [])
    #expect(
      try rescanned.database.query("SELECT count(*) FROM files UNION ALL SELECT count(*) FROM directories") == [
        "4", "4",
      ])
  }

  @Test func `whether a directory is a boundary is noted, whoever lists it`() throws {
    for limit in [0, Int.max] {
      let rescanned = try Self.tree()
      let mounted = Mischief(isBoundary: { $1 || $0 == Array("d".utf8) }, limits: WalkLimits(entries: limit))
      #expect(try rescanned.scan(mounted) == Counters(unchanged: 4))
      let boundaries = "SELECT convert_from(name, 'UTF8') FROM directories WHERE boundary"
      #expect(try rescanned.database.query(boundaries) == ["d"])
      #expect(try rescanned.scan(Mischief(limits: WalkLimits(entries: limit))) == Counters(unchanged: 4))
      #expect(try rescanned.database.query(boundaries) == [])
    }
  }
}
