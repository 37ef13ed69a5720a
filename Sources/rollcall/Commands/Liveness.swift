import Catalog
import JobQueue
import ScanModel

/// Whether a live worker holds a slice of a scan: the catalogue knows who has claimed, Redis who is alive.
struct Liveness {
  let catalog: Catalog
  let queues: RedisQueues

  /// `nil` for a scan that has ended, or where Redis cannot be asked.
  func isAlive(_ scan: ScanRecord) throws(CatalogError) -> Bool? { try areAlive([scan])[0] }

  /// The same for many scans: every queue is asked once, and a Redis that is away is waited for once.
  func areAlive(_ scans: [ScanRecord]) throws(CatalogError) -> [Bool?] {
    guard let alive = liveWorkers(of: Set(scans.filter(\.status.isActive).map(\.queue))) else {
      return scans.map { _ in nil }
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
    return answers
  }

  /// By queue; `nil` where Redis cannot be asked. A scan can be shown without it, for the catalogue has the
  /// truth: what is unknown is said to be.
  private func liveWorkers(of names: Set<String>) -> [String: [String]]? {
    var alive: [String: [String]] = [:]
    for name in names {
      do {
        alive[name] = try queues.workers(of: name).filter { $0.heartbeat != nil }.map { "\($0.worker)" }
      } catch {
        return nil
      }
    }
    return alive
  }
}
