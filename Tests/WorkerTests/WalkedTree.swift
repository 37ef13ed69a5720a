import BlockingThread
import Catalog
import Glibc
import JobQueue
import Logging
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// A scan of a real tree that has been walked, and its `finalise` slice.
final class WalkedTree {
  let tree: TestTree
  let database: TestDatabase
  let catalog: PostgresSlotCatalog
  let activity: SlotActivity
  private(set) var stop = WorkerStop()
  private let pace: SlotPace
  private let scan = ScanID(1)

  init(_ make: (TestTree) throws -> Void) throws {
    tree = try TestTree(inMemory: true)
    try make(tree)
    database = try TestDatabase()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let connection = Catalog(url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: tree.root, rules: LibraryRules())
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    activity = SlotActivity(slot: slot)
    pace = try SlotPace.forTests(of: activity, prefix: database.name)
    _ = try catalog.admit(ScanRequest(target: .name("x")))
    guard case .committed = try run(slice: 1) else { throw NotWalked() }
    // What the tests change is not listed again: what is staged they say themselves.
    try database.query("UPDATE scans SET rewalks = 3")
    // Whatever they remove: an empty root is refused.
    try tree.directory("unseen")
  }

  /// Claims the `finalise` slice, as anybody would after the last claim's death, and works on it.
  func finalise() throws -> SlotMachine.WorkOutcome { try run(slice: 2) }

  private func run(slice number: Int32) throws -> SlotMachine.WorkOutcome {
    let slice = SliceID(scan: scan, number: number)
    guard case .open(let epoch, _, _, _) = try catalog.standing(of: slice) else { throw NotOpen() }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let runner = SliceRunner(catalog: catalog, activity: activity, stop: stop, pace: pace, logger: logger)
    return try runner.run(try #require(try catalog.claim(slice, epoch: epoch, as: ClaimID())))
  }

  /// Tells the worker to stop when the database sleeps in one of its statements.
  func stopWhileSleeping() throws -> BlockingThread {
    let (stop, database) = (stop, database)
    return try BlockingThread(name: "watcher") {
      try? eventually("a statement is on its way") {
        try database.query(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        .isEmpty ? nil : ()
      }
      stop.request()
    }
  }

  /// The next worker has not been told to stop.
  func start() { stop = WorkerStop() }

  /// Stages rows as a walk would that missed their names.
  func stage(files: String = "false", directories: String = "false", excluded: Bool = false) throws {
    try database.query(
      """
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, excluded)
      SELECT 1, 1, 'f', id, directory_id, name, \(excluded) FROM files WHERE \(files)
       UNION ALL
      SELECT 1, 1, 'd', id, parent_id, name, \(excluded) FROM directories WHERE parent_id IS NOT NULL AND (\(directories))
      """)
  }

  func remove(_ path: String) { #expect(Glibc.remove(tree.path(path)) == 0) }

  /// Paths that are tombstones.
  var removed: [String] {
    get throws {
      try database.query(
        """
        SELECT path_text FROM catalog_files WHERE removed_at IS NOT NULL
         UNION ALL SELECT path_text || '/' FROM catalog_directories WHERE removed_at IS NOT NULL ORDER BY 1
        """)
    }
  }

  var scanRow: [String] {
    get throws {
      try database.query("SELECT concat_ws(' ', status, files_removed, removals_held, removal_verdict) FROM scans")
    }
  }

  var stagedRows: [String] { get throws { try database.query("SELECT count(*) FROM staged_removals") } }

  struct NotWalked: Error {}
  struct NotOpen: Error {}
}
