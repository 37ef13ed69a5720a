import Foundation
import TestSupport

/// Where the newest scan stands while every process stands still.
struct Middle {
  let done: Int
  let open: Int
  /// Slices that are claimed: number and epoch by the slot that holds them.
  let claims: [Claim]

  struct Claim: Hashable {
    let scan: Int64
    let number: Int
    let epoch: Int
    /// `<worker>/<slot>`.
    let slot: String
    let attempts: Int

    /// What became of it since its worker died or froze.
    enum Fate: String {
      case waits
      case claimedAgain
      /// Its commit was under way.
      case committed
    }
  }

  func claims(of worker: String) -> [Claim] { claims.filter { $0.slot.hasPrefix("\(worker)-") } }

  /// Whether it holds a slice that two workers have died of already. At the third death it would be taken for
  /// poisonous, and rightly so.
  func holdsLastAttempt(_ worker: String) -> Bool { claims(of: worker).contains { $0.attempts >= 2 } }

  func holds(_ worker: String) -> Bool { !claims(of: worker).isEmpty }
}

extension FaultScene {
  /// Does harm in the middle of the newest scan: while it is `running`, with slices that are done and slices
  /// that are not, and every process stands still, so that a slow machine cannot miss the moment. A scan that was over
  /// before anybody looked is followed by another one.
  ///
  /// - Parameter isTime: what more the moment must have.
  @discardableResult
  func duringScan<Result>(
    when isTime: (Middle) -> Bool = { !$0.claims.isEmpty }, _ harm: (Middle) throws -> Result
  ) throws -> Result {
    var result: Result?
    try wait("the scan is in its middle") {
      if let scan = try scan(), scan.hasEnded {
        guard scan.status == "completed" else { throw broken("the scan ended \(scan.status) before the fault") }
        try requestScan()
      }
      result = try standingStill {
        guard try nothingIsUnderWay(), let middle = try middle(), middle.done > 0, middle.open > 1, isTime(middle)
        else { return nil }
        return try harm(middle)
      }
      return result != nil
    }
    guard let result else { throw broken("no middle") }
    return result
  }

  /// Nothing that was asked of Postgres before everything stood still is being done yet, such as a commit: it waits
  /// for a client or a lock at most.
  private func nothingIsUnderWay() throws -> Bool {
    try deployment.database.query(
      """
      SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'rollcall%' AND state = 'active'
         AND coalesce(wait_event_type, '') NOT IN ('Client', 'Lock')
      """
    ).isEmpty
  }

  /// `nil` unless the newest scan is `running`.
  func middle() throws -> Middle? {
    let rows = try deployment.database.query(
      """
      SELECT s.number, s.state, s.epoch, coalesce(s.worker, ''), sc.id, s.attempts
        FROM slices s JOIN scans sc ON sc.id = s.scan_id
       WHERE sc.status = 'running' AND sc.id = (SELECT max(id) FROM scans)
      """
    ).map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    guard !rows.isEmpty else { return nil }
    let claims = try rows.filter { $0[1] == "running" }.map { row in
      guard let scan = Int64(row[4]), let number = Int(row[0]), let epoch = Int(row[2]), let attempts = Int(row[5])
      else {
        throw broken("not a slice: \(row)")
      }
      return Middle.Claim(scan: scan, number: number, epoch: epoch, slot: row[3], attempts: attempts)
    }
    let done = rows.count { $0[1] == "done" }
    return Middle(done: done, open: rows.count - done, claims: claims)
  }

  /// Waits until each of these slices, of which one at least must be claimed anew, is so or is done, and answers
  /// with how long that took.
  func timeUntilClaimedAgain(_ claims: [Middle.Claim], since began: ContinuousClock.Instant) throws -> Duration {
    guard !claims.isEmpty else { throw broken("nobody held a slice") }
    var fates: [Middle.Claim: Middle.Claim.Fate] = [:]
    try wait("the slices run again") {
      fates = try self.fates(of: claims)
      return !fates.values.contains(.waits)
    }
    let time = ContinuousClock.now - began
    guard fates.values.contains(.claimedAgain) else { throw broken("no slice ran again: \(fates)") }
    return time
  }

  /// What has become of claims. Whoever takes a slice over tells of it in the transaction that claims it, so that
  /// one which is done again by the next look is not missed.
  func fates(of claims: [Middle.Claim]) throws -> [Middle.Claim: Middle.Claim.Fate] {
    let values = claims.enumerated().map { "(\($0), \($1.scan), \($1.number), \($1.epoch), '\($1.slot)')" }
    let rows = try deployment.database.query(
      """
      SELECT CASE WHEN s.epoch > c.epoch OR EXISTS (
                    SELECT 1 FROM scan_events e
                     WHERE e.scan_id = c.scan AND e.event = 'slice_taken_over'
                       AND (e.detail->>'slice')::integer = c.number AND e.detail->>'from' = c.slot)
                  THEN 'claimedAgain' WHEN s.state <> 'done' THEN 'waits' ELSE 'committed' END
        FROM (VALUES \(values.joined(separator: ", "))) AS c (place, scan, number, epoch, slot)
        LEFT JOIN slices s ON s.scan_id = c.scan AND s.number = c.number
       ORDER BY c.place
      """)
    let fates = rows.compactMap(Middle.Claim.Fate.init(rawValue:))
    guard fates.count == claims.count else { throw broken("\(claims) became \(rows)") }
    return Dictionary(uniqueKeysWithValues: zip(claims, fates))
  }
}

extension FaultScene {
  /// Whether a worker's heartbeat says that none of its slots has a job.
  func everySlotIsIdle(of name: String) throws -> Bool {
    let keys = try deployment.redis(["KEYS", deployment.key("worker:\(name)-*")])
    guard let key = keys.split(separator: "\n").first else { return false }
    let line = try deployment.redis(["GET", String(key)])
    return line.contains("\"state\":\"idle\"") && !line.contains("\"slice\"")
  }
}

extension ChildProcess {
  /// Whether a signal has stopped it (proc(5)).
  func isStopped() throws -> Bool {
    let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return text.split(separator: ")").last?.hasPrefix(" T") == true
  }
}
