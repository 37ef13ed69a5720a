import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What commands read of scans.
@Suite struct ReadingTests {
  @Test func `errors come newest first, with all that is known of each`() throws {
    let scan = try RunningScan()
    _ = try scan.catalog.rows(for: scan.claim)
    var results = SliceResults()
    results.errors.changes = [.permissionDenied: 1, .ioError: 1, .changedDuringScan: 1]
    results.errors.rows = [
      SliceError(path: [], type: .permissionDenied, operation: "openat", errno: 13, message: "first"),
      SliceError(path: [0xFF, 0x0A], type: .ioError, operation: "statx", errno: 5, message: "second ü\nline"),
      SliceError(path: Array("a/b".utf8), type: .changedDuringScan, operation: nil, errno: nil, message: ""),
    ]
    _ = try scan.catalog.commit(scan.claim, results)
    var seen: [SliceError] = []
    try scan.database.catalog().eachError(of: scan.claim.slice.scan) { record in
      seen.append(
        SliceError(
          path: record.path, type: try #require(ScanErrorType(rawValue: record.type)), operation: record.operation,
          errno: record.errno, message: record.message))
    }
    #expect(seen == results.errors.rows.reversed())
    #expect(try scan.database.catalog().scan(ScanID(1))?.counters.errors == 3)
  }

  @Test func `many errors are read one at a time, and who stops reading stops the query`() throws {
    let scan = try RunningScan()
    try scan.connection.query(
      """
      INSERT INTO errors (library_id, path, error_type, error_message, first_scan)
      SELECT 1, int4send(n), 'io_error', repeat('m', 100), 1 FROM generate_series(1, 100000) n
      """)
    let catalog = scan.database.catalog()
    var count = 0
    try catalog.eachError(of: ScanID(1)) { _ in count += 1 }
    #expect(count == 100_000)

    struct Enough: Error {}
    count = 0
    #expect(throws: Enough.self) {
      try catalog.eachError(of: ScanID(1)) { _ in
        count += 1
        if count == 10 { throw Enough() }
      }
    }
    #expect(count == 10)
    #expect(try catalog.scan(ScanID(1)) != nil)
    try catalog.eachError(of: ScanID(2)) { _ in Issue.record("an error of a scan that is none") }
  }

  @Test func `history is newest first, of one library or of all, and no longer than asked for`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    var libraries: [LibraryID] = []
    for name in ["a", "b"] {
      libraries.append(try catalog.addLibrary(name: name, rootPath: "/\(name)", rules: LibraryRules()))
    }
    for index in 0..<6 {
      _ = try catalog.admit(ScanRequest(target: .name(index % 2 == 0 ? "a" : "b")), through: .cli).admittedScan()
      guard index < 4 else { continue }
      try database.connection().query(
        "UPDATE scans SET status = 'cancelled', completed_at = now() WHERE status = 'pending' AND library_id = $1",
        [.int64(libraries[index % 2].rawValue)])
    }
    let all = try catalog.history(of: nil, limit: 100)
    #expect(all.map(\.id) == all.map(\.id).sorted { $0.rawValue > $1.rawValue })
    #expect(all.count == 6)
    #expect(all.map(\.library) == ["b", "a", "b", "a", "b", "a"])
    #expect(try catalog.history(of: nil, limit: 2).map(\.id) == all.prefix(2).map(\.id))
    #expect(try catalog.history(of: nil, limit: 0).isEmpty)
    #expect(try catalog.history(of: libraries[0], limit: 100).map(\.id) == [all[1], all[3], all[5]].map(\.id))
    #expect(try catalog.history(of: LibraryID(99), limit: 100).isEmpty)
    #expect(try catalog.currentScans().map(\.id) == all.prefix(2).map(\.id))
    #expect(try catalog.currentScan(of: libraries[0])?.id == all[1].id)
    #expect(try catalog.scan(ScanID(99)) == nil)
    #expect(all[0].requestedThrough == "cli")
  }

  @Test func `who works on a scan is named while at work`() throws {
    let scan = try RunningScan()
    let catalog = scan.database.catalog()
    #expect(try catalog.workers(of: ScanID(1)) == [SlotID.named("a").description])
    _ = try scan.catalog.release(scan.claim)
    #expect(try catalog.workers(of: ScanID(1)).isEmpty)
  }
}
