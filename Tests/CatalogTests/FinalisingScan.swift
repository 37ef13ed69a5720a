import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// A scan whose `finalise` slice is running, in a library whose rows the test makes.
final class FinalisingScan {
  let database: TestDatabase
  let connection: PostgresConnection
  let catalog: PostgresSlotCatalog
  /// Of the `finalise` slice.
  private(set) var claim: SliceClaim
  let root: Int64
  private var nextID: Int64 = 1_000_000

  init(maxAttempts: Int = 3) throws {
    database = try TestDatabase()
    connection = database.connection()
    _ = try database.catalog().addLibrary(name: "media", rootPath: "/srv/media", rules: LibraryRules())
    catalog = PostgresSlotCatalog(catalog: database.catalog(), slot: .named("a"), host: "a", maxAttempts: maxAttempts)
    let scan = try catalog.admit(ScanRequest(target: .name("media"))).admittedScan().id
    let walk = try catalog.claim(scan.slice(1))
    root = walk.frontier.visits[0]
    _ = try catalog.commit(walk, SliceResults())
    claim = try catalog.claim(scan.slice(2))
  }

  /// Claims the slice once more, as after the death of whoever had it; the claim that is late from now on.
  func takeOver() throws -> SliceClaim {
    let late = claim
    claim = try catalog.claim(claim.slice)
    return late
  }

  /// Holds the scan's removals, and ends it.
  func hold() throws {
    try connection.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 0, \"removal_limit_percent\": 0}'")
    #expect(try decide() == .hold)
    #expect(try catalog.end(claim) == .partial)
  }

  /// Confirms what the scan holds, and claims the slice that removes it.
  func confirm() throws {
    guard case .confirmed(_, let slice) = try people.confirm(ScanID(1), by: "Ann", through: .cli) else {
      throw NotConfirmed()
    }
    claim = try catalog.claim(slice)
  }

  struct NotConfirmed: Error {}

  /// The catalogue as a command sees it.
  private(set) lazy var people = database.catalog()

  /// Status, verdict and the counters that removals change.
  var standing: String {
    get throws {
      try connection.texts(
        "SELECT concat_ws(' ', status, removal_verdict, files_removed, removals_held, open_slices) FROM scans WHERE id = 1"
      )[0]
    }
  }

  /// What has happened to the scan since it was walked, with how many files that was about.
  var events: [String] {
    get throws {
      try connection.texts(
        """
        SELECT concat_ws(' ', event, detail->>'files') FROM scan_events
         WHERE scan_id = 1 AND event NOT IN ('admitted', 'started', 'slice_taken_over') ORDER BY id
        """)
    }
  }

  /// From the partitions: autovacuum reads them through for their BRIN indexes, which counts as reading.
  func keepVacuumAway() throws {
    for table in ["files_1", "directories_1"] {
      try connection.query("ALTER TABLE \(table) SET (autovacuum_enabled = false)")
    }
  }

  func directory(_ name: String, in parent: Int64? = nil) throws -> Int64 {
    nextID += 1
    try connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan, changed_scan, signature, signature_version)
      VALUES (1, $1, $2, convert_to($3, 'UTF8'), 0, 0, '\\x01', 1)
      """, [.int64(nextID), .int64(parent ?? root), .text(name)])
    return nextID
  }

  /// So many files, named `0001` and so on; their ids.
  @discardableResult func files(_ count: Int, in directory: Int64) throws -> [Int64] {
    let first = nextID + 1
    nextID += Int64(count)
    try connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan)
      SELECT 1, $1 + n, $2, convert_to(to_char(n, 'FM000000'), 'UTF8'), 'f', 0, 0, 0, 0, 0, 0, 0
        FROM generate_series(0, $3 - 1) n
      """, [.int64(first), .int64(directory), .int64(Int64(count))])
    return (0..<count).map { first + Int64($0) }
  }

  /// - Parameters:
  ///   - excluded: it is there, and the rules do not admit it.
  ///   - stays: only what lies in it goes.
  func stage(directory id: Int64, excluded: Bool = false, stays: Bool = false) throws {
    try connection.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, excluded, stays)
      SELECT 1, 1, 'd', id, parent_id, name, $2, $3 FROM directories WHERE id = $1
      """, [.int64(id), .boolean(excluded), .boolean(stays)])
  }

  func stage(files ids: some Sequence<Int64>, excluded: Bool = false) throws {
    try connection.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, excluded)
      SELECT 1, 1, 'f', id, directory_id, name, $2 FROM files WHERE id = ANY ($1)
      """, [.int64Array(Array(ids)), .boolean(excluded)])
  }

  /// Commits a page of the second look that ends at a file, and has found none of them.
  func look(_ looking: SliceClaim? = nil, upTo file: Int64 = 0) throws(CatalogError) {
    try catalog.commitLook(looking ?? claim, upTo: StagedPlace(isDirectory: false, row: file), present: [])
  }

  /// How many files would go, and in how many steps that was counted.
  func count(_ counting: SliceClaim? = nil) throws(CatalogError) -> (files: Int64, steps: Int) {
    var count = RemovalCount(counting ?? claim)
    var steps = 1
    while try count.step(on: catalog) { steps += 1 }
    return (count.files, steps)
  }

  @discardableResult
  func decide(_ deciding: SliceClaim? = nil) throws(CatalogError) -> RemovalVerdict {
    try catalog.decideRemovals(deciding ?? claim, files: count(deciding).files)
  }

  /// Applies batches until nothing is left; the files of each.
  func applyAll(limit: Int32) throws -> [Int64] {
    try all { try catalog.applyRemovals(claim, limit: limit) }
  }

  /// Removes what is excluded, until nothing of it is left; the files of each batch.
  @discardableResult
  func excludeAll(limit: Int32) throws -> [Int64] {
    try all { try catalog.excludeStaged(claim, limit: limit) }
  }

  private func all(_ next: () throws -> RemovalBatch) throws -> [Int64] {
    var counts: [Int64] = []
    while counts.count < 10_000 {
      let batch = try next()
      counts.append(batch.files)
      if !batch.isLeft { return counts }
    }
    throw Endless()
  }

  struct Endless: Error {}

  func number(_ sql: String) throws -> Int64 { try connection.number(sql) }

  var removedFiles: Int64 { get throws { try number("SELECT count(*) FROM files WHERE removed_at IS NOT NULL") } }
  var stagedRows: Int64 { get throws { try number("SELECT count(*) FROM staged_removals") } }

  /// Ids of the directories that are tombstones.
  var removedDirectories: [Int64] {
    get throws {
      try connection.query("SELECT id FROM directories WHERE removed_at IS NOT NULL ORDER BY id").map {
        try $0.int64(0)
      }
    }
  }

  /// Ids of the tombstones of rows that a rule excludes: of files, or of directories.
  func excluded(_ table: String) throws -> [Int64] {
    try connection.query("SELECT id FROM \(table) WHERE excluded AND removed_at IS NOT NULL ORDER BY id").map {
      try $0.int64(0)
    }
  }

  /// All that a fenced step must leave as it is.
  func contents() throws -> [String] {
    try connection.texts(
      """
      SELECT t::text FROM scans t UNION ALL SELECT t::text FROM slices t UNION ALL SELECT t::text FROM staged_removals t
       UNION ALL SELECT t::text FROM directories t UNION ALL SELECT t::text FROM files t
       UNION ALL SELECT t::text FROM staged_moves t UNION ALL SELECT t::text FROM scan_events t UNION ALL SELECT t::text FROM scan_changes t ORDER BY 1
      """)
  }
}
