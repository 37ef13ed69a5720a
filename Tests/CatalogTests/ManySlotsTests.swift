import PostgresClient
import ScanModel
import Synchronization
import Testing

@testable import Catalog

/// Many slots on one scan, on real connections, against each other.
@Suite struct ManySlotsTests {
  @Test(arguments: [2, 8])
  func `however many slots commit at once, everything is counted once and never too much is queued`(
    _ maxParallel: Int
  ) throws {
    let fixture = try PostgresFixture()
    let scan = try fixture.admitScan(maxParallel: maxParallel)
    try Self.addReadySlices(100, to: scan, fixture.database.connection())
    let tally = Tally()
    _ = try onThreads(6) { index in
      try Roller(fixture, scan, maxParallel: maxParallel, tally: tally, seed: UInt64(index)).run()
    }

    let record = try #require(try fixture.scan(scan))
    let total = tally.total
    #expect(record.status == .completed)
    #expect(record.counters.directoriesSeen == total.directories)
    #expect(record.counters.filesSeen == total.files)
    #expect(total.directories > 300)
    #expect(total.finalised == 1)
    let connection = fixture.database.connection()
    // Every directory that was found was visited, but for the root, which is only visited.
    #expect(try connection.number("SELECT count(*) FROM directories") == total.directories)
    #expect(
      try connection.number("SELECT sum(slices) FROM scan_shares")
        == connection.number("SELECT next_slice - 2 FROM scans"))
    #expect(try connection.number("SELECT count(*) FROM slices") == 0)
    #expect(try connection.number("SELECT count(*) FROM scan_events WHERE event = 'started'") == 1)
  }

  /// Slices that wait for room, as a large frontier leaves them: each commit may now queue too many.
  private static func addReadySlices(_ count: Int32, to scan: ScanID, _ connection: PostgresConnection) throws {
    let parameters: [PostgresParameter] = [.int64(scan.rawValue), .int32(count)]
    try connection.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, first_scan)
      SELECT 1, -n, 1, int4send(n), $1 FROM generate_series(1, $2) n
      """, parameters)
    try connection.query(
      """
      INSERT INTO slices (scan_id, number, kind, state, frontier)
      SELECT $1, n + 1, 'walk', 'ready', ARRAY[-n] FROM generate_series(1, $2) n
      """, parameters)
    try connection.query(
      "UPDATE scans SET open_slices = open_slices + $2, next_slice = next_slice + $2 WHERE id = $1", parameters)
  }

  @Test func `a scan that fails under many slots leaves no slice`() throws {
    let fixture = try PostgresFixture()
    let scan = try fixture.admitScan(maxParallel: 8)
    let tally = Tally()
    _ = try onThreads(6) { index in
      try Roller(fixture, scan, maxParallel: 8, tally: tally, seed: UInt64(index), failingAfter: 100).run()
    }
    #expect(try fixture.status(of: scan) == .failed)
    #expect(try fixture.slices(of: scan).isEmpty)
    #expect(try fixture.counters(of: scan).filesSeen == tally.total.files)
  }
}

/// What was committed, as those know who committed it.
private final class Tally: Sendable {
  struct Total {
    var directories: Int64 = 0
    var files: Int64 = 0
    var finalised = 0
    /// Directories that may still be made, so that the tree ends.
    var left = 400
  }

  private let state = Mutex(Total())

  var total: Total { state.withLock { $0 } }

  func add(_ change: (inout Total) -> Void) { state.withLock { change(&$0) } }

  func take(_ wanted: Int) -> Int {
    state.withLock { total in
      let taken = min(wanted, total.left)
      total.left -= taken
      return taken
    }
  }
}

/// A slot that claims whatever is queued, and sometimes what runs elsewhere, until the scan has ended.
private final class Roller {
  struct Endless: Error {}
  struct Overfull: Error { let busy: Int64 }

  private let catalog: any WalkingCatalog
  private let looking: PostgresConnection
  private let scan: ScanID
  private let maxParallel: Int
  private let tally: Tally
  private var choices: SeededGenerator
  private let limit: Int64

  /// - Parameter limit: its slices fail when so many directories were visited.
  init(
    _ fixture: PostgresFixture, _ scan: ScanID, maxParallel: Int, tally: Tally, seed: UInt64,
    failingAfter limit: Int64 = .max
  ) throws {
    self.limit = limit
    catalog = try fixture.slot("s\(seed)", maxAttempts: 1)
    looking = fixture.database.connection()
    self.scan = scan
    self.maxParallel = maxParallel
    self.tally = tally
    choices = SeededGenerator(seed: seed)
  }

  func run() throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try looking.texts("SELECT status FROM scans WHERE id = $1", [.int64(scan.rawValue)])[0] != "completed" {
      if try looking.texts("SELECT status FROM scans WHERE id = $1", [.int64(scan.rawValue)])[0] == "failed" { return }
      guard ContinuousClock.now < deadline else { throw Endless() }
      try checkRoom()
      let open = try looking.query(
        "SELECT number, state FROM slices WHERE scan_id = $1 AND state IN ('queued', 'running')",
        [.int64(scan.rawValue)])
      // Takeovers are rare, as in life.
      let takesOver = Int.random(in: 0..<10, using: &choices) == 0
      let candidates = try open.filter { try takesOver || $0.text(1) == "queued" }
      guard let row = candidates.randomElement(using: &choices) else { continue }
      try work(on: scan.slice(try row.int32(0)))
    }
  }

  private func checkRoom() throws {
    let busy = try looking.number(
      "SELECT count(*) FROM slices WHERE scan_id = $1 AND state IN ('queued', 'running')", [.int64(scan.rawValue)])
    // Thrown, because the test does not see what is expected on another thread.
    guard busy <= Int64(maxParallel) else { throw Overfull(busy: busy) }
  }

  private func work(on slice: SliceID) throws {
    guard case .open(let epoch, _, _, _) = try afterTakeover({ try catalog.standing(of: slice) }),
      let claim = try afterTakeover({ try catalog.claim(slice, epoch: epoch, as: ClaimID()) })
    else { return }
    do {
      try finish(claim)
    } catch {
      guard Self.hasLost(error) else { throw error }
      catalog.abandon(claim)
      _ = try afterTakeover { try catalog.release(claim) }
    }
  }

  /// Lost against another claim of the same slice: the slice, a lock, or the rows' names.
  private static func hasLost(_ error: CatalogError) -> Bool {
    switch error {
    case .fenced: true
    case .postgres: error.isRetryable || error.isConnectionLoss || error.isUniqueViolation
    default: false
    }
  }

  private func isDone(_ claim: SliceClaim) throws(CatalogError) -> Bool {
    try wrap { () throws(PostgresError) in
      try looking.number(
        "SELECT count(*) FROM slices WHERE claim = $1 AND state = 'done'", [.uuid(claim.claim.description)]) == 1
    }
  }

  private func finish(_ claim: SliceClaim) throws(CatalogError) {
    if claim.kind == .finalise {
      _ = try catalog.end(claim)
      tally.add { $0.finalised += 1 }
      return
    }
    // The scan may fail, and its slices go, between a claim and the reading of its frontier.
    guard let parent = claim.frontier.visits.first else { throw .fenced }
    if tally.total.directories > limit {
      _ = try catalog.refuse(claim, hosts: [], message: "enough")
      return
    }
    var results = SliceResults()
    results.directoriesSeen = Int64(claim.frontier.visits.count)
    results.filesAdded = Int64.random(in: 0...100, using: &choices)
    let found = tally.take(Int.random(in: 2...9, using: &choices))
    do {
      results.frontier = try catalog.find(
        (0..<found).map { "\(claim.slice.number)-\($0)" }, below: parent, for: claim)
      _ = try catalog.commit(claim, results)
    } catch {
      // Its connection may have been ended between the deed and the answer.
      if try !isDone(claim) {
        tally.add { $0.left += found }
        throw error
      }
    }
    tally.add {
      $0.directories += results.directoriesSeen
      $0.files += results.filesSeen
    }
  }
}
