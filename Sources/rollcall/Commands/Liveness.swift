import Catalog
import JobQueue
import ScanModel

/// Whether a live worker holds a slice of a scan: the catalogue knows who has claimed, Redis who is alive.
struct Liveness {
  let catalog: Catalog
  let queues: RedisQueues

  /// What Redis says of some scans.
  struct Answer {
    /// In the scans' order; `nil` for one that has ended, or where Redis cannot be asked.
    let alive: [Bool?]
    /// Why Redis could not be asked.
    let trouble: QueueError?

    /// A scan can be shown without it, for the catalogue has the truth: what is unknown is said to be. Only what
    /// somebody must mend in Redis is told.
    func told() -> [Bool?] {
      if let trouble, !trouble.isOutage { complain("whether workers are alive is not known: \(trouble)") }
      return alive
    }
  }

  /// `nil` for a scan that has ended, or where Redis cannot be asked.
  func isAlive(_ scan: ScanRecord) throws(CatalogError) -> Bool? { try areAlive([scan]).told()[0] }

  /// The same for many scans: every queue is asked once, and a Redis that is away is waited for once.
  func areAlive(_ scans: [ScanRecord]) throws(CatalogError) -> Answer {
    let alive: [String: [String]]
    do throws(QueueError) { alive = try liveWorkers(of: Set(scans.filter(\.status.isActive).map(\.queue))) } catch {
      return Answer(alive: scans.map { _ in nil }, trouble: error)
    }
    var answers: [Bool?] = []
    for scan in scans {
      guard scan.status.isActive else {
        answers.append(nil)
        continue
      }
      let workers = alive[scan.queue, default: []]
      let slots = try catalog.workers(of: scan.id)
      answers.append(slots.contains { slot in workers.contains { slot.hasPrefix("\($0)/") } })
    }
    return Answer(alive: answers, trouble: nil)
  }

  /// By queue.
  private func liveWorkers(of names: Set<String>) throws(QueueError) -> [String: [String]] {
    var alive: [String: [String]] = [:]
    for name in names {
      alive[name] = try queues.workers(of: name).filter { $0.heartbeat != nil }.map { "\($0.worker)" }
    }
    return alive
  }
}

extension Environment {
  /// Shows scans as one JSON array.
  func print(json scans: [ScanRecord], _ liveness: Liveness) throws {
    var array = JSONArrayWriter(.output)
    for (scan, isAlive) in zip(scans, try liveness.areAlive(scans).told()) {
      try array.append(ScanDocument(scan, heartbeatAlive: isAlive))
    }
    try array.finish()
  }
}
