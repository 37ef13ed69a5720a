import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// A worker that stands still at the end of a scan for longer than its lock, while another one takes over.
  @Suite struct FrozenFinaliseTests {
    private static func scene() throws -> StrippedScene {
      try StrippedScene(directories: 60, files: 30, stripped: 20)
    }

    @Test(arguments: [
      CrashPoint.removalsPageLookedAt, .removalsLookedAt, .removalsDecided, .removalBatchDone, .endReady,
    ])
    func `a worker that is frozen between two steps of a scan's end changes nothing when it wakes`(
      point: CrashPoint
    ) async throws {
      try await inTurn {
        let stripped = try Self.scene()
        try stripped.scene.reaper()
        let sleeper = try stripped.begin("sleeper", crash: "stop:\(point.rawValue)")
        try stripped.scene.wait("the sleeper stands still") { try sleeper.isStopped() }
        try stripped.expectTakenOver(from: sleeper, at: point.rawValue)
      }
    }

    @Test(arguments: EndingStep.allCases)
    fileprivate func `nobody waits for a worker that is frozen inside a step of a scan's end`(
      step: EndingStep
    ) async throws {
      try await inTurn {
        let stripped = try Self.scene()
        try stripped.scene.deployment.database.query(step.linger)
        try stripped.scene.reaper()
        let sleeper = try stripped.begin("sleeper", crash: nil)
        try stripped.scene.wait("the sleeper's statement is on its way") {
          try !stripped.scene.deployment.database.query(
            """
            SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'
            """
          ).isEmpty
        }
        sleeper.send(SIGSTOP)
        try stripped.expectTakenOver(from: sleeper, at: step.rawValue)
      }
    }
  }
}

/// What the end of a scan does in one statement each.
private enum EndingStep: String, CaseIterable {
  case verdict, batch, end

  private var condition: String {
    switch self {
    case .verdict: "NEW.removal_verdict IS NOT NULL AND OLD.removal_verdict IS NULL"
    case .batch: "NEW.files_removed > OLD.files_removed"
    case .end: "NEW.completed_at IS NOT NULL"
    }
  }

  /// Makes the sleeper's statement stand in its middle, with its rows locked.
  var linger: String {
    """
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('application_name') LIKE '% sleeper-%' THEN PERFORM pg_sleep(600); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER linger BEFORE UPDATE ON scans FOR EACH ROW WHEN (\(condition)) EXECUTE FUNCTION linger()
    """
  }
}

extension StrippedScene {
  /// Another worker ends the scan without waiting for this one, which then wakes and changes nothing.
  fileprivate func expectTakenOver(from sleeper: ChildProcess, at step: String) throws {
    let claims = try expectFinalising("sleeper")
    // One slot: a lock that a busy machine lets expire is no other slot's then.
    try scene.worker("other", slots: 1)
    let recovery = try scene.timeUntilClaimedAgain(claims, since: .now)
    print("the end of a scan, frozen at \(step), went on after \(recovery)")
    let scan = try expectExactEnd()
    guard scan.slices_redone == 1 else { throw scene.broken("\(scan.slices_redone) slices ran twice") }
    guard try sleeper.isStopped() else { throw scene.broken("the scan waited for the sleeper") }
    let before = try contents()
    sleeper.send(SIGCONT)
    try scene.wait("the sleeper notices") { try scene.everySlotIsIdle(of: "sleeper") }
    guard try contents() == before else { throw scene.broken("the sleeper changed something") }
    try expectExactEnd()
  }

  /// All that a late step might change.
  private func contents() throws -> [String] {
    try scene.deployment.database.query(
      """
      SELECT t::text FROM scans t UNION ALL SELECT t::text FROM slices t UNION ALL SELECT t::text FROM staged_removals t
       UNION ALL SELECT t::text FROM directories t UNION ALL SELECT t::text FROM files t
       UNION ALL SELECT t::text FROM scan_events t ORDER BY 1
      """)
  }
}
