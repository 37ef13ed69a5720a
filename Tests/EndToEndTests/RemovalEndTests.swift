import Foundation
import TestSupport
import Testing

/// A library of twelve files and one directory with three, of which five files and the directory are gone, and
/// which lets none go by itself.
private struct HeldLibrary {
  static let gone = 8
  static let kept = 7

  let tree: TestTree
  let deployment: TestDeployment
  let worker: ChildProcess

  /// - Parameter rules: beside the removal limits.
  init(settings: [String: String] = [:], _ rules: String...) throws {
    tree = try TestTree()
    try tree.directory("d")
    for index in 0..<3 { try tree.file("d/\(index)") }
    for index in 0..<12 { try tree.file("\(index)") }
    deployment = try TestDeployment(settings: settings)
    let limits = ["--removal-limit", "0", "--removal-limit-percent", "0"]
    try deployment.succeed(["library", "add", "x", tree.root] + limits + rules)
    worker = try deployment.worker()
    #expect(try deployment.scan().exitCode == 0)
  }

  func remove() throws {
    for index in 0..<5 { unlink(tree.path("\(index)")) }
    try FileManager.default.removeItem(atPath: tree.path("d"))
  }

  /// Scans after the removal; the scan that holds it.
  func hold() throws -> ScanResult {
    try remove()
    let scan = try deployment.scan()
    #expect(scan.exitCode == 3)
    try expect(scan.id, "partial hold", removed: 0, held: Self.gone, live: Self.kept + Self.gone, staged: 6)
    return scan
  }

  /// - Parameters:
  ///   - standing: the scan's status and verdict.
  ///   - live: files that are no tombstones.
  ///   - staged: rows of the scan's that wait to be removed.
  func expect(
    _ scan: Int64, _ standing: String, removed: Int, held: Int, live: Int, staged: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let facts = try deployment.database.query(
      """
      SELECT concat_ws(' ', status, removal_verdict), files_removed, removals_held, open_slices,
             (SELECT count(*) FROM files WHERE removed_at IS NULL), (SELECT count(*) FROM files WHERE removed_at IS NOT NULL),
             (SELECT count(*) FROM staged_removals r WHERE r.scan_id = s.id), (SELECT count(*) FROM slices),
             (SELECT count(*) FROM scan_changes c WHERE c.scan_id = s.id AND c.change = 'r'),
             files_seen - files_added - files_updated - files_unchanged
        FROM scans s WHERE id = \(scan)
      """)
    let tombstones = Self.kept + Self.gone - live
    #expect(
      facts == ["\(standing)\t\(removed)\t\(held)\t0\t\(live)\t\(tombstones)\t\(staged)\t0\t\(removed)\t0"],
      sourceLocation: sourceLocation)
  }

  /// What has happened to a scan since it was begun.
  func events(_ scan: Int64) throws -> [String] {
    try deployment.database.query(
      "SELECT event FROM scan_events WHERE scan_id = \(scan) AND event NOT IN ('admitted', 'started', 'preflight') ORDER BY id"
    )
  }

  /// A scan of what is there, all of whose removals are let go, leaves the catalogue exact.
  func expectExactScan(removed: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try deployment.succeed(["library", "set", "x", "--removal-limit", "1000"])
    let scan = try deployment.scan()
    #expect(scan.exitCode == 0, sourceLocation: sourceLocation)
    #expect(scan.filesRemoved == removed, sourceLocation: sourceLocation)
    #expect(try TreeRows(of: tree.root, in: deployment).differences() == [], sourceLocation: sourceLocation)
    try deployment.expectNothingLeft(sourceLocation: sourceLocation)
  }

  func confirm(_ scan: Int64) throws -> ScanResult {
    try ScanResult(deployment.run(["confirm", "\(scan)", "--wait", "--json"]))
  }
}

extension EndToEnd {
  /// Every way in which a scan that misses something can end, and what the catalogue is then. That its workers die
  /// meanwhile is for `Faults`.
  @Suite struct RemovalEndTests {
    @Test func `completed or partial: what is missing is gone`() throws {
      for rules in [[], ["--extensions", "none"]] as [[String]] {
        let library = try HeldLibrary()
        if !rules.isEmpty {
          try library.tree.file("rejected.txt")
          try library.deployment.succeed(["library", "set", "x", "--extensions", "txt", "--max-size", "1"])
          try library.tree.file("large.txt", bytes: 100)
        }
        try library.deployment.succeed(["library", "set", "x", "--removal-limit", "1000"])
        try library.remove()
        let scan = try library.deployment.scan()
        if rules.isEmpty {
          try library.expect(scan.id, "completed apply", removed: 8, held: 0, live: 7, staged: 0)
          #expect(try library.events(scan.id) == ["removals_applied", "completed"])
        } else {
          // What a rule excludes goes as such.
          #expect(scan.exitCode == 3)
          #expect(scan.filesRemoved == 15)
          #expect(scan.removalsHeld == 0)
          #expect(try library.deployment.database.query("SELECT count(*) FROM files WHERE removed_at IS NULL") == ["1"])
        }
        try library.deployment.expectNothingLeft()
      }
    }

    @Test func `held, and confirmed late: what is still missing is gone, what is there again stays`() throws {
      let library = try HeldLibrary()
      let held = try library.hold()
      try library.tree.file("0")
      let scan = try library.confirm(held.id)
      #expect(scan.exitCode == 0)
      #expect(scan.id == held.id)
      #expect(scan.message == nil)
      try library.expect(scan.id, "completed apply", removed: 7, held: 0, live: 8, staged: 0)
      #expect(
        try library.events(scan.id) == [
          "removals_held", "partial", "removals_confirmed", "removals_applied", "completed",
        ])
      let again = try library.deployment.run(["confirm", "\(scan.id)"])
      #expect(again.code == 1)
      #expect(again.errors.contains("holds no removals"))
      try library.expectExactScan(removed: 0)
    }

    @Test func `held, and discarded: nothing is gone, and the next scan holds it again`() throws {
      let library = try HeldLibrary()
      let held = try library.hold()
      let ended = try library.deployment.run(["discard", "\(held.id)", "--json"])
      let discarded = try ScanResult(ended)
      #expect(ended.code == 0)
      #expect(discarded.removalsHeld == 0)
      try library.expect(held.id, "partial discard", removed: 0, held: 0, live: 15, staged: 0)
      #expect(try library.events(held.id) == ["removals_held", "partial", "removals_discarded"])
      #expect(try library.deployment.run(["confirm", "\(held.id)"]).code == 1)
      let next = try library.deployment.scan()
      try library.expect(next.id, "partial hold", removed: 0, held: 8, live: 15, staged: 6)
      try library.expectExactScan(removed: 8)
    }

    @Test func `held, and followed by a newer scan: only the newer one can be confirmed`() throws {
      let library = try HeldLibrary()
      let held = try library.hold()
      let next = try library.deployment.scan()
      try library.expect(next.id, "partial hold", removed: 0, held: 8, live: 15, staged: 6)
      let refused = try library.deployment.run(["confirm", "\(held.id)"])
      #expect(refused.code == 1)
      #expect(refused.errors.contains("scan \(next.id) of library x is newer"), "\(refused.errors)")
      try library.expect(next.id, "partial hold", removed: 0, held: 8, live: 15, staged: 6)
      #expect(try library.confirm(next.id).exitCode == 0)
      try library.expect(next.id, "completed apply", removed: 8, held: 0, live: 7, staged: 0)
    }

    @Test func `held, and confirmed while the root is away: held again`() throws {
      let library = try HeldLibrary(settings: ["ROLLCALL_RETRY_INTERVAL": "200ms"])
      let held = try library.hold()
      #expect(rename(library.tree.root, library.tree.outside("aside")) == 0)
      let scan = try library.confirm(held.id)
      #expect(scan.exitCode == 3)
      #expect(scan.message?.contains("mount") == true, "\(scan.message ?? "no message")")
      try library.expect(held.id, "partial hold", removed: 0, held: 8, live: 15, staged: 6)
      #expect(rename(library.tree.outside("aside"), library.tree.root) == 0)
      #expect(try library.confirm(held.id).exitCode == 0)
      try library.expect(held.id, "completed apply", removed: 8, held: 0, live: 7, staged: 0)
    }

    @Test func `failed: nothing is gone, and the next scan finds all of it`() throws {
      let library = try HeldLibrary(settings: ["ROLLCALL_RETRY_INTERVAL": "200ms"])
      try library.remove()
      #expect(rename(library.tree.root, library.tree.outside("aside")) == 0)
      let scan = try library.deployment.scan()
      #expect(scan.exitCode == 1)
      try library.expect(scan.id, "failed", removed: 0, held: 0, live: 15, staged: 0)
      #expect(rename(library.tree.outside("aside"), library.tree.root) == 0)
      try library.expectExactScan(removed: 8)
    }

    @Test func `cancelled in the walk: nothing is gone, its worker commits nothing more, and the next scan finds all`()
      throws
    {
      let library = try HeldLibrary()
      try library.remove()
      // A commit that waits until the scan is cancelled.
      try library.deployment.database.query(
        """
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_advisory_xact_lock_shared(4711);
          RETURN NEW;
        END $$;
        CREATE TRIGGER linger BEFORE INSERT ON staged_removals FOR EACH ROW EXECUTE FUNCTION linger();
        """)
      let gate = try Gate(library.deployment)
      try library.deployment.succeed(["scan", "x"])
      try gate.waitForVisitor()
      let ended = try library.deployment.run(["cancel", "x", "--json"])
      #expect(ended.code == 0)
      let scan = try ScanResult(ended)
      #expect(scan.status == "cancelled")
      try gate.open()
      try eventually("the worker has given up its slice") {
        try library.deployment.database.query("SELECT 1 FROM slices").isEmpty
      }
      try library.expect(scan.id, "cancelled", removed: 0, held: 0, live: 15, staged: 0)
      #expect(try library.events(scan.id) == ["cancelled"])
      let again = try library.deployment.run(["cancel", "x"])
      #expect(again.code == 1)
      #expect(again.errors.contains("no active scan"))
      try library.deployment.expectNothingLeft()
      try library.expectExactScan(removed: 8)
      #expect(library.worker.isRunning)
    }

    @Test func `cancelled before anybody began: nothing is gone, and its pointer is passed over`() throws {
      let library = try HeldLibrary()
      try library.remove()
      library.worker.send(SIGTERM)
      #expect(try library.worker.wait().code == 0)
      try library.deployment.succeed(["scan", "x"])
      let scan = try ScanResult(library.deployment.run(["cancel", "x", "--json"]))
      #expect(scan.status == "cancelled")
      try library.expect(scan.id, "cancelled", removed: 0, held: 0, live: 15, staged: 0)
      let worker = try library.deployment.worker()
      try library.expectExactScan(removed: 8)
      #expect(worker.isRunning)
    }
  }
}

/// A lock that whoever stages a row waits for.
private final class Gate {
  private let deployment: TestDeployment
  private let keeper: ChildProcess

  init(_ deployment: TestDeployment) throws {
    self.deployment = deployment
    keeper = try ChildProcess(
      [
        "psql", deployment.database.url, "--no-psqlrc", "-c", "SELECT pg_advisory_lock(4711)", "-c",
        "SELECT pg_sleep(600)",
      ])
    try eventually("the gate is shut") {
      try !deployment.database.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND granted")
        .isEmpty
    }
  }

  func waitForVisitor() throws {
    try eventually("somebody stages") {
      try !deployment.database.query(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
      ).isEmpty
    }
  }

  /// Ends the session that holds it.
  func open() throws {
    try deployment.database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND granted AND mode = 'ExclusiveLock'"
    )
    _ = try keeper.wait()
  }
}
