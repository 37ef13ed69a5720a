import Catalog
import Logging
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// A claimed first slice on a real catalogue, and the rows that a walk of it would send.
private struct ClaimedSlice {
  let database: TestDatabase
  let catalog: PostgresSlotCatalog
  let claim: SliceClaim
  let rows: SliceRows

  init() throws {
    database = try TestDatabase()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let connection = Catalog(
      url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: "/x", rules: LibraryRules())
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    guard case .admitted(let scan) = try catalog.admit(ScanRequest(target: .name("x"))) else { throw NotAdmitted() }
    let slice = SliceID(scan: scan.id, number: 1)
    claim = try #require(try catalog.claim(slice, epoch: 0, as: ClaimID()))
    rows = SliceRows(
      claim: claim, frontier: claim.frontier, writer: try catalog.rows(for: claim),
      known: catalog.knownRows(for: claim),
      activity: SlotActivity(slot: slot), looking: AbsenceCheck(rootPath: Array("/x".utf8)))
  }

  struct NotAdmitted: Error {}

  var root: Int64 { claim.frontier.visits[0] }

  func file(_ name: String, in directory: Int64) throws {
    try Array(name.utf8).withUnsafeBytes {
      try rows.file(directory: directory, name: $0, attributes: Self.attributes(.file))
    }
  }

  func directory(_ name: String, in parent: Int64) throws -> Int64 {
    try Array(name.utf8).withUnsafeBytes {
      try #require(
        try rows.newDirectory(
          parent: parent, name: $0, attributes: Self.attributes(.directory), isBoundary: false))
    }
  }

  func listed(_ directory: Int64) throws {
    try rows.listed(directory: directory, DirectoryListing(attributes: Self.attributes(.directory)))
  }

  static func attributes(_ kind: FileKind) -> FileAttributes {
    FileAttributes(
      kind: kind, mode: 0, size: 1, device: 1, inode: 1, mtime_ns: 0, ctime_ns: 0, btime_ns: nil)
  }

  /// Commits; the live files and directories afterwards, the root aside.
  func commit(remaining: [Int64]) throws -> [String] {
    _ = try catalog.commit(claim, rows.finish(remaining: remaining))
    return try database.query(
      """
      SELECT convert_from(name, 'UTF8') FROM files
      UNION ALL SELECT convert_from(name, 'UTF8') FROM directories WHERE parent_id IS NOT NULL ORDER BY 1
      """)
  }
}

@Suite struct SliceRowsTests {
  @Test func `a directory of an earlier slice that goes while it is listed takes all with it`() throws {
    let slice = try ClaimedSlice()
    try slice.rows.willList(directory: slice.root, attributes: ClaimedSlice.attributes(.directory))
    try slice.file("f", in: slice.root)
    let child = try slice.directory("d", in: slice.root)
    try slice.rows.vanished(directory: slice.root)
    let results = try slice.rows.finish(remaining: [child])
    #expect(results.frontier == [])
    #expect(results.vanished == [slice.root])
  }

  @Test func `what a slice's own directory held goes with it, and its siblings stay`() throws {
    let slice = try ClaimedSlice()
    try slice.rows.willList(directory: slice.root, attributes: ClaimedSlice.attributes(.directory))
    let gone = try slice.directory("gone", in: slice.root)
    let stays = try slice.directory("stays", in: slice.root)
    try slice.file("kept", in: slice.root)
    try slice.listed(slice.root)
    try slice.rows.willList(directory: gone, attributes: ClaimedSlice.attributes(.directory))
    try slice.file("lost", in: gone)
    let below = try slice.directory("below", in: gone)
    try slice.rows.vanished(directory: gone)
    #expect(try slice.commit(remaining: [below, stays]) == ["kept", "stays"])
    #expect(try slice.database.query("SELECT frontier FROM slices WHERE state <> 'done'") == ["{\(stays)}"])
  }

  @Test func `directories beyond those that wait go with their parent too`() throws {
    let slice = try ClaimedSlice()
    try slice.rows.willList(directory: slice.root, attributes: ClaimedSlice.attributes(.directory))
    let gone = try slice.directory("gone", in: slice.root)
    try slice.file("kept", in: slice.root)
    try slice.listed(slice.root)
    try slice.rows.willList(directory: gone, attributes: ClaimedSlice.attributes(.directory))
    var below: [Int64] = []
    for index in 0..<16_500 { below.append(try slice.directory("\(index)", in: gone)) }
    try slice.rows.vanished(directory: gone)
    #expect(try slice.commit(remaining: below) == ["kept"])
    #expect(try slice.database.query("SELECT kind FROM slices WHERE state <> 'done'") == ["finalise"])
  }

  @Test func `errors are counted without end, and kept up to a number of bytes`() throws {
    let slice = try ClaimedSlice()
    let path = [UInt8](repeating: UInt8(ascii: "p"), count: 100_000)
    for _ in 0..<500 {
      try slice.rows.failure(WalkFailure(path: path, directory: slice.root, isEntry: true, cause: .timestampOutOfRange))
    }
    let results = try slice.rows.finish(remaining: [])
    #expect(results.errors.changes.total == 500)
    #expect((1...11).contains(results.errors.rows.count))
  }
}
