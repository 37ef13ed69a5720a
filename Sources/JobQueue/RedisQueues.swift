import RedisClient
import ScanModel

/// All queues from outside, for commands: what is on them and who serves them; and where an admission's
/// pointers go. It reads bounded portions, and what it reads in several commands may be of slightly
/// different moments. One thread owns it.
public final class RedisQueues {
  private let connection: RedisConnection
  private let prefix: String

  /// How many workers of a queue are looked at.
  public static let mostWorkers = 1000
  /// How many queues a look through all keys finds, and through how many portions of 1,000 keys it goes.
  static let mostQueues = 1000, mostPortions = 2000
  /// How many waiting messages are read at a time, each of which may be as large as a request; and how often.
  static let messagesPerPage = 100, messagePages = 100

  public init(connection: RedisConnection, prefix: String) {
    self.connection = connection
    self.prefix = prefix
  }

  /// The queues of which Redis has anything, whoever uses them.
  public func discover() throws(QueueError) -> DiscoveredQueues {
    var names: Set<String> = []
    var cursor: ScanCursor?
    var portions = 0
    repeat {
      let (found, next) = try attempting("look through all keys for queues") { () throws(RedisError) in
        let (keys, next) = try connection.keyPortion(of: prefix, "{*}:[qdiw]*", from: cursor)
        return (try owned(keys, besides: names), next)
      }
      names.formUnion(found.prefix(Self.mostQueues - names.count))
      (cursor, portions) = (next, portions + 1)
    } while cursor != nil && names.count < Self.mostQueues && portions < Self.mostPortions
    return DiscoveredQueues(names: names, isComplete: cursor == nil && names.count < Self.mostQueues)
  }

  /// The queues of those keys that are of the type that their name promises.
  private func owned(_ keys: [[UInt8]], besides names: Set<String>) throws(RedisError) -> Set<String> {
    let new = keys.compactMap { key in
      FoundKey(key, prefix: prefix).flatMap { names.contains($0.queue) ? nil : (key: key, queue: $0.queue) }
    }
    let types = try connection.inBatches(new) { ["TYPE", RedisArgument($0.key)] }
    let owned = zip(new, types).filter { !QueueKeys.isStranger(TypedKey(name: $0.key, type: $1.text ?? "none")) }
    return Set(owned.map(\.0.queue))
  }

  public func lengths(of queue: String) throws(QueueError) -> QueueLengths {
    let keys = keys(queue)
    return try attempting("count the entries of queue \(queue)") { () throws(RedisError) in
      let counts = try connection.pipeline([["LLEN", keys.queue], ["LLEN", keys.dead]])
      return QueueLengths(waiting: try connection.number(counts[0]), dead: try connection.number(counts[1]))
    }
  }

  /// The registered workers of a queue, sorted by name; at most `mostWorkers`.
  public func workers(of queue: String) throws(QueueError) -> [RegisteredWorker] {
    let keys = keys(queue)
    return try attempting("list the workers of queue \(queue)") { () throws(RedisError) in
      let registrations = try readRegistrations(keys).sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
      let workers = registrations.map(\.key)
      let heartbeats = try connection.inBatches(workers) { ["GET", keys.worker($0)] }
      return zip(workers, zip(registrations, heartbeats)).map { worker, found in
        RegisteredWorker(
          worker: worker, registration: WorkerRegistration(json: found.0.value), heartbeat: found.1.text)
      }
    }
  }

  /// How many jobs the slots of these workers have taken from a queue and not yet finished.
  public func inflightCount(of workers: [RegisteredWorker], in queue: String) throws(QueueError) -> Int {
    let keys = keys(queue)
    let slots = workers.flatMap { worker in
      (0..<(worker.registration?.slots ?? 0)).map { SlotID(worker: worker.worker, index: $0) }
    }
    return try attempting("count the jobs in flight of queue \(queue)") { () throws(RedisError) in
      var count = 0
      for length in try connection.inBatches(slots, { ["LLEN", keys.inflight($0)] }) {
        count += try connection.number(length)
      }
      return count
    }
  }

  /// Whether one of the newest messages that wait on a queue is as wanted.
  ///
  /// - Returns: `nil` where none of those is, and the queue is longer.
  public func hasWaiting(
    on queue: String, where isWanted: (QueueMessage) -> Bool
  ) throws(QueueError) -> Bool? {
    let key = keys(queue).queue
    // From the end where producers push: what they push meanwhile shows a message twice, and hides none.
    for first in stride(from: 0, to: Self.messagesPerPage * Self.messagePages, by: Self.messagesPerPage) {
      let reply = try attempting("read queue \(queue)") { () throws(RedisError) in
        try connection.command("LRANGE", key, RedisArgument(first), RedisArgument(first + Self.messagesPerPage - 1))
      }
      let payloads = (reply.array ?? []).compactMap(\.bytes)
      // What is no message is said where it is buried.
      if payloads.contains(where: { (try? QueueMessage.parse($0)).map(isWanted) ?? false }) { return true }
      if payloads.count < Self.messagesPerPage { return false }
    }
    return nil
  }

  /// Puts pointers at the back of a queue, in order. Not all of them may be there after an error.
  public func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError) {
    try attempting("push to queue \(queue)") { () throws(RedisError) in
      try connection.push(pointers, to: keys(queue).queue)
    }
  }
}

/// The queues that a bounded look through all keys has found.
public struct DiscoveredQueues: Sendable, Equatable {
  public let names: Set<String>
  /// Whether there can be no others.
  public let isComplete: Bool
}

/// How much is on a queue.
public struct QueueLengths: Sendable, Equatable {
  /// Jobs that no slot has taken yet.
  public let waiting: Int
  /// Messages in the dead list.
  public let dead: Int
}

/// A worker in a queue's hash of workers.
public struct RegisteredWorker: Sendable, Equatable {
  public let worker: WorkerID
  /// `nil`: its entry in the hash cannot be read, so that its in-flight lists are unknown.
  public let registration: WorkerRegistration?
  /// Its heartbeat as it wrote it, one line of JSON; `nil`: it is dead.
  public let heartbeat: String?

  public init(worker: WorkerID, registration: WorkerRegistration?, heartbeat: String?) {
    self.worker = worker
    self.registration = registration
    self.heartbeat = heartbeat
  }
}

extension RedisQueues {
  private func keys(_ queue: String) -> QueueKeys { QueueKeys(prefix: prefix, queue: queue) }

  /// A portion may repeat a field, hence the dictionary.
  private func readRegistrations(_ keys: QueueKeys) throws(RedisError) -> [WorkerID: [UInt8]] {
    var found: [WorkerID: [UInt8]] = [:]
    var cursor: ScanCursor?
    repeat {
      let (fields, next) = try connection.hashPortion(keys.workers, from: cursor)
      for (name, json) in fields where found.count < Self.mostWorkers {
        found[WorkerID(bytes: name)] = json
      }
      cursor = next
    } while cursor != nil && found.count < Self.mostWorkers
    return found
  }
}
