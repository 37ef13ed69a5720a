import PostgresClient
import ScanModel
import Testing

@testable import Catalog

extension SliceResults {
  fileprivate static func change(_ changes: inout FileChanges, _ id: Int64, _ directory: Int64, _ name: String) {
    let attributes = FileAttributes(
      kind: .fifo, mode: 7, size: 8, device: 1, inode: .max, mtime_ns: 2, ctime_ns: 3, btime_ns: nil)
    Array(name.utf8).withUnsafeBytes { changes.append(id: id, directory: directory, name: $0, attributes) }
  }
}

/// What a slice's commit does to rows that earlier scans made.
@Suite struct RescanCommitTests {
  private func fill(_ scan: RunningScan, count: Int, removed: String = "NULL") throws {
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan, removed_at)
      SELECT 1, n, \(scan.root), convert_to('f' || n, 'UTF8'), 'f', 1, 1, 1, 1, 1, 0, 0, \(removed)
        FROM generate_series(1, \(count)) n
      """)
  }

  @Test func `very many updates and removals are one commit, in bounded statements`() throws {
    let scan = try RunningScan()
    try fill(scan, count: 50_000)
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    for id in 1...40_000 as ClosedRange<Int64> { SliceResults.change(&results.updates, id, scan.root, "f\(id)") }
    for id in 40_001...50_000 as ClosedRange<Int64> {
      Array("f\(id)".utf8).withUnsafeBytes {
        results.missing.append(id: id, directory: scan.root, isDirectory: false, name: $0)
      }
    }
    results.filesUpdated = 40_000
    _ = try scan.catalog.commit(scan.claim, results)
    #expect(
      try scan.connection.number(
        """
        SELECT count(*) FROM files WHERE changed_scan = 1 AND first_scan = 0 AND kind = 'p' AND size = 8 AND inode = -1
           AND mtime_ns = 2 AND ctime_ns = 3 AND mode = 7 AND name = convert_to('f' || id, 'UTF8')
        """) == 40_000)
    #expect(try scan.connection.number("SELECT count(*) FROM files WHERE removed_at IS NULL") == 50_000)
    #expect(
      try scan.connection.number(
        "SELECT count(*) FROM staged_removals r JOIN files f ON f.id = r.row_id AND f.name = r.name WHERE r.kind = 'f'")
        == 10_000)
    #expect(try scan.connection.number("SELECT files_updated FROM scans") == 40_000)
  }

  @Test func `a superseded slice changes nothing, however many statements its commit takes`() throws {
    let scan = try RunningScan()
    try fill(scan, count: 50_000)
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    for id in 1...50_000 as ClosedRange<Int64> { SliceResults.change(&results.updates, id, scan.root, "f\(id)") }
    try scan.connection.query("UPDATE slices SET epoch = epoch + 1")
    do {
      _ = try scan.catalog.commit(scan.claim, results)
      Issue.record("committed")
    } catch CatalogError.fenced {
    }
    #expect(try scan.connection.number("SELECT count(*) FROM files WHERE changed_scan <> 0") == 0)
  }

  @Test func `a tombstone lives again as the row that it was`() throws {
    let scan = try RunningScan()
    try fill(scan, count: 2, removed: "now()")
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    SliceResults.change(&results.revivals, 2, scan.root, "f2")
    _ = try scan.catalog.commit(scan.claim, results)
    let rows = try scan.connection.query(
      "SELECT id, first_scan, changed_scan FROM files WHERE removed_at IS NULL AND size = 8")
    #expect(try rows.map { try [$0.int64(0), $0.int64(1), $0.int64(2)] } == [[2, 0, 1]])
  }

  @Test func `a visited directory gets its signature, and an unsettled one loses it`() throws {
    let scan = try RunningScan()
    let signature = DirectorySignature(high: 1, low: .max, version: scan.claim.signatureVersion)
    try scan.connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, signature, signature_version, removed_at)
      SELECT 1, n, \(scan.root), convert_to('d' || n, 'UTF8'), 0, '\\x00', 1, CASE n WHEN 9000003 THEN now() END
        FROM generate_series(9000001, 9000003) n
      """)
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    results.visited = [
      VisitedDirectory(
        id: 9_000_001, attributes: .directory, files: 1, bytes: 2, isBoundary: true, signature: signature)
    ]
    results.unsettled = [9_000_002]
    results.revivedDirectories = [9_000_003]
    _ = try scan.catalog.commit(scan.claim, results)
    let rows = try scan.connection.query(
      "SELECT signature, boundary, first_scan, signature_version, removed_at FROM directories WHERE id > 9000000 ORDER BY id"
    )
    #expect(try rows.map { try $0.optionalBytes(0) } == [signature.bytes, nil, nil])
    #expect(try rows.map { try $0.boolean(1) } == [true, false, false])
    #expect(try rows.map { try $0.int64(2) } == [0, 0, 0])
    #expect(try rows.map { try $0.optionalInt64(3) } == [(1 << 24) + 1, nil, nil])
    #expect(try rows.allSatisfy { try $0.optionalTimestamp(4) == nil })
  }

  @Test func `admission discards what the last scan holds, and says so on it, but deletes nothing`() throws {
    let scan = try RunningScan()
    try scan.connection.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name)
      SELECT 1, 1, 'f', n, 1, '\\x61' FROM generate_series(1, 3) n
      """)
    try scan.connection.query(
      "UPDATE scans SET status = 'partial', completed_at = now(), removal_verdict = 'hold', removals_held = 7")
    let next = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan()
    #expect(try scan.connection.number("SELECT count(*) FROM staged_removals") == 3)
    try scan.connection.query("UPDATE scans SET status = 'cancelled', completed_at = now() WHERE id = 2")
    _ = try scan.catalog.admit(ScanRequest(target: .name("media"))).admittedScan()
    let events = try scan.connection.query(
      "SELECT scan_id, (detail->>'by_scan')::bigint, (detail->>'files')::bigint FROM scan_events WHERE event = 'removals_discarded'"
    )
    #expect(try events.map { try [$0.int64(0), $0.int64(1), $0.int64(2)] } == [[1, next.id.rawValue, 7]])
  }
}
