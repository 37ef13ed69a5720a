import TestSupport
import Testing

@testable import Worker

@Suite struct UrgentStopTests {
  struct Step: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The update of the slice's row at which Postgres hangs.
    let update: String
    /// What makes the slot take this step.
    var cause: (failsVisits: Bool, hasRoot: Bool) = (false, true)
  }

  @Test(arguments: [
    Step(testDescription: "claim", update: "NEW.state = 'running'"),
    Step(testDescription: "fail", update: "NEW.attempts > OLD.attempts", cause: (true, true)),
    Step(testDescription: "refuse", update: "NEW.refused_hosts <> OLD.refused_hosts", cause: (false, false)),
  ])
  func `a step that is cut short to be in time is told neither as an error nor as an outage`(_ step: Step) throws {
    let slot = try LoggedSlot(hasRoot: step.cause.hasRoot)
    let database = slot.database
    try Self.trouble(database, step)
    let thread = try slot.start()
    try eventually("the slot's statement hangs") {
      try database.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != ["0"]
    }
    slot.shared.stop.request()
    slot.shared.stop.hurry()
    thread.join()
    #expect(slot.complaints == [])
    #expect(try database.query("SELECT attempts, cardinality(refused_hosts) FROM slices") == ["0\t0"])
  }

  private static func trouble(_ database: TestDatabase, _ step: Step) throws {
    try database.query(
      """
      CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
      CREATE TRIGGER hang BEFORE UPDATE ON slices FOR EACH ROW WHEN (\(step.update)) EXECUTE FUNCTION hang();
      CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'poison'; END $$;
      """)
    guard step.cause.failsVisits else { return }
    try database.query("CREATE TRIGGER poison BEFORE INSERT ON files_1 FOR EACH ROW EXECUTE FUNCTION poison()")
  }
}
