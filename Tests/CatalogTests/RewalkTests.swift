import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// Directories that a scan lists again before its end.
@Suite struct RewalkTests {
  /// Of a scan that has changed its root; the other directories are known.
  private func changedScan() throws -> (scan: FinalisingScan, directories: [Int64]) {
    let scan = try FinalisingScan()
    let directories = try (0..<5).map { try scan.directory("\($0)") }
    try scan.connection.query(
      "UPDATE directories SET inode = 7, mtime_ns = 8, ctime_ns = 9 WHERE id = ANY ($1)", [.int64Array(directories)])
    try scan.connection.query("UPDATE scans SET has_changes = true")
    return (scan, directories)
  }

  private func began(_ scan: FinalisingScan) throws -> Int64 {
    try scan.number("SELECT (extract(epoch FROM started_at) * 1000000000)::bigint FROM scans")
  }

  @Test func `what is stale is listed again by slices of its own, and another finalise slice comes after`() throws {
    let (scan, directories) = try changedScan()
    #expect(try scan.catalog.rewalkStanding(scan.claim)?.compared == 0)
    #expect(try scan.catalog.rewalkStanding(scan.claim)?.began_ns == began(scan))
    let page = try scan.catalog.stampedDirectories(scan.claim, after: 0, limit: 3)
    #expect(page.directories.map(\.id) == Array(directories.prefix(3)))
    #expect(page.directories[0] == StampedDirectory(id: directories[0], inode: 7, mtime_ns: 8, ctime_ns: 9))
    #expect(Set(page.frontier.directories.map(\.id)) == Set(directories.prefix(3) + [scan.root]))
    try scan.catalog.noteStale(scan.claim, upTo: directories[2], scan.stamped([directories[1], directories[2]]))

    // Whoever claims the slice next goes on after the page, and late steps change nothing.
    let late = try scan.takeOver()
    let before = try scan.contents()
    #expect(
      failure { () throws(CatalogError) in try scan.catalog.noteStale(late, upTo: 1, scan.stamped([1])) }?.isFenced
        == true)
    #expect(failure { () throws(CatalogError) in try scan.catalog.beginRewalk(late) }?.isFenced == true)
    #expect(try scan.contents() == before)
    #expect(try scan.catalog.rewalkStanding(scan.claim)?.compared == directories[2])
    try scan.catalog.noteStale(scan.claim, upTo: directories[4], [])
    #expect(try scan.catalog.beginRewalk(scan.claim) == [ScanID(1).slice(3)])
    #expect(try scan.catalog.standing(of: scan.claim.slice) == .done(queued: [ScanID(1).slice(3)], queue: "default"))

    let walk = try scan.catalog.claim(ScanID(1).slice(3))
    #expect(walk.frontier.visits == [directories[1], directories[2]])
    #expect(walk.frontier.again == [directories[1], directories[2]])
    // What is left is left to others, who list it again too; what is new is not known.
    var results = SliceResults()
    results.frontier = [directories[2]]
    let rest = try scan.catalog.claim(try #require(try scan.catalog.commit(walk, results).first))
    #expect(rest.frontier.again == [directories[2]])
    let queued = try scan.catalog.commit(rest, SliceResults())
    let finalise = try scan.catalog.claim(try #require(queued.first))
    #expect(finalise.kind == .finalise)
    #expect(try scan.catalog.end(finalise) == .completed)
    #expect(try scan.events == ["rewalk", "completed"])
  }

  @Test func `where nothing is stale the slice goes on, and after three times none is asked for`() throws {
    let (scan, _) = try changedScan()
    try scan.catalog.noteStale(scan.claim, upTo: 1, [])
    #expect(try scan.catalog.beginRewalk(scan.claim) == nil)
    #expect(try scan.catalog.removalStanding(scan.claim) == .settled)
    for rounds in 0...3 {
      try scan.connection.query("UPDATE scans SET rewalks = $1", [.int32(Int32(rounds))])
      let standing = try scan.catalog.rewalkStanding(scan.claim)
      #expect((standing != nil) == (rounds < 3))
      // What was listed again is believed.
      #expect((standing?.began_ns != nil) == (rounds == 0))
    }
    try scan.connection.query("UPDATE scans SET rewalks = 0, removal_verdict = 'confirm'")
    #expect(try scan.catalog.rewalkStanding(scan.claim) == nil)
    try scan.connection.query("UPDATE scans SET removal_verdict = NULL")
    try scan.connection.query("UPDATE scans SET has_changes = false")
    #expect(try scan.catalog.rewalkStanding(scan.claim) == nil)
  }

  @Test(arguments: [false, true])
  func `stamps are compared once more where what was listed again has changed something`(hasChanged: Bool) throws {
    let (scan, directories) = try changedScan()
    try scan.catalog.noteStale(scan.claim, upTo: directories[4], scan.stamped([directories[1]]))
    _ = try scan.catalog.beginRewalk(scan.claim)
    var results = SliceResults()
    results.hasNewDirectories = hasChanged
    let queued = try scan.catalog.commit(try scan.catalog.claim(ScanID(1).slice(3)), results)
    let finalise = try scan.catalog.claim(try #require(queued.first))
    let standing = try scan.catalog.rewalkStanding(finalise)
    #expect(standing == (hasChanged ? RewalkStanding(compared: 0, began_ns: nil) : nil))
  }

  @Test func `a directory that was staged where it is no more is none that the scan has missed`() throws {
    let (scan, directories) = try changedScan()
    for id in directories.prefix(2) { try scan.stage(directory: id) }
    try scan.connection.query(
      "UPDATE directories SET parent_id = $1, name = 'moved' WHERE id = $2",
      [.int64(directories[4]), .int64(directories[1])])
    let page = try scan.catalog.stampedDirectories(scan.claim, after: directories[0], limit: 9)
    #expect(page.directories.contains { $0.id == directories[1] })
    #expect(page.staged == [])
    #expect(try scan.catalog.stampedDirectories(scan.claim, after: 0, limit: 9).staged == [directories[0]])
  }

  @Test func `a rewalk that was over before it was begun, or is cancelled, leaves a scan that ends`() throws {
    let (scan, directories) = try changedScan()
    try scan.catalog.noteStale(scan.claim, upTo: directories[4], scan.stamped(directories))
    // As a reaper queues it.
    try scan.connection.query("SELECT promote_slices(1)")
    _ = try scan.catalog.commit(try scan.catalog.claim(ScanID(1).slice(3)), SliceResults())
    #expect(try scan.catalog.beginRewalk(scan.claim) == [ScanID(1).slice(4)])
    #expect(try scan.number("SELECT open_slices FROM scans") == 1)
    // Nobody knows what it has changed.
    #expect(try scan.number("SELECT count(*) FROM scans WHERE has_changes") == 1)
    let finalise = try scan.catalog.claim(ScanID(1).slice(4))
    try scan.catalog.noteStale(finalise, upTo: directories[4], scan.stamped(directories))
    guard case .cancelled = try scan.people.cancelScan(of: LibraryID(1), by: nil, through: .cli) else {
      Issue.record("not cancelled")
      return
    }
    #expect(failure { () throws(CatalogError) in try scan.catalog.beginRewalk(finalise) }?.isFenced == true)
    #expect(try scan.number("SELECT count(*) FROM slices") == 0)
  }
}

extension FinalisingScan {
  /// Directories that the scan has listed.
  fileprivate func stamped(_ ids: [Int64]) -> [StampedDirectory] {
    ids.map { StampedDirectory(id: $0, inode: 7, mtime_ns: 8, ctime_ns: 9) }
  }
}
