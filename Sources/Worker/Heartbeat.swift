import Foundation
import JobQueue
import Logging
import ScanModel

/// The heartbeat: writes the worker's line and renews its slots' locks, on a thread and a connection of
/// its own, so that no work can starve it. It talks to Redis only.
final class Heartbeat {
  private let redis: RedisHeartbeat
  private let settings: WorkerSettings
  private let activities: [SlotActivity]
  private let shared: WorkerShared
  private let registration: WorkerRegistration
  private let logger: Logger
  private var lastEntries: Int64 = 0
  private var lastBeat = ContinuousClock.now

  init(
    redis: RedisHeartbeat, settings: WorkerSettings, activities: [SlotActivity], registration: WorkerRegistration,
    shared: WorkerShared, logger: Logger
  ) {
    self.redis = redis
    self.settings = settings
    self.activities = activities
    self.shared = shared
    self.logger = logger
    self.registration = registration
  }

  /// The first beat, which registers the worker: before it no slot may take anything.
  func register() throws { try beat() }

  /// Beats until `isOver`; a failed beat is tried again sooner than a renewal is due.
  func run(until isOver: () -> Bool, wait: (Duration) -> Void) {
    while !isOver() {
      var pause = settings.lockRenew
      let asked = ContinuousClock.now
      do {
        for step in [renew, beat] { try attempt(step) }
        shared.redisOutage.end(asked: asked)
      } catch {
        shared.redisOutage.begin("\(error)")
        pause = min(pause, .milliseconds(500)) * Double.random(in: 0.5...1)
      }
      wait(pause)
    }
  }

  /// Ends the registration; a job that is still in flight keeps it, so that the job can be found.
  func unregister() throws { try redis.unregister(slots: settings.slots) }

  /// What is wrong with a queue's keys keeps no other queue from its beats and renewals, and is no outage.
  private func attempt(_ step: () throws -> Void) throws {
    do { try step() } catch let error as QueueError where !error.isOutage {
      shared.complaints.make("a heartbeat's key in Redis is refused", error: error.description)
    }
  }

  private func renew() throws {
    var refusal: QueueError?
    try shared.board.renew { (held) throws(QueueError) in
      var lost: [SlotID] = []
      for (queue, entries) in Dictionary(grouping: held, by: \.job.queue) {
        for (entry, outcome) in try outcomes(entries, in: queue, &refusal) {
          log(entry, outcome)
          if outcome == .lost { lost.append(entry.slot) }
        }
      }
      return lost
    }
    if let refusal { throw refusal }
  }

  /// Without the jobs that are refused.
  private func outcomes(
    _ entries: [HeartbeatBoard.Entry], in queue: String, _ refusal: inout QueueError?
  ) throws(QueueError) -> [(HeartbeatBoard.Entry, RenewOutcome)] {
    let jobs = entries.map { LockedJob(slot: $0.slot, lock: $0.lock, payload: $0.job.payload) }
    do {
      return Array(zip(entries, try redis.renew(jobs, in: queue, lockTTL: settings.lockTTL)))
    } catch {
      guard !error.isOutage else { throw error }
      guard entries.count > 1 else {
        refusal = refusal ?? error
        return []
      }
    }
    var all: [(HeartbeatBoard.Entry, RenewOutcome)] = []
    for entry in entries { all += try outcomes([entry], in: queue, &refusal) }
    return all
  }

  private func log(_ entry: HeartbeatBoard.Entry, _ outcome: RenewOutcome) {
    let metadata: Logger.Metadata = ["slice": "\(entry.lock.slice)", "slot": "\(entry.slot)"]
    switch outcome {
    case .renewed: break
    case .restored: logger.notice("Redis had forgotten a lock; it is set again", metadata: metadata)
    case .lost: logger.warning("lost a lock to another worker; giving the slice up", metadata: metadata)
    }
  }

  private func beat() throws {
    let line = line()
    // As long as the locks: a worker is dead when none of its work can be its own any more.
    try redis.beat(json: try line.json(), registration: registration, ttl: settings.lockTTL)
  }

  private func line() -> HeartbeatLine {
    let entries = activities.reduce(0) { $0 + $1.totalEntries }
    let seconds = (ContinuousClock.now - lastBeat) / .seconds(1)
    let rate = seconds > 0 ? Double(entries - lastEntries) / seconds : 0
    (lastEntries, lastBeat) = (entries, .now)
    let usage = ProcessUsage.now()
    return HeartbeatLine(
      host: settings.host, pid: ProcessInfo.processInfo.processIdentifier, version: settings.version,
      queues: settings.queues, slots: activities.map(describe), roots: shared.health.roots(patience: Health.patience),
      rssBytes: usage.rssBytes,
      cpuSeconds: (usage.cpuSeconds * 100).rounded() / 100, filesPerSecond: (rate * 10).rounded() / 10)
  }

  private func describe(_ activity: SlotActivity) -> HeartbeatLine.Slot {
    let progressAge = activity.idleTime.milliseconds
    guard let entry = shared.board.entry(of: activity.slot) else {
      return HeartbeatLine.Slot(slot: activity.slot.index, state: "idle", progressAgeMs: progressAge)
    }
    return HeartbeatLine.Slot(
      slot: activity.slot.index, state: entry.kind?.rawValue ?? "claiming", library: entry.library,
      scan: entry.lock.slice.scan.rawValue, slice: "\(entry.lock.slice)",
      ageMs: (ContinuousClock.now - entry.since).milliseconds, progressAgeMs: progressAge,
      entries: activity.currentEntries)
  }
}
