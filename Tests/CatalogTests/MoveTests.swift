import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// How a `finalise` slice finds out what has moved, and puts it to its place.
@Suite struct MoveTests {
  @Test(arguments: [1, 2, 3, 7, 100] as [Int32])
  func `a ring comes round in batches of any size, and no batch leaves a name without its row`(limit: Int32) throws {
    let scan = try FinalisingScan()
    let ids = try scan.ring(7)
    #expect(try scan.decide() == .apply)
    var isLeft = true
    while isLeft {
      isLeft = try scan.catalog.applyMoves(scan.claim, limit: limit).isLeft
      #expect(try scan.rows.map { $0.prefix(6) } == (0..<7).map { "ring \($0)" })
      #expect(try scan.rows.map { $0.suffix(3) } == (0..<7).map { "\(100 + ($0 + 6) % 7)" })
      let counters = try scan.counters
      #expect(counters[0] == counters[4], "as many rows as before")
      _ = try scan.takeOver()
    }
    #expect(try scan.rows == (0..<7).map { "ring \($0) \(ids[($0 + 6) % 7]) \(100 + ($0 + 6) % 7)" })
    #expect(try scan.counters == [0, 0, 7, 0, 0])
    let changes = try scan.connection.query(
      "SELECT change::text, count(*), count(DISTINCT file_id) FROM scan_changes GROUP BY 1")
    #expect(changes.count == 1)
    #expect(try changes[0].text(0) == "m")
    #expect(try changes[0].int64(1) == 7)
    #expect(try scan.connection.query("SELECT 1 FROM files WHERE removed_at IS NOT NULL OR first_scan <> 0").count == 0)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  @Test(arguments: [1, 3, 100] as [Int32])
  func `a chain ends in a new name, and what follows it gets a row of its own`(limit: Int32) throws {
    let scan = try FinalisingScan()
    let first = try scan.file("a", inode: 99, before: 1)
    let second = try scan.file("b", inode: 1, before: 2)
    let third = try scan.file("c", inode: 2, before: 3)
    _ = try scan.file("d", inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    _ = try scan.moveAll(limit: limit)
    let rows = try scan.rows
    #expect(Array(rows.dropFirst()) == ["b \(first) 1", "c \(second) 2", "d \(third) 3"])
    #expect(rows[0].hasPrefix("a ") && rows[0].hasSuffix(" 99") && !rows[0].contains("\(first)"))
    #expect(try scan.counters == [1, 0, 3, 0, 0])
    #expect(try scan.connection.query("SELECT 1 FROM files WHERE first_scan = 1").count == 1)
  }

  @Test func `what has moved is not counted as missing, and what it was moved over is removed`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    let ids = try [
      scan.file("1", in: gone, inode: 1), scan.file("2", inode: 2), scan.file("3", inode: 3), scan.file("4", inode: 4),
    ]
    try scan.stage(directory: gone)
    try scan.connection.query("UPDATE scans SET files_seen = files_seen - 1, files_unchanged = files_unchanged - 1")
    for id in ids[1...] { try scan.miss(id) }
    _ = try scan.file("1'", inode: 1, isNew: true)
    let over = try scan.file("2'", inode: 2, before: 22)
    _ = try scan.file("3'", inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    let event = try scan.connection.query(
      "SELECT detail->>'files', detail->>'moved' FROM scan_events WHERE event = 'removals_applied'")
    #expect(try event[0].text(0) == "1")
    #expect(try event[0].text(1) == "3")
    _ = try scan.moveAll(limit: 2)
    #expect(try scan.rows == ["1' \(ids[0]) 1", "2' \(ids[1]) 2", "3' \(ids[2]) 3", "4 \(ids[3]) 4"])
    #expect(try scan.counters == [0, 0, 3, 0, 1])
    _ = try scan.applyAll(limit: 100)
    #expect(try scan.counters == [0, 0, 3, 0, 2])
    let removed = try scan.connection.query("SELECT file_id FROM scan_changes WHERE change = 'r' ORDER BY 1")
    #expect(try removed.map { row throws(PostgresError) in try row.int64(0) } == [ids[3], over])
  }

  @Test func `more than one on either side is no move`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    try scan.stage(directory: gone)
    for (name, inode) in [("two", 2), ("three", 3)] as [(String, Int64)] {
      try scan.miss(scan.file(name, inode: inode))
      try scan.miss(scan.file("\(name) more", inode: inode))
    }
    try scan.miss(scan.file("four", inode: 4))
    // Found in different pages.
    try scan.connection.query("UPDATE files SET directory_id = $1 WHERE name = 'three'", [.int64(gone)])
    try scan.connection.query("DELETE FROM staged_removals WHERE name = 'three'")
    for (name, inode) in [("2", 2), ("3", 3), ("4", 4), ("4'", 4)] as [(String, Int64)] {
      _ = try scan.file(name, inode: inode, isNew: true)
    }
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100).reduce(0, +) == 0)
    #expect(try scan.counters == [4, 0, 0, 0, 0])
  }

  @Test func `a file of another mount is another file`() throws {
    let scan = try FinalisingScan()
    let mount = try scan.directory("mount")
    let below = try scan.directory("below", in: mount)
    try scan.connection.query("UPDATE directories SET boundary = true WHERE id = $1", [.int64(mount)])
    let ids = try [scan.file("1", in: mount, inode: 1), scan.file("2", inode: 2), scan.file("3", in: mount, inode: 3)]
    for id in ids { try scan.miss(id) }
    _ = try scan.file("1'", inode: 1, isNew: true)
    _ = try scan.file("2'", in: below, inode: 2, isNew: true)
    _ = try scan.file("3'", in: below, inode: 3, isNew: true)
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("3' \(ids[2]) 3"))
  }

  @Test func `what was found in a directory that is gone by now is nowhere to move to`() throws {
    let scan = try FinalisingScan()
    let gone = try scan.directory("gone")
    let below = try scan.directory("below", in: gone)
    try scan.stage(directory: gone)
    let ids = try [scan.file("1", inode: 1), scan.file("2", inode: 2)]
    for id in ids { try scan.miss(id) }
    _ = try scan.file("1'", in: below, inode: 1, isNew: true)
    try scan.miss(scan.file("2'", inode: 2, isNew: true))
    _ = try scan.file("2''", inode: 2, isNew: true)
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("2'' \(ids[1]) 2"))
  }

  @Test func `whoever is superseded finds out nothing and moves nothing`() throws {
    let scan = try FinalisingScan()
    let id = try scan.file("1", inode: 1)
    try scan.miss(id)
    _ = try scan.file("1'", inode: 1, isNew: true)
    let late = try scan.takeOver()
    let before = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.count(late) }?.isFenced == true)
    // Nor does anybody move anything before the verdict.
    for claim in [late, scan.claim] {
      #expect(failure { () throws(CatalogError) in try scan.catalog.applyMoves(claim, limit: 1) }?.isFenced == true)
    }
    let fence = "1, 2, 1, '\(late.claim)'"
    for step in [
      "match_staged(\(fence), 0, 9)", "match_below(\(fence), '{\(scan.root)}', '', 9)",
      "match_replaced(\(fence), 0, 0, 9)",
    ] {
      do {
        try scan.connection.query("SELECT * FROM \(step)")
        Issue.record("\(step) was taken by whoever is superseded")
      } catch { #expect(error.sqlState == "RC001") }
    }
    #expect(try scan.contents() == before)
    try scan.decide()
    let decided = try scan.contents()
    #expect(failure { () throws(CatalogError) in try scan.catalog.applyMoves(late, limit: 1) }?.isFenced == true)
    #expect(try scan.contents() == decided)
    #expect(try scan.moveAll(limit: 9) == [1])
  }

  @Test func `a search that begins anew forgets what was there and is no more`() throws {
    let scan = try FinalisingScan()
    let ids = try [scan.file("1", inode: 1), scan.file("2", inode: 2)]
    for id in ids { try scan.miss(id) }
    for inode in 1...2 as ClosedRange<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    _ = try scan.count()
    #expect(try scan.connection.query("SELECT 1 FROM staged_moves").count == 2)
    _ = try scan.takeOver()
    try scan.connection.query("DELETE FROM staged_removals WHERE row_id = $1", [.int64(ids[0])])
    #expect(try scan.decide() == .apply)
    #expect(try scan.moveAll(limit: 100) == [1])
    #expect(try scan.rows.contains("2' \(ids[1]) 2"))
  }

  @Test func `what is given up in the middle of its moves holds the rest, and leaves every name with its row`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.connection.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 0}'")
    _ = try scan.ring(5)
    let ids = try (10..<14).map { try scan.file("\($0)", inode: $0) }
    for id in ids { try scan.miss(id) }
    for inode in 10..<13 as Range<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.applyMoves(scan.claim, limit: 3) == MoveBatch(files: 3, isLeft: true))
    let names = try scan.rows.map { $0.split(separator: " ").dropLast(2) }
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    #expect(try scan.rows.map { $0.split(separator: " ").dropLast(2) } == names)
    #expect(names.count == 12)
    _ = try scan.counters
    let held = try scan.connection.query("SELECT removals_held FROM scans")[0].int64(0)
    #expect(held == 4)
  }

  @Test func `what was given up in the middle of its moves moves no more when it is confirmed`() throws {
    let scan = try FinalisingScan(maxAttempts: 1)
    try scan.connection.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 0}'")
    let ids = try (10..<14).map { try scan.file("\($0)", inode: $0) }
    for id in ids { try scan.miss(id) }
    for inode in 10..<13 as Range<Int64> { _ = try scan.file("\(inode)'", inode: inode, isNew: true) }
    #expect(try scan.decide() == .apply)
    #expect(try scan.catalog.applyMoves(scan.claim, limit: 1) == MoveBatch(files: 1, isLeft: true))
    #expect(try scan.catalog.giveUp(scan.claim) == .partial)
    #expect(try scan.number("SELECT removals_held FROM scans") == 3)
    try scan.confirm()
    // One of them is back, and all the others are looked for and stay missing.
    try scan.catalog.commitLook(
      scan.claim, upTo: StagedPlace(isDirectory: false, row: ids[3]),
      present: [StagedRemoval(isDirectory: false, row: ids[1], directory: scan.root, name: Array("11".utf8))])
    #expect(try scan.decide() == .apply)
    let event = try scan.connection.query(
      "SELECT detail->>'files', detail->>'moved' FROM scan_events WHERE event = 'removals_applied' ORDER BY id DESC LIMIT 1"
    )
    #expect(try event[0].text(0) == "2")
    #expect(try event[0].text(1) == "0")
    #expect(try scan.moveAll(limit: 100) == [0])
    _ = try scan.applyAll(limit: 100)
    let rows = try scan.rows
    #expect(rows.contains("11 \(ids[1]) 11"), "\(rows)")
    #expect(rows.map { $0.prefix { $0 != " " } } == ["10'", "11", "11'", "12'"])
  }
}
