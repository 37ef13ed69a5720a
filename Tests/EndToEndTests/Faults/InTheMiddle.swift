import Foundation
import TestSupport

/// Where the newest scan stands while every process stands still.
struct Middle {
  let done: Int
  let open: Int
  /// Slices that are claimed: number and epoch by the slot that holds them.
  let claims: [Claim]

  struct Claim {
    let slice: String
    let epoch: Int
    /// `<worker>/<slot>`.
    let slot: String
  }

  func holds(_ worker: String) -> Bool { claims.contains { $0.slot.hasPrefix("\(worker)-") } }
}

extension FaultScene {
  /// Does harm in the middle of the newest scan: while it is `running`, with slices that are done and slices
  /// that are not, and every process stands still, so that a slow machine cannot miss the moment.
  ///
  /// - Parameter isTime: what more the moment must have.
  @discardableResult
  func duringScan<Result>(
    when isTime: (Middle) -> Bool = { !$0.claims.isEmpty }, _ harm: (Middle) throws -> Result
  ) throws -> Result {
    var result: Result?
    try wait("the scan is in its middle") {
      if let scan = try scan(), scan.hasEnded { throw broken("the scan ended before the fault") }
      result = try standingStill {
        guard let middle = try middle(), middle.done > 0, middle.open > 1, isTime(middle) else { return nil }
        return try harm(middle)
      }
      return result != nil
    }
    guard let result else { throw broken("no middle") }
    return result
  }

  /// `nil` unless the newest scan is `running`.
  func middle() throws -> Middle? {
    let rows = try deployment.database.query(
      """
      SELECT s.number, s.state, s.epoch, coalesce(s.worker, ''), sc.id FROM slices s JOIN scans sc ON sc.id = s.scan_id
       WHERE sc.status = 'running' AND sc.id = (SELECT max(id) FROM scans)
      """
    ).map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    guard !rows.isEmpty else { return nil }
    let claims = rows.filter { $0[1] == "running" }.map {
      Middle.Claim(slice: "\($0[4])/\($0[0])", epoch: Int($0[2]) ?? 0, slot: $0[3])
    }
    let done = rows.count { $0[1] == "done" }
    return Middle(done: done, open: rows.count - done, claims: claims)
  }

  /// Waits until each of these slices has been claimed anew, or is done, and answers with how long that took.
  func timeUntilClaimedAgain(_ claims: [Middle.Claim], since began: ContinuousClock.Instant) throws -> Duration {
    try wait("the killed slices run again", within: .seconds(60)) {
      try claims.allSatisfy(isClaimedAgain)
    }
    return ContinuousClock.now - began
  }

  private func isClaimedAgain(_ claim: Middle.Claim) throws -> Bool {
    guard let epoch = try epochs()[claim.slice] else { return true }
    return epoch > claim.epoch
  }

  /// The epochs of the newest scan's slices that are not done.
  func epochs() throws -> [String: Int] {
    let rows = try deployment.database.query(
      """
      SELECT scan_id || '/' || number, epoch FROM slices
       WHERE scan_id = (SELECT max(id) FROM scans) AND state <> 'done'
      """
    ).map { $0.split(separator: "\t").map(String.init) }
    return Dictionary(rows.map { ($0[0], Int($0[1]) ?? 0) }) { $1 }
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
