import Catalog
import Foundation
import Logging
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// A real tree that is scanned again and again on a real catalogue, and can change in the middle of a walk.
final class RescannedTree {
  /// What happens to the tree, or to what the walk tells of it.
  struct Mischief {
    /// After a directory was listed.
    var listed: (Int64) -> Void = { _ in }
    /// Before the second look.
    var walked: () -> Void = {}
    /// How often an entry is told.
    var tellings: ([UInt8]) -> Int = { _ in 1 }
    /// Why an entry that is no directory cannot be looked at.
    var failing: ([UInt8]) -> WalkFailure.Cause? = { _ in nil }
    /// Why a directory without directories cannot be listed.
    var unreadable: (Int64) -> WalkFailure.Cause? = { _ in nil }
    /// A failure whose path was built.
    var told: (WalkFailure) -> Void = { _ in }
    /// What the walk says of an entry's file system, after what it found.
    var isBoundary: ([UInt8], Bool) -> Bool = { $1 }
    var limits = WalkLimits()
  }

  let tree: TestTree
  let database: TestDatabase
  let catalog: PostgresSlotCatalog
  private let activity: SlotActivity
  private let runner: SliceRunner
  /// Whether scans list again what has changed since they listed it. Most tests are about what comes before.
  var listsAgain = false

  init(rules: LibraryRules = LibraryRules(), _ make: (TestTree) throws -> Void) throws {
    tree = try TestTree(inMemory: true)
    try make(tree)
    database = try TestDatabase()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let connection = Catalog(url: database.url, applicationName: "test", deadline: .seconds(60), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: tree.root, rules: rules)
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    activity = SlotActivity(slot: slot)
    runner = SliceRunner(
      catalog: catalog, activity: activity, stop: WorkerStop(),
      pace: try SlotPace.forTests(of: activity, prefix: database.name), logger: logger)
  }

  /// Gives the library other rules, by which everything is judged anew.
  func set(_ rules: LibraryRules) throws {
    let json = String(decoding: try JSONEncoder().encode(rules), as: UTF8.self)
    try database.query("UPDATE libraries SET rules = '\(json)', rules_version = rules_version + 1")
  }

  /// Admits a scan and walks its first slice with mischief; the claim, to be committed.
  func walk(_ mischief: Mischief = Mischief()) throws -> (claim: SliceClaim, results: SliceResults) {
    guard case .admitted(let scan) = try catalog.admit(ScanRequest(target: .name("x"))) else { throw NotAdmitted() }
    if !listsAgain { try database.query("UPDATE scans SET rewalks = 3 WHERE id = \(scan.id)") }
    return try walk(SliceID(scan: scan.id, number: 1), mischief)
  }

  func walk(_ slice: SliceID, _ mischief: Mischief) throws -> (claim: SliceClaim, results: SliceResults) {
    guard case .open(let epoch, _, _, _) = try catalog.standing(of: slice) else { throw NotOpen() }
    let claim = try #require(try catalog.claim(slice, epoch: epoch, as: ClaimID()))
    let mounts = MountWatch(claim.mounts)
    let rows = SliceRows(
      claim: claim, frontier: claim.frontier, mounts: mounts, writer: try catalog.rows(for: claim),
      known: catalog.knownRows(for: claim), activity: activity,
      looking: AbsenceCheck(rootPath: tree.root, mounts: mounts))
    let walker = TreeWalker(
      rootPath: tree.root, oneFilesystem: claim.rules.oneFilesystem, rules: try WalkRules(claim.rules),
      mounts: mounts)
    let sink = MischievousSink(rows, mischief)
    let walked = try walker.run(claim.frontier.forWalker, limits: mischief.limits, into: sink)
    mischief.walked()
    return (claim, try rows.finish(remaining: walked.remaining))
  }

  /// A whole scan, the rest of it without mischief; its row.
  @discardableResult
  func scan(_ mischief: Mischief = Mischief()) throws -> Counters {
    let first = try walk(mischief)
    return try finish(try catalog.commit(first.claim, first.results))
  }

  /// The rest of a scan; its row.
  func finish(_ slices: [SliceID]) throws -> Counters {
    var queued = slices
    while let slice = queued.popLast() {
      guard case .open(let epoch, _, _, _) = try catalog.standing(of: slice) else { throw NotOpen() }
      let outcome = try runner.run(try #require(try catalog.claim(slice, epoch: epoch, as: ClaimID())))
      guard case .committed(let more) = outcome else { throw NotCommitted(outcome: outcome) }
      queued += more
    }
    return try counters()
  }

  struct Counters: Equatable {
    var status = "completed"
    var added: Int64 = 0
    var updated: Int64 = 0
    var moved: Int64 = 0
    var unchanged: Int64 = 0
    var removed: Int64 = 0
  }

  private func counters() throws -> Counters {
    let row = try database.query(
      """
      SELECT status, files_added, files_updated, files_moved, files_unchanged, files_removed, files_seen
        FROM scans ORDER BY id DESC LIMIT 1
      """)[0].split(separator: "\t").map(String.init)
    let numbers = row.dropFirst().compactMap { Int64($0) }
    #expect(numbers[5] == numbers[0] + numbers[1] + numbers[2] + numbers[3])
    return Counters(
      status: row[0], added: numbers[0], updated: numbers[1], moved: numbers[2], unchanged: numbers[3],
      removed: numbers[4])
  }

  /// Every tuple of the catalogue as it lies on disk.
  func state() throws -> [String] {
    try database.query(
      "SELECT 'f', ctid, xmin FROM files UNION ALL SELECT 'd', ctid, xmin FROM directories ORDER BY 1, 2")
  }

  /// Paths of live rows, those of directories with a slash, after each of a directory without a signature a `?`.
  func live() throws -> [String] {
    try database.query(
      """
      SELECT path_text FROM catalog_files WHERE removed_at IS NULL UNION ALL
      SELECT path_text || '/' || CASE WHEN signature IS NULL THEN '?' ELSE '' END
        FROM catalog_directories c JOIN directories d USING (id) WHERE c.removed_at IS NULL ORDER BY 1
      """)
  }

  func directory(_ name: String) throws -> Int64 {
    try #require(
      Int64(try database.query("SELECT id FROM directories WHERE name = convert_to('\(name)', 'UTF8')").first ?? ""))
  }

  /// Waits until the last change is so old that a scan that begins now believes equal stamps.
  func rest() throws {
    let probe = tree.outside("probe")
    close(creat(probe, 0o644))
    func ctime_ns() throws -> Int64 {
      var status = stat()
      try #require(lstat(probe, &status) == 0)
      return Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }
    let last = try ctime_ns()
    try eventually("the tree rests") {
      try #require(chmod(probe, 0o644) == 0)
      return try ctime_ns() - last > 50_000_000 ? () : nil
    }
  }

  func remove(_ paths: String...) { for path in paths { #expect(Foundation.remove(tree.path(path)) == 0) } }

  /// The catalogue against what another program lists.
  func differences() throws -> [String] {
    let rows = try IndependentListing.copyText(of: tree.root)
    let head =
      "DROP TABLE IF EXISTS listing; CREATE TABLE listing (\(IndependentListing.columns));\nCOPY listing FROM STDIN;\n"
    try database.query(script: Array(head.utf8) + rows + Array("\\.\n".utf8))
    return try database.query(
      """
      WITH c AS MATERIALIZED (
        SELECT path, kind, size, mtime_ns, ctime_ns, inode, mode, NULL::bigint AS files FROM catalog_files WHERE removed_at IS NULL
        UNION ALL SELECT path, 'directory', NULL, NULL, NULL, inode, NULL, files FROM catalog_directories WHERE removed_at IS NULL
      ), l AS MATERIALIZED (
        SELECT path, kind, size, mtime_ns, ctime_ns, inode, mode, NULL::bigint FROM listing WHERE kind <> 'directory'
        UNION ALL SELECT path, kind, NULL, NULL, NULL, inode, NULL, files FROM listing WHERE kind = 'directory'
      )
      (SELECT 'only in the catalogue', * FROM (TABLE c EXCEPT ALL TABLE l) a LIMIT 5)
      UNION ALL (SELECT 'only in the tree', * FROM (TABLE l EXCEPT ALL TABLE c) b LIMIT 5)
      """)
  }

  struct NotAdmitted: Error {}
  struct NotOpen: Error {}
  struct NotCommitted: Error { let outcome: SlotMachine.WorkOutcome }
}

/// Passes everything on, and does its mischief.
private final class MischievousSink: WalkSink {
  private let rows: SliceRows
  private let mischief: RescannedTree.Mischief
  private var isUnreadable = false

  init(_ rows: SliceRows, _ mischief: RescannedTree.Mischief) {
    self.rows = rows
    self.mischief = mischief
  }

  func willList(directory: Int64, attributes: FileAttributes) throws(CatalogError) -> Bool {
    let cause = mischief.unreadable(directory)
    isUnreadable = cause != nil
    guard let cause else { return try rows.willList(directory: directory, attributes: attributes) }
    try failure(WalkFailure(path: Array("\(directory)".utf8), directory: directory, isEntry: false, cause: cause))
    return true
  }

  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(CatalogError) {
    if isUnreadable { return }
    if let cause = mischief.failing(Array(name)) {
      if try isCounted(failureOf: name, in: directory, cause) { return }
      return try failure(WalkFailure(path: Array(name), directory: directory, isEntry: true, cause: cause))
    }
    for _ in 0..<mischief.tellings(Array(name)) {
      try rows.file(directory: directory, name: name, attributes: attributes)
    }
  }

  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(CatalogError) -> Int64? {
    var id: Int64?
    for _ in 0..<mischief.tellings(Array(name)) {
      id = try rows.newDirectory(
        parent: parent, name: name, attributes: attributes, isBoundary: mischief.isBoundary(Array(name), isBoundary))
    }
    return id
  }

  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(CatalogError) -> Int64? {
    try rows.followedDirectory(parent: parent, name: name, attributes: attributes)
  }

  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(CatalogError) {
    try rows.rejected(directory: directory, name: name)
  }

  func listed(directory: Int64, _ listing: DirectoryListing) throws(CatalogError) {
    if !isUnreadable { try rows.listed(directory: directory, listing) }
    mischief.listed(rows.aliases[directory] ?? directory)
  }

  func vanished(directory: Int64) throws(CatalogError) { try rows.vanished(directory: directory) }

  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(CatalogError) -> Bool {
    try rows.isCounted(failureOf: name, in: directory, cause)
  }

  func failure(_ failure: WalkFailure) throws(CatalogError) {
    mischief.told(failure)
    try rows.failure(failure)
  }
}
