import BlockingThread
import Catalog
import Foundation
import JobQueue
import Logging
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// A claimed slice of a directory with one file, and the runner that works on it.
private struct RunnableSlice {
  let database: TestDatabase
  let claim: SliceClaim
  let runner: SliceRunner
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.appending("file")))
    database = try TestDatabase()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let connection = Catalog(url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: directory.path, rules: LibraryRules())
    let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
    let catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    _ = try catalog.admit(ScanRequest(target: .name("x")))
    claim = try #require(try catalog.claim(SliceID(scan: ScanID(1), number: 1), epoch: 0, as: ClaimID()))
    let activity = SlotActivity(slot: slot)
    let pace = try SlotPace.forTests(of: activity, prefix: database.name)
    runner = SliceRunner(catalog: catalog, activity: activity, stop: WorkerStop(), pace: pace, logger: logger)
  }

  /// Lets the first `count` rows of files meet one that is there already, as a repeated name does.
  func refuse(first count: Int) throws {
    try database.query(
      """
      CREATE SEQUENCE tries;
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('tries') <= \(count) THEN RAISE unique_violation; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION refuse();
      """)
  }
}

extension RunnableSlice {
  /// Lets every row of a file end with an error.
  func raise(_ sqlState: String) throws {
    try database.query(
      """
      CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(sqlState)'; END $$;
      CREATE TRIGGER raise BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION raise();
      """)
  }
}

@Suite struct SliceRunnerTests {
  @Test(arguments: ["08000", "08006", "53000", "53100", "53200", "53300", "57000", "57P01", "57P02", "57P03", "25006"])
  func `an outage is no failure of the slice`(_ sqlState: String) throws {
    let slice = try RunnableSlice()
    try slice.raise(sqlState)
    do {
      let outcome = try slice.runner.run(slice.claim)
      Issue.record("\(sqlState) ends as \(outcome)")
    } catch {
      #expect(error.isOutage)
    }
    #expect(try slice.database.query("SELECT state, attempts FROM slices") == ["running\t0"])
  }

  @Test(arguments: ["40001", "40P01", "55P03"])
  func `a transaction that lost against another one is handed back`(_ sqlState: String) throws {
    let slice = try RunnableSlice()
    try slice.raise(sqlState)
    #expect(try slice.runner.run(slice.claim) == .interrupted)
    #expect(try slice.database.query("SELECT state, attempts FROM slices") == ["running\t0"])
  }

  @Test(arguments: ["22012", "23514", "42P01", "57014", "XX000"])
  func `any other error is the slice's failure`(_ sqlState: String) throws {
    let slice = try RunnableSlice()
    try slice.raise(sqlState)
    guard case .failed = try slice.runner.run(slice.claim) else { throw NotFailed() }
  }

  @Test func `a slice that meets a repeated name is walked again at once, and costs no attempt`() throws {
    let slice = try RunnableSlice()
    try slice.refuse(first: 1)
    guard case .committed = try slice.runner.run(slice.claim) else { throw NotCommitted() }
    #expect(try slice.database.query("SELECT convert_from(name, 'UTF8') FROM files") == ["file"])
    #expect(try slice.database.query("SELECT files_seen, files_added FROM scans") == ["1\t1"])
    #expect(try slice.database.query("SELECT max(attempts) FROM slices") == ["0"])
  }

  @Test func `a name that is there for good fails the slice after the second walk`() throws {
    let slice = try RunnableSlice()
    try slice.refuse(first: 1_000)
    guard case .failed = try slice.runner.run(slice.claim) else { throw NotFailed() }
    #expect(try slice.database.query("SELECT last_value FROM tries") == ["2"])
    #expect(try slice.database.query("SELECT count(*) FROM files") == ["0"])
  }

  private struct NotCommitted: Error {}
  private struct NotFailed: Error {}
}
