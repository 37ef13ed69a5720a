import Catalog
import Foundation
import InMemoryModels
import JobQueue
import Logging
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// A slice that failed before, of a tree on disk: `a`, `b` and `c` with a file each, and `b/deep`.
private struct CarefulSlice {
  let database: TestDatabase
  let catalog: PostgresSlotCatalog
  let queue = MemoryQueueServer()
  let stop = WorkerStop()
  let slot = SlotID(worker: WorkerID(name: "w"), index: 0)
  private let directory: TemporaryDirectory
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() throws {
    directory = try TemporaryDirectory()
    for name in ["a", "b/deep", "c"] {
      let path = directory.appending(name)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    for name in ["a/1", "b/2", "b/deep/3", "c/4"] { try Data().write(to: URL(filePath: directory.appending(name))) }
    database = try TestDatabase()
    let connection = Catalog(url: database.url, applicationName: "test", deadline: .seconds(30), logger: logger)
    _ = try connection.migrate()
    _ = try connection.addLibrary(name: "x", rootPath: directory.path, rules: LibraryRules())
    catalog = PostgresSlotCatalog(catalog: connection, slot: slot, host: "h", maxAttempts: 3)
    _ = try catalog.admit(ScanRequest(target: .name("x")))
  }

  var runner: SliceRunner { get throws { try runner(stop: stop) } }

  private func runner(stop: WorkerStop) throws -> SliceRunner {
    let activity = SlotActivity(slot: slot)
    return SliceRunner(
      catalog: catalog, queue: queue.slot(slot, queues: ["default"]), activity: activity, stop: stop,
      pace: try .forTests(of: activity, prefix: database.name), logger: logger)
  }

  /// Claims the scan's slice as it stands, perhaps after the death of another worker that had it.
  func claim(_ number: Int32 = 1, holderDied: Bool = false) throws -> SliceClaim {
    let slice = SliceID(scan: ScanID(1), number: number)
    guard case .open(let epoch, _, _, _) = try catalog.standing(of: slice) else { throw NotOpen() }
    if holderDied { try database.query("UPDATE slices SET worker = 'another-1/0' WHERE state = 'running'") }
    return try #require(try catalog.claim(slice, epoch: epoch, as: ClaimID(), holderDied: holderDied))
  }

  /// The visit of a directory fails whenever one of these files in it is sent.
  func poison(_ files: String...) throws {
    try database.query(
      """
      CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF convert_from(NEW.name, 'UTF8') = ANY ('{\(files.joined(separator: ","))}') THEN
          RAISE EXCEPTION 'poison';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER poison BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION poison();
      """)
  }

  /// Works on whatever is open, as slots do, until the scan has ended; how often a slice failed.
  ///
  /// - Parameter budgets: whether those that are walked carefully end after each directory, as if that took long.
  func finish(withShortBudgets budgets: Bool = false) throws -> Int {
    var failures = 0
    let hurried = WorkerStop()
    hurried.request()
    for _ in 0..<500 {
      let open = try database.query("SELECT number FROM slices WHERE state <> 'done' ORDER BY number DESC")
      guard let number = open.first.flatMap({ Int32($0) }) else { return failures }
      let claim = try claim(number)
      switch try runner(stop: budgets && claim.isCareful ? hurried : stop).run(claim) {
      case .committed: break
      case .failed(let message):
        failures += 1
        #expect(try catalog.fail(claim, message: message) == .requeued)
      case let outcome: Issue.record("\(outcome)")
      }
    }
    throw NotOpen()
  }

  struct NotOpen: Error {}
}

@Suite struct CarefulWalkTests {
  private func failOnce(_ slice: CarefulSlice) throws {
    _ = try slice.catalog.fail(try slice.claim(), message: "m")
  }

  @Test func `a slice that failed commits after every directory, and finds what any walk finds`() throws {
    let slice = try CarefulSlice()
    try failOnce(slice)
    try slice.database.query(
      """
      CREATE TABLE commits (frontier integer, attempts integer);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO commits VALUES (cardinality(NEW.frontier), NEW.attempts); RETURN NULL; END $$;
      CREATE TRIGGER note AFTER UPDATE OF frontier ON slices FOR EACH ROW EXECUTE FUNCTION note();
      """)
    let claim = try slice.claim()
    #expect(claim.isCareful)
    guard case .committed(let queued) = try slice.runner.run(claim) else { throw CarefulSlice.NotOpen() }
    #expect(queued == [SliceID(scan: ScanID(1), number: 2)])
    // The root, then depth first; the last directory ends the slice.
    #expect(try slice.database.query("SELECT frontier FROM commits").map { Int($0) ?? 0 }.reduce(0, max) == 3)
    #expect(try slice.database.query("SELECT count(*), max(attempts) FROM commits") == ["4\t1"])
    #expect(try slice.database.query("SELECT directories_seen, files_seen, errors_count FROM scans") == ["5\t4\t0"])
    #expect(try slice.database.query("SELECT entries FROM slices WHERE number = 1") == ["9"])
    #expect(try slice.database.query("SELECT count(*) FROM files") == ["4"])
  }

  @Test(arguments: [("a", "1"), ("b", "2"), ("deep", "3"), ("c", "4")])
  func `the directory at which it fails every time is left out as an error, and all else is there`(
    _ name: String, file: String
  ) throws {
    let slice = try CarefulSlice()
    try slice.poison(file)
    let failures = try slice.finish()
    #expect(failures == 3, "as a whole, and twice alone")
    let path = name == "deep" ? "b/deep" : name
    let lost = name == "b" ? 2 : 1
    #expect(
      try slice.database.query("SELECT status, errors_count, files_seen, slices_redone FROM scans")
        == ["partial\t1\t\(4 - lost)\t3"])
    let errors = try slice.database.query(
      "SELECT convert_from(path, 'UTF8'), error_type, error_message FROM scan_errors")
    #expect(errors.count == 1)
    #expect(
      errors.first?.hasPrefix(
        "\(path)\tio_error\tleft out, with all that lies below: its slice failed 3 times in a row here, at last because: "
      ) == true)
    #expect(errors.first?.contains("poison") == true)
    #expect(try slice.database.query("SELECT count(*) FROM files") == ["\(4 - lost)"])
    let unlisted = "SELECT convert_from(name, 'UTF8') FROM directories WHERE files IS NULL"
    #expect(try slice.database.query(unlisted) == [name])
  }

  @Test func `two of them in a row are both left out`() throws {
    let slice = try CarefulSlice()
    try slice.poison("1", "4")
    _ = try slice.finish()
    #expect(try slice.database.query("SELECT convert_from(path, 'UTF8') FROM scan_errors ORDER BY 1") == ["a", "c"])
    #expect(try slice.database.query("SELECT status, files_seen FROM scans") == ["partial\t2"])
  }

  @Test func `a slice whose workers die even while its culprit is left out fails its scan`() throws {
    let slice = try CarefulSlice()
    for _ in 0..<5 { _ = try slice.claim(holderDied: true) }
    let last = try slice.claim(holderDied: true)
    #expect(last.attempts == 5)
    let beyond = try slice.claim(holderDied: true)
    guard case .failed(let message) = try slice.runner.run(beyond) else { throw CarefulSlice.NotOpen() }
    #expect(message.hasSuffix(" died"))
    #expect(try slice.catalog.fail(beyond, message: message) == .failed)
    #expect(try slice.database.query("SELECT status, error_message FROM scans") == ["failed\t\(message)"])
  }

  @Test func `a directory that is left out has no signature any more`() throws {
    let slice = try CarefulSlice()
    for _ in 0..<3 { try failOnce(slice) }
    try slice.database.query("UPDATE directories SET signature = 'x', signature_version = 1")
    let claim = try slice.claim()
    #expect(claim.culprit == claim.frontier.visits.first)
    guard case .committed = try slice.runner.run(claim) else { throw CarefulSlice.NotOpen() }
    #expect(try slice.database.query("SELECT count(*) FROM directories WHERE signature IS NOT NULL") == ["0"])
    #expect(try slice.database.query("SELECT length(path) FROM scan_errors") == ["0"], "it is the root")
  }

  @Test func `told to stop, it commits what it has and leaves the rest to fresh slices`() throws {
    let slice = try CarefulSlice()
    try failOnce(slice)
    let claim = try slice.claim()
    slice.stop.request()
    guard case .committed = try slice.runner.run(claim) else { throw CarefulSlice.NotOpen() }
    let rows = try slice.database.query(
      "SELECT state, attempts FROM slices WHERE number > 1 AND cardinality(frontier) > 0 ORDER BY 1")
    #expect(rows == ["queued\t0", "queued\t0", "queued\t0"])
  }

  @Test(arguments: [0, 29, 59, 99])
  func `a directory that kills its workers kills no more of them because it comes late in a long frontier`(
    _ place: Int
  ) throws {
    let slice = try CarefulSlice()
    try slice.widen(by: 100)
    let name = "w\(place)"
    try slice.poison(in: name)
    let failures = try slice.finish(withShortBudgets: true)
    #expect(failures <= 3 + 1, "each attempt, and one more as the root's slice met it first")
    #expect(try slice.database.query("SELECT convert_from(path, 'UTF8') FROM scan_errors") == [name])
    #expect(try slice.database.query("SELECT status, directories_seen FROM scans") == ["partial\t104"])
  }

  @Test func `told to stop, it keeps what it has not visited of what it held, for a careful walk`() throws {
    let slice = try CarefulSlice()
    try slice.database.query("UPDATE scans SET max_parallel = 1")
    slice.stop.request()
    guard case .committed = try slice.runner.run(try slice.claim()) else { throw CarefulSlice.NotOpen() }
    _ = try slice.catalog.fail(try slice.claim(2), message: "m")
    let claim = try slice.claim(2)
    #expect(claim.isCareful && claim.frontier.visits.count == 3)
    guard case .committed(let queued) = try slice.runner.run(claim) else { throw CarefulSlice.NotOpen() }
    #expect(queued.last == claim.slice, "its own pointer goes to the back of the queue")
    let own = "SELECT state, attempts, cardinality(frontier) FROM slices WHERE number = 2"
    #expect(try slice.database.query(own) == ["queued\t1\t2"])
    #expect(try slice.database.query("SELECT count(*) FROM slices WHERE number > 2 AND attempts > 0") == ["0"])
  }

  @Test func `a name that a listing repeats costs a careful slice no attempt either`() throws {
    let slice = try CarefulSlice()
    try failOnce(slice)
    try slice.database.query(
      """
      CREATE SEQUENCE tries;
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('tries') <= 1 THEN RAISE unique_violation; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION refuse();
      """)
    guard case .committed = try slice.runner.run(try slice.claim()) else { throw CarefulSlice.NotOpen() }
    #expect(try slice.database.query("SELECT files_seen FROM scans") == ["4"])
  }

  @Test func `what overflows its row is on the queue before the slice has ended`() throws {
    let slice = try CarefulSlice()
    try slice.widen(by: 4_200)
    try failOnce(slice)
    guard case .committed(let queued) = try slice.runner.run(try slice.claim()) else { throw CarefulSlice.NotOpen() }
    let pushed = slice.queue.waiting("default")
    #expect(!pushed.isEmpty)
    let open = try slice.database.query("SELECT number FROM slices WHERE state = 'queued' ORDER BY number")
    let pointers = queued.map(QueueMessage.pointerBytes) + pushed
    #expect(
      Set(pointers)
        == Set(open.compactMap { Int32($0) }.map { QueueMessage.pointerBytes(SliceID(scan: ScanID(1), number: $0)) }))
    #expect(pointers.count == open.count, "each once")
  }
}

extension CarefulSlice {
  /// The visit of this directory fails.
  func poison(in name: String) throws {
    try Data().write(to: URL(filePath: directory.appending("\(name)/poison")))
    try poison("poison")
  }

  /// Adds so many empty directories to the root.
  func widen(by count: Int) throws {
    for number in 0..<count {
      try FileManager.default.createDirectory(
        atPath: directory.appending("w\(number)"), withIntermediateDirectories: false)
    }
  }
}
