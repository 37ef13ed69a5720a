import JobQueue
import ScanModel

/// The model of the queue: what the scripts' contracts say, in plain Swift. Not safe for several threads.
public final class MemoryQueueServer {
  /// The next job to be taken comes first.
  private var queues: [String: [[UInt8]]] = [:]
  /// What a slot has taken from a queue.
  public struct InflightList: Hashable {
    public let slot: SlotID
    public let queue: String
  }

  /// The newest first. A list without entries is not there.
  private var lists: [InflightList: [[UInt8]]] = [:]
  private var locks: [String: String] = [:]
  private var dead: [String: [BuriedJob]] = [:]
  /// Heartbeats, by queue.
  private var live: [String: Set<WorkerID>] = [:]

  public init() {}

  /// The queue as one slot sees it.
  public func slot(_ slot: SlotID, queues: [String]) -> any SlotQueue {
    MemorySlotQueue(server: self, slot: slot, queues: queues)
  }

  /// The jobs that wait, the next one to be taken first.
  public func waiting(_ queue: String) -> [[UInt8]] { queues[queue, default: []] }
  /// The newest first.
  public func inflight(_ slot: SlotID, _ queue: String) -> [[UInt8]] {
    lists[InflightList(slot: slot, queue: queue), default: []]
  }
  /// All that are there.
  public var inflightLists: [InflightList] { Array(lists.keys) }
  /// The newest first.
  public func buried(_ queue: String) -> [BuriedJob] { dead[queue, default: []] }
  /// The token of a slice's lock.
  public func lock(_ slice: SliceID, _ queue: String) -> String? { locks["\(queue) \(slice)"] }
  /// The tokens of all locks.
  public var allLocks: [String] { locks.values.sorted() }

  public func isAlive(_ worker: WorkerID, _ queue: String) -> Bool { live[queue, default: []].contains(worker) }

  /// A worker's heartbeat.
  public func beat(_ worker: WorkerID, _ queue: String) { live[queue, default: []].insert(worker) }
  /// The heartbeat's time to live is over.
  public func expireHeartbeat(_ worker: WorkerID, _ queue: String) { live[queue]?.remove(worker) }

  /// A producer's LPUSH.
  public func push(_ message: [UInt8], to queue: String) { put(message, on: queue, at: .back) }
  public func setLock(_ slice: SliceID, _ queue: String, to token: String) { locks["\(queue) \(slice)"] = token }
  /// The lock's time to live is over.
  public func expireLock(token: String) { locks = locks.filter { $0.value != token } }

  /// A heartbeat's renewal of one job.
  public func renew(_ job: LockedJob, in queue: String) -> RenewOutcome {
    let token = "\(job.slot)/\(job.lock.claim)"
    guard let holder = lock(job.lock.slice, queue) else {
      setLock(job.lock.slice, queue, to: token)
      if !inflight(job.slot, queue).contains(job.payload) {
        lists[InflightList(slot: job.slot, queue: queue), default: []].insert(job.payload, at: 0)
      }
      return .restored
    }
    return holder == token ? .renewed : .lost
  }

  /// The server loses a queue.
  public func forgetWaiting(_ queue: String) { queues[queue] = nil }
  /// The server loses a slot's in-flight list.
  public func forgetInflight(_ slot: SlotID, _ queue: String) { lists[InflightList(slot: slot, queue: queue)] = nil }

  /// The server loses everything.
  public func forget() {
    registrations = [:]
    markers = []
    queues = [:]
    lists = [:]
    locks = [:]
    dead = [:]
    live = [:]
  }

  func take(_ queue: String, _ slot: SlotID) -> TakenJob? {
    guard let payload = queues[queue]?.first else { return nil }
    queues[queue]?.removeFirst()
    lists[InflightList(slot: slot, queue: queue), default: []].insert(payload, at: 0)
    return TakenJob(queue: queue, payload: payload)
  }

  /// Removes one copy and says whether there was one.
  func remove(_ job: TakenJob, _ slot: SlotID) -> Bool {
    let key = InflightList(slot: slot, queue: job.queue)
    guard var list = lists[key], let index = list.firstIndex(of: job.payload) else { return false }
    list.remove(at: index)
    lists[key] = list.isEmpty ? nil : list
    return true
  }

  func release(_ lock: HeldLock?, _ queue: String, _ slot: SlotID) {
    guard let lock, self.lock(lock.slice, queue) == "\(slot)/\(lock.claim)" else { return }
    locks["\(queue) \(lock.slice)"] = nil
  }

  func put(_ payload: [UInt8], on queue: String, at end: QueueEnd) {
    switch end {
    case .front: queues[queue, default: []].insert(payload, at: 0)
    case .back: queues[queue, default: []].append(payload)
    }
  }

  func bury(_ job: BuriedJob, _ queue: String) { dead[queue, default: []].insert(job, at: 0) }

  // MARK: For reapers

  /// How many slots a worker has, by queue.
  var registrations: [String: [WorkerID: Int]] = [:]
  var markers: Set<String> = []

  /// What a worker writes before its first take.
  public func register(_ worker: WorkerID, slots: Int, _ queue: String) {
    registrations[queue, default: [:]][worker] = slots
  }

  public func isRegistered(_ worker: WorkerID, _ queue: String) -> Bool { registrations[queue]?[worker] != nil }

  /// The queues as a reaper sees them.
  public func sweepQueue(of reaper: String) -> any SweepQueue { MemorySweepQueue(server: self, reaper: reaper) }
}

/// An entry of a dead list.
public struct BuriedJob: Sendable, Equatable {
  public let payload: [UInt8]
  public let reason: String
  public let worker: WorkerID
}
