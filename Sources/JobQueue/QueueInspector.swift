import RedisClient
import ScanModel

/// Looks at queues from outside (for people), and pushes what an admission made. It reads bounded
/// portions, and what it reads in several commands may be of slightly different moments. One thread owns it.
public final class QueueInspector {
  private let connection: RedisConnection
  private let prefix: String

  /// How many workers of a queue are looked at, and how many entries of each in-flight list are shown.
  public static let mostWorkers = 1000
  public static let mostEntries = 10

  public init(connection: RedisConnection, prefix: String) {
    self.connection = connection
    self.prefix = prefix
  }

  public func lengths(of queue: String) throws(QueueError) -> QueueLengths {
    let keys = keys(queue)
    let counts = try attempting("count the entries of queue \(queue)") { () throws(RedisError) in
      try integers(connection.pipeline([["LLEN", keys.queue], ["LLEN", keys.dead], ["HLEN", keys.workers]]))
    }
    return QueueLengths(waiting: counts[0], dead: counts[1], workers: counts[2])
  }

  /// The registered workers of a queue, sorted by name; at most `mostWorkers`.
  public func workers(of queue: String) throws(QueueError) -> [RegisteredWorker] {
    let registrations = try attempting("list the workers of queue \(queue)") { () throws(RedisError) in
      try readRegistrations(keys(queue))
    }
    var workers: [RegisteredWorker] = []
    for (name, json) in registrations.sorted(by: { $0.key < $1.key }) {
      let worker = WorkerID(description: name)
      workers.append(
        try attempting("look at worker \(name) of queue \(queue)") { () throws(RedisError) in
          try look(at: worker, WorkerRegistration(json: json), keys(queue))
        })
    }
    return workers
  }

  /// Puts pointers at the back of a queue, in order. Not all of them may be there after an error.
  public func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError) {
    try attempting("push to queue \(queue)") { () throws(RedisError) in
      try connection.push(pointers, to: keys(queue).queue)
    }
  }
}

/// How much is on a queue.
public struct QueueLengths: Sendable, Equatable {
  /// Jobs that no slot has taken yet.
  public let waiting: Int
  /// Messages in the dead list.
  public let dead: Int
  /// Registered workers, dead ones too.
  public let workers: Int
}

/// A worker in a queue's hash of workers.
public struct RegisteredWorker: Sendable, Equatable {
  public let worker: WorkerID
  /// `nil`: its entry in the hash cannot be read, so that its in-flight lists are unknown.
  public let registration: WorkerRegistration?
  /// Its heartbeat as it wrote it, one line of JSON; `nil`: it is dead.
  public let heartbeat: String?
  /// How many jobs its slots have taken from this queue and not yet finished.
  public let inflightCount: Int
  /// The newest of them; at most `QueueInspector.mostEntries` of a slot.
  public let inflight: [InflightEntry]
}

public struct InflightEntry: Sendable, Equatable {
  public let slot: SlotID
  public let payload: [UInt8]
}

extension QueueInspector {
  private func keys(_ queue: String) -> QueueKeys { QueueKeys(prefix: prefix, queue: queue) }

  /// HSCAN may return a field twice, hence the dictionary.
  private func readRegistrations(_ keys: QueueKeys) throws(RedisError) -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    var cursor: RedisArgument = "0"
    repeat {
      let reply = try connection.command("HSCAN", keys.workers, cursor, "COUNT", "100")
      guard let parts = reply.array, parts.count == 2, let next = parts[0].bytes, let pairs = parts[1].array else {
        throw unexpected(reply)
      }
      for index in stride(from: 0, to: pairs.count - 1, by: 2) {
        guard let name = pairs[index].text, let json = pairs[index + 1].bytes else { throw unexpected(reply) }
        if found.count < Self.mostWorkers { found[name] = json }
      }
      cursor = RedisArgument(next)
    } while cursor != "0" && found.count < Self.mostWorkers
    return found
  }

  private func look(
    at worker: WorkerID, _ registration: WorkerRegistration?, _ keys: QueueKeys
  ) throws(RedisError) -> RegisteredWorker {
    let slots = (0..<(registration?.slots ?? 0)).map { SlotID(worker: worker, index: $0) }
    let heartbeat = try connection.command("GET", keys.worker(worker)).text
    let counts = try integers(try connection.pipeline(slots.map { ["LLEN", keys.inflight($0)] }))
    let busy = zip(slots, counts).filter { $0.1 > 0 }.map(\.0)
    let last = RedisArgument(Self.mostEntries - 1)
    let lists = try connection.pipeline(busy.map { ["LRANGE", keys.inflight($0), "0", last] })
    var entries: [InflightEntry] = []
    for (slot, list) in zip(busy, lists) {
      entries += (list.array ?? []).compactMap(\.bytes).map { InflightEntry(slot: slot, payload: $0) }
    }
    return RegisteredWorker(
      worker: worker, registration: registration, heartbeat: heartbeat,
      inflightCount: counts.reduce(0, +), inflight: entries)
  }

  private func integers(_ replies: [RedisValue]) throws(RedisError) -> [Int] {
    var numbers: [Int] = []
    for reply in replies {
      guard let number = reply.integer else { throw unexpected(reply) }
      numbers.append(Int(number))
    }
    return numbers
  }

  private func unexpected(_ reply: RedisValue) -> RedisError {
    .protocolViolation(endpoint: connection.endpoint.description, reason: "unexpected reply \(reply)")
  }
}
