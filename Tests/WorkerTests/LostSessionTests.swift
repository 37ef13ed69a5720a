import TestSupport
import Testing

@testable import Worker

@Suite struct LostSessionTests {
  @Test func `a slot whose session is ended from outside says so in one line, and works on`() throws {
    let (database, lines) = try Self.scan(
      troubledBy: """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('tries') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER cut BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION cut();
        """)
    #expect(
      lines.count == 2 && lines.allSatisfy { $0.hasPrefix("notice lost a connection to Postgres, which is there") },
      "\(lines)")
    #expect(try database.query("SELECT slices_redone, files_seen FROM scans") == ["2\t1"])
    #expect(
      try database.query("SELECT count(*) FROM scan_events WHERE event IN ('slice_failed', 'slice_taken_over')") == [
        "0"
      ])
  }

  @Test func `a claim that has waited in vain for a lock is tried again, and Postgres is not said to be away`() throws {
    let (_, lines) = try Self.scan(
      troubledBy: """
        CREATE FUNCTION lock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('tries') <= 2 THEN RAISE lock_not_available; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER lock BEFORE UPDATE ON slices FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION lock();
        """)
    #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("notice Postgres asks to try again") }, "\(lines)")
  }

  /// Scans a tree of one file to its end; the log's complaints about Postgres. The trouble's SQL has a sequence `tries`.
  private static func scan(troubledBy trouble: String) throws -> (database: TestDatabase, lines: [String]) {
    let slot = try LoggedSlot()
    try slot.database.query("CREATE SEQUENCE tries;" + trouble)
    let thread = try slot.start()
    try eventually("the scan ends") { try slot.database.query("SELECT status FROM scans") == ["completed"] }
    slot.shared.stop.request()
    thread.join()
    return (slot.database, slot.complaints.filter { $0.contains("Postgres") })
  }
}
