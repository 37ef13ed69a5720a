import RedisClient
import ScanModel

/// The names of all keys of one queue, which is public: people read them with redis-cli. The braces are a
/// hash tag: all keys of a queue sit in one cluster slot.
struct QueueKeys {
  private let stem: String

  init(prefix: String, queue: String) { stem = "\(prefix):{\(queue)}:" }

  /// List: jobs. Producers LPUSH, workers take from the other end.
  var queue: RedisArgument { "\(stem)queue" }

  /// List: what a slot has taken and not yet finished; the newest first.
  func inflight(_ slot: SlotID) -> RedisArgument { named("inflight:", slot.worker, "/\(slot.index)") }

  /// Hash: worker → `WorkerRegistration` as JSON.
  var workers: RedisArgument { "\(stem)workers" }

  /// String with PX: the worker's heartbeat, one line of JSON.
  func worker(_ worker: WorkerID) -> RedisArgument { named("worker:", worker) }

  /// String with PX: `HeldLock.token` of whoever runs the slice.
  func lock(_ slice: SliceID) -> RedisArgument { "\(stem)lock:\(slice)" }

  /// String with PX: up to which microsecond of Redis's clock a library's rate is spoken for.
  func rate(_ library: LibraryID) -> RedisArgument { "\(stem)rate:\(library)" }

  /// String with PX: a reaper's marker. When it has vanished, Redis has lost its data.
  func reaper(_ reaper: String) -> RedisArgument { "\(stem)reaper:\(reaper)" }

  /// List: `BuriedMessage` as JSON, the newest first.
  var dead: RedisArgument { "\(stem)dead" }

  /// Whether a key of a queue is of another type than its name promises.
  static func isStranger(_ key: TypedKey) -> Bool {
    guard let end = key.name.firstRange(of: Array("}:".utf8)) else { return false }
    let part = String(decoding: key.name[end.upperBound...].prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
    return types[part].map { $0 != key.type } ?? false
  }

  private static let types = [
    "queue": "list", "inflight": "list", "dead": "list", "workers": "hash", "worker": "string", "lock": "string",
    "rate": "string", "reaper": "string",
  ]

  private func named(_ kind: String, _ worker: WorkerID, _ rest: String = "") -> RedisArgument {
    RedisArgument(Array((stem + kind).utf8) + worker.bytes + Array(rest.utf8))
  }
}

extension WorkerID {
  /// Its field in the hash of workers.
  var field: RedisArgument { RedisArgument(bytes) }
}

extension HeldLock {
  /// What a slice's lock holds while `slot` runs it under this claim.
  func token(of slot: SlotID) -> RedisArgument { "\(slot)/\(claim)" }
}
