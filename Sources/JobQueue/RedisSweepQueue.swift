import Foundation
import RedisClient
import ScanModel

/// The queues on Redis as the reaper sees them. The reaper's thread owns it, and through it the connection.
public final class RedisSweepQueue: SweepQueue {
  private let connection: RedisConnection
  private let prefix: String
  private let marker: RedisArgument

  /// How many entries of an in-flight list are read at a time: each may be as large as a request.
  private static let entriesPerList = 10
  /// How much of a queue is read in search of pointers, before each is asked for by itself.
  private static let pointersPerPage = 1000, pages = 100

  /// - Parameters:
  ///   - prefix: of all keys (`ROLLCALL_PREFIX`).
  ///   - reaper: its id, unique among all reapers.
  ///   - queue: among whose keys the reaper keeps its marker.
  public init(connection: RedisConnection, prefix: String, reaper: String, queue: String) {
    self.connection = connection
    self.prefix = prefix
    marker = QueueKeys(prefix: prefix, queue: queue).reaper(reaper)
  }

  public func mark(for ttl: Duration) throws(QueueError) -> Bool {
    try attempting("set the reaper's marker") { () throws(RedisError) in
      try connection.command("SET", marker, "1", "PX", RedisArgument(ttl.milliseconds), "GET") != .null
    }
  }

  public func unmark() throws(QueueError) {
    _ = try attempting("end the reaper's marker") { () throws(RedisError) in try connection.command("DEL", marker) }
  }

  public func discover(from cursor: ScanCursor?) throws(QueueError) -> Discovery {
    let (keys, next) = try attempting("look through all keys") { () throws(RedisError) in
      try connection.keyPortion(of: prefix, "{*}:[iw]*", from: cursor)
    }
    let found = keys.compactMap { FoundKey($0, prefix: prefix) }
    try adopt(found)
    return Discovery(queues: Set(found.map(\.queue)), next: next)
  }

  public func workers(of queue: String, from cursor: ScanCursor?) throws(QueueError) -> WorkerPage {
    let keys = keys(queue)
    return try attempting("list the workers of queue \(queue)") { () throws(RedisError) in
      let (fields, next) = try connection.hashPortion(keys.workers, from: cursor)
      let workers = fields.map { WorkerID(bytes: $0.name) }
      let alive = try exist(workers.map { keys.worker($0) })
      let swept = fields.indices.map { index in
        SweptWorker(
          worker: workers[index], slots: WorkerRegistration(json: fields[index].value)?.slots ?? 0,
          isAlive: alive[index])
      }
      return WorkerPage(workers: swept, next: next)
    }
  }

  public func inflight(of slots: [SlotID], in queue: String) throws(QueueError) -> [InflightEntry] {
    let keys = keys(queue)
    return try attempting("read in-flight lists of queue \(queue)") { () throws(RedisError) in
      let lists = try connection.inBatches(slots) {
        ["LRANGE", keys.inflight($0), RedisArgument(-Self.entriesPerList), "-1"]
      }
      var found: [(slot: SlotID, payload: [UInt8], slice: SliceID?)] = []
      for (slot, list) in zip(slots, lists) {
        for payload in (list.array ?? []).reversed().compactMap(\.bytes) {
          found.append((slot, payload, Self.slice(of: payload)))
        }
      }
      let slices = found.compactMap(\.slice)
      let locked = Set(zip(slices, try exist(slices.map { keys.lock($0) })).filter(\.1).map(\.0))
      return found.map { entry in
        InflightEntry(
          queue: queue, slot: entry.slot, payload: entry.payload, slice: entry.slice,
          isLocked: entry.slice.map { locked.contains($0) } ?? false)
      }
    }
  }

  public func reap(_ entry: InflightEntry, as reason: ReapReason) throws(QueueError) -> ReapOutcome {
    let keys = keys(entry.queue)
    let lock = entry.slice.map { [keys.lock($0)] } ?? []
    return try attempting("return an entry of \(entry.slot) to queue \(entry.queue)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.reap, keys: [keys.inflight(entry.slot), keys.queue, keys.worker(entry.slot.worker)] + lock,
        arguments: [RedisArgument(entry.payload), RedisArgument(reason.rawValue)])
      guard let outcome = reply.text.flatMap(ReapOutcome.init) else {
        throw connection.unexpected(reply, from: JobScripts.reap)
      }
      return outcome
    }
  }

  public func forget(_ worker: WorkerID, slots: Int, in queue: String) throws(QueueError) -> Bool {
    let keys = keys(queue)
    let lists = (0..<slots).map { keys.inflight(SlotID(worker: worker, index: $0)) }
    return try attempting("end the registration of \(worker) in queue \(queue)") { () throws(RedisError) in
      try connection.run(
        JobScripts.forget, keys: [keys.workers, keys.worker(worker)] + lists, arguments: [worker.field]) == .integer(1)
    }
  }

  public func missing(_ slices: [SliceID], from queue: String) throws(QueueError) -> [SliceID] {
    let keys = keys(queue)
    return try attempting("look for pointers on queue \(queue)") { () throws(RedisError) in
      let locked = try exist(slices.map { keys.lock($0) })
      var rest = zip(slices, locked).filter { !$0.1 }.map(\.0)
      // From the end where producers push: what they push meanwhile shows an entry twice, and hides none.
      for page in 0..<Self.pages where !rest.isEmpty {
        let first = page * Self.pointersPerPage
        let reply = try connection.command(
          "LRANGE", keys.queue, RedisArgument(first), RedisArgument(first + Self.pointersPerPage - 1))
        let found = Set((reply.array ?? []).compactMap(\.bytes))
        rest.removeAll { found.contains(QueueMessage.pointerBytes($0)) }
        if reply.array?.count ?? 0 < Self.pointersPerPage { return rest }
      }
      let places = try connection.inBatches(rest) {
        ["LPOS", keys.queue, RedisArgument(QueueMessage.pointerBytes($0))]
      }
      return zip(rest, places).filter { $0.1 == .null }.map(\.0)
    }
  }

  public func push(_ slices: [SliceID], to queue: String) throws(QueueError) {
    try attempting("push to queue \(queue)") { () throws(RedisError) in
      try connection.push(slices.map(QueueMessage.pointerBytes), to: keys(queue).queue)
    }
  }
}

extension RedisSweepQueue {
  private func keys(_ queue: String) -> QueueKeys { QueueKeys(prefix: prefix, queue: queue) }

  private static func slice(of payload: [UInt8]) -> SliceID? {
    // Why something is no pointer is said where it is buried.
    if case .pointer(let slice)? = try? QueueMessage.parse(payload) { slice } else { nil }
  }

  /// Registers the workers of lists that their registration does not cover.
  private func adopt(_ found: [FoundKey]) throws(QueueError) {
    var lists: [FoundKey: Int] = [:]
    for key in found {
      guard let index = key.slot?.index else { continue }
      lists[key.owner] = max(lists[key.owner] ?? 0, index + 1)
    }
    for (owner, slots) in lists {
      guard let worker = owner.slot?.worker else { continue }
      let entry = try jsonLine(
        WorkerRegistration(slots: slots, startedAt: .now), for: "register worker \(worker)")
      try attempting("register worker \(worker) in queue \(owner.queue)") { () throws(RedisError) in
        let workers = keys(owner.queue).workers
        let seen = try connection.command("HGET", workers, worker.field).bytes ?? []
        if let known = WorkerRegistration(json: seen), known.slots >= slots { return }
        try connection.run(
          JobScripts.adopt, keys: [workers], arguments: [worker.field, RedisArgument(seen), RedisArgument(entry)])
      }
    }
  }

  private func exist(_ keys: [RedisArgument]) throws(RedisError) -> [Bool] {
    var answers: [Bool] = []
    for reply in try connection.inBatches(keys, { ["EXISTS", $0] }) { answers.append(try connection.number(reply) > 0) }
    return answers
  }
}
