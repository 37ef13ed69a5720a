import Foundation
import TestSupport

/// A scan's row, as Postgres has it.
struct ScanRow: Decodable {
  let id: Int64
  let status: String
  let open_slices: Int64
  let files_seen: Int64
  let directories_seen: Int64
  let files_added: Int64
  let files_updated: Int64
  let files_moved: Int64
  let files_unchanged: Int64
  let files_removed: Int64
  let bytes_seen: Int64
  let errors_count: Int64
  let slices_redone: Int64
  let error_message: String?

  var hasEnded: Bool { !["pending", "running", "paused"].contains(status) }
}

/// An attempt that was counted: whose slice it was, and whether it was taken over as from a dead worker.
struct CountedAttempt {
  let isDeath: Bool
  /// One incarnation.
  let worker: String
  let detail: String
}

extension FaultScene {
  /// The library's newest scan; `nil` before its first.
  func scan() throws -> ScanRow? {
    try deployment.database.query("SELECT to_jsonb(s) - 'rules' FROM scans s ORDER BY id DESC LIMIT 1").first.map {
      try JSONDecoder().decode(ScanRow.self, from: Data($0.utf8))
    }
  }

  /// Waits for the newest scan's end.
  func endedScan() throws -> ScanRow {
    try wait("the scan ends") { try scan()?.hasEnded == true }
    guard let scan = try scan() else { throw broken("there is no scan") }
    return scan
  }

  /// The newest scan has ended `completed`, catalogue and counters are exactly the tree's, and nothing is left
  /// of it.
  ///
  /// - Parameter removed: how many files it must have found gone, where that is known.
  @discardableResult
  func expectExactEnd(removed: Int? = nil) throws -> ScanRow {
    let scan = try endedScan()
    let rows = try TreeRows(of: tree.root, in: deployment)
    var wrong = try rows.differences() + rows.miscounted()
    func require<Value: Equatable>(_ name: String, _ value: Value, _ expected: Value) {
      if value != expected { wrong.append("\(name) is \(value) and not \(expected)") }
    }
    require("status", scan.status, "completed")
    require("files_seen", scan.files_seen, try rows.files)
    require("directories_seen", scan.directories_seen, try rows.directories)
    require("bytes_seen", scan.bytes_seen, try rows.bytes)
    require(
      "the sum of the files' counters",
      scan.files_added + scan.files_updated + scan.files_moved + scan.files_unchanged, scan.files_seen)
    require("errors_count", scan.errors_count, 0)
    require("events that lack their detail", try eventsWithoutDetail(of: scan), [])
    if let removed { require("files_removed", scan.files_removed, Int64(removed)) }
    guard wrong.isEmpty else { throw broken("not exact: " + wrong.joined(separator: "; ")) }
    try expectNothingLeft()
    return scan
  }

  /// Writes down which row each file is; inodes of a tree in memory are not used again.
  func noteIDs() throws {
    try deployment.database.query(
      "DROP TABLE IF EXISTS known; CREATE TABLE known AS SELECT inode, id FROM files WHERE removed_at IS NULL")
  }

  /// Each file that was there then, under whatever name, is the same row now.
  func expectIDsKept() throws {
    let lost = try deployment.database.query(
      """
      SELECT convert_from(f.name, 'UTF8'), k.id, f.id FROM files f JOIN known k USING (inode)
       WHERE f.removed_at IS NULL AND f.id <> k.id LIMIT 5
      """)
    guard lost.isEmpty else { throw broken("files have other ids than before: \(lost)") }
  }

  /// No in-flight entry, lock, queued pointer, slice or staged removal outlives the scans. A slot finishes its
  /// job just after it has ended the scan, and what a dead one had in flight is returned by the reaper.
  func expectNothingLeft() throws {
    try wait("nothing is left") { try leftovers().isEmpty }
  }

  /// What tells of a repair, a return or a takeover says of what, from whom and why.
  private func eventsWithoutDetail(of scan: ScanRow) throws -> [String] {
    try deployment.database.query(
      """
      SELECT event, actor, detail FROM scan_events
       WHERE scan_id = \(scan.id)
         AND (actor IS NULL AND event <> 'admitted'
              OR event = 'repaired' AND NOT coalesce(detail ?& '{what,before,after}', false)
              OR event = 'slice_taken_over'
                 AND NOT coalesce(detail ?& '{slice,from,attempt,dead,terminated}' AND detail->>'from' <> actor, false)
              OR event = 'returned' AND NOT coalesce(detail ?& '{slice,worker,slot,reason}', false))
      """)
  }

  /// Outages are nobody's fault.
  func expectNoAttempts() throws {
    let counted = try attempts(after: 0)
    guard counted.isEmpty else { throw broken("attempts were counted: \(counted)") }
  }

  /// The attempts that scans after this one have counted. Each is counted with an event, in one transaction.
  func attempts(after scan: Int64) throws -> [CountedAttempt] {
    try deployment.database.query(
      """
      SELECT event, coalesce(detail->>'from', actor), detail FROM scan_events
       WHERE scan_id > \(scan)
         AND (event = 'slice_failed' OR event = 'slice_taken_over' AND (detail->>'dead')::boolean)
      """
    ).map { row in
      let fields = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3, let worker = fields[1].split(separator: "/").first else {
        throw broken("not an attempt: \(row)")
      }
      return CountedAttempt(isDeath: fields[0] == "slice_taken_over", worker: String(worker), detail: fields[2])
    }
  }

  /// Slices of the newest scan that show more attempts than were ever counted.
  func slicesWithUncountedAttempts() throws -> [String] {
    try deployment.database.query(
      """
      SELECT s.scan_id, s.number, s.attempts FROM slices s
       WHERE s.attempts > (
         SELECT count(*) FROM scan_events e
          WHERE e.scan_id = s.scan_id AND (e.detail->>'slice')::integer = s.number
            AND (e.event = 'slice_failed' OR e.event = 'slice_taken_over' AND (e.detail->>'dead')::boolean))
      """)
  }

  private func leftovers() throws -> [String] {
    let keys = try deployment.redis(["--scan", "--pattern", "\(deployment.prefix):*"]).split(separator: "\n")
    // Workers and reapers live on.
    let left = keys.filter { !$0.contains("}:worker") && !$0.contains("}:reaper:") }.map(String.init)
    guard left.isEmpty else { return left }
    return try deployment.database.query(
      """
      SELECT 'slice ' || scan_id || '/' || number FROM slices
      UNION ALL SELECT 'open slices of scan ' || id FROM scans WHERE open_slices <> 0
      UNION ALL SELECT 'staged removal of scan ' || scan_id FROM staged_removals
      """)
  }
}
