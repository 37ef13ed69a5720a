import BlockingThread
import Logging
import RedisClient
import ScanModel

/// A slot's queues on Redis. The slot's thread owns it, and through it the connection.
public final class RedisSlotQueue: SlotQueue {
  private let connection: RedisConnection
  private let prefix: String
  private let slot: SlotID
  private let queues: [String]
  private let lockTTL: Duration
  private let deadCap: Int
  private let complaints: Complaints
  private let logger: Logger
  /// Which queue the next blocking take waits on.
  private var turn = 0

  /// How many entries a dead list keeps.
  public static let defaultDeadCap = 10_000
  private static let longestBlock = Duration.seconds(1)
  /// A block's reply comes at its end: the socket's deadline is this much later.
  private static let blockMargin = Duration.seconds(4)

  /// - Parameters:
  ///   - prefix: of all keys (`ROLLCALL_PREFIX`).
  ///   - queues: at least one; the first has priority.
  ///   - lockTTL: how long a claim's lock lives unless it is renewed.
  ///   - complaints: get what is wrong with one of several queues; else the logger does.
  public init(
    connection: RedisConnection, prefix: String, slot: SlotID, queues: [String], lockTTL: Duration,
    deadCap: Int = RedisSlotQueue.defaultDeadCap, complaints: Complaints? = nil, logger: Logger
  ) {
    precondition(!queues.isEmpty, "a slot serves at least one queue")
    self.connection = connection
    self.prefix = prefix
    self.slot = slot
    self.queues = queues
    self.lockTTL = lockTTL
    self.deadCap = deadCap
    self.complaints = complaints ?? Complaints(logger: logger)
    self.logger = logger
  }

  public func ownInflight() throws(QueueError) -> TakenJob? {
    for queue in queues {
      do throws(QueueError) {
        let reply = try attempting("look into the in-flight list of \(slot) in queue \(queue)") {
          () throws(RedisError) in
          try connection.command("LINDEX", keys(queue).inflight(slot), "-1")
        }
        if let payload = reply.bytes { return TakenJob(queue: queue, payload: payload) }
      } catch {
        // A key that is no list holds no job of this slot's; the take says what is wrong with it.
        guard !error.isOutage else { throw error }
      }
    }
    return nil
  }

  public func take(wait: Duration) throws(QueueError) -> TakenJob? {
    let block = min(wait, Self.longestBlock)
    // BRPOPLPUSH counts milliseconds, and takes 0 for "for ever".
    let blocks = block >= .milliseconds(1)
    var usable = queues
    if queues.count > 1 || !blocks {
      switch try takeAtOnce() {
      case .job(let job): return job
      case .nothing(let queues): usable = queues
      }
    }
    return blocks ? try takeBlocking(block, usable) : nil
  }

  public func claim(_ job: TakenJob, slice: SliceID, claim: ClaimID) throws(QueueError) -> ClaimOutcome {
    let keys = keys(job.queue)
    let token = HeldLock(slice: slice, claim: claim).token(of: slot)
    return try attempting("claim slice \(slice) in queue \(job.queue)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.claim, keys: [keys.inflight(slot), keys.lock(slice)],
        arguments: [RedisArgument(job.payload), token, RedisArgument(lockTTL.milliseconds)])
      guard let outcome = reply.text.flatMap(ClaimOutcome.init) else {
        throw connection.unexpected(reply, from: JobScripts.claim)
      }
      return outcome
    }
  }

  @discardableResult
  public func finish(_ job: TakenJob, lock: HeldLock?, pushing pointers: [[UInt8]]) throws(QueueError) -> Bool {
    let keys = keys(job.queue)
    return try attempting("finish a job of queue \(job.queue)") { () throws(RedisError) in
      let inScript = pointers.suffix(pointersPerCommand)
      try connection.push(pointers.dropLast(inScript.count), to: keys.queue)
      let reply = try settle(job, lock, JobScripts.finish, target: keys.queue, inScript.map { RedisArgument($0) })
      return try wasThere(reply, JobScripts.finish)
    }
  }

  @discardableResult
  public func handBack(_ job: TakenJob, lock: HeldLock?, to end: QueueEnd) throws(QueueError) -> Bool {
    try attempting("hand a job back to queue \(job.queue)") { () throws(RedisError) in
      let reply = try settle(
        job, lock, JobScripts.handBack, target: keys(job.queue).queue, [RedisArgument(end.rawValue)])
      return try wasThere(reply, JobScripts.handBack)
    }
  }

  @discardableResult
  public func bury(_ job: TakenJob, lock: HeldLock?, reason: String) throws(QueueError) -> Bool {
    let operation = "bury a job of queue \(job.queue)"
    let entry = try jsonLine(
      BuriedMessage(job.payload, reason: reason, worker: slot.worker), for: operation)
    let (there, trimmed) = try attempting(operation) { () throws(RedisError) in
      let reply = try settle(
        job, lock, JobScripts.bury, target: keys(job.queue).dead, [RedisArgument(entry), RedisArgument(deadCap)])
      guard let counts = reply.array, counts.count == 2, let trimmed = counts[1].integer else {
        throw connection.unexpected(reply, from: JobScripts.bury)
      }
      return (try wasThere(counts[0], JobScripts.bury), trimmed)
    }
    if trimmed > 0 {
      logger.warning(
        "the dead list is full: its oldest entries are dropped",
        metadata: ["queue": "\(job.queue)", "dropped": "\(trimmed)", "kept": "\(deadCap)"])
    }
    return there
  }

  public func isAlive(_ worker: WorkerID, queue: String) throws(QueueError) -> Bool {
    try attempting("look for the heartbeat of \(worker) in queue \(queue)") { () throws(RedisError) in
      try connection.number(try connection.command("EXISTS", keys(queue).worker(worker))) > 0
    }
  }

  public func push(_ pointers: [[UInt8]], to queue: String) throws(QueueError) {
    try attempting("push to queue \(queue)") { () throws(RedisError) in
      try connection.push(pointers, to: keys(queue).queue)
    }
  }
}

extension RedisSlotQueue {
  private func keys(_ queue: String) -> QueueKeys { QueueKeys(prefix: prefix, queue: queue) }

  private enum Glance {
    case job(TakenJob)
    /// Of these queues; the others refuse.
    case nothing([String])
  }

  /// What is wrong with one queue's keys keeps no other waiting.
  private func takeAtOnce() throws(QueueError) -> Glance {
    var usable: [String] = []
    var refusals: [QueueError] = []
    for queue in queues {
      let keys = keys(queue)
      do throws(QueueError) {
        let reply = try attempting("take from queue \(queue)") { () throws(RedisError) in
          try connection.command("RPOPLPUSH", keys.queue, keys.inflight(slot))
        }
        usable.append(queue)
        guard let payload = reply.bytes else { continue }
        complain(refusals)
        return .job(TakenJob(queue: queue, payload: payload))
      } catch {
        guard !error.isOutage else { throw error }
        refusals.append(error)
      }
    }
    if usable.isEmpty, let refusal = refusals.first { throw refusal }
    complain(refusals)
    return .nothing(usable)
  }

  private func complain(_ refusals: [QueueError]) {
    for refusal in refusals { complaints.make("passing over a queue until it is mended", error: refusal.description) }
  }

  private func takeBlocking(_ block: Duration, _ queues: [String]) throws(QueueError) -> TakenJob? {
    let queue = queues[turn % queues.count]
    turn = (turn + 1) % queues.count
    let keys = keys(queue)
    let seconds = Double(block.milliseconds) / 1000
    let reply = try attempting("wait for queue \(queue)") { () throws(RedisError) in
      try connection.command(
        "BRPOPLPUSH", keys.queue, keys.inflight(slot), "\(seconds)", deadline: block + Self.blockMargin)
    }
    return reply.bytes.map { TakenJob(queue: queue, payload: $0) }
  }

  /// Runs one of the scripts that take a job out of the in-flight list and release its lock.
  private func settle(
    _ job: TakenJob, _ lock: HeldLock?, _ script: RedisScript, target: RedisArgument, _ rest: [RedisArgument]
  ) throws(RedisError) -> RedisValue {
    let keys = keys(job.queue)
    let lockKey = lock.map { [keys.lock($0.slice)] } ?? []
    let token = lock.map { $0.token(of: slot) } ?? ""
    return try connection.run(
      script, keys: [keys.inflight(slot), target] + lockKey, arguments: [RedisArgument(job.payload), token] + rest)
  }

  private func wasThere(_ count: RedisValue, _ script: RedisScript) throws(RedisError) -> Bool {
    switch count {
    case .integer(1): true
    case .integer(0): false
    default: throw connection.unexpected(count, from: script)
    }
  }
}
