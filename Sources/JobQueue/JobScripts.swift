import RedisClient

/// The Lua scripts; each one's contract is on top of its file in `Lua/`.
enum JobScripts {
  static let claim = RedisScript(name: "claim", source: PackageResources.claim_lua)
  static let renew = RedisScript(name: "renew", source: PackageResources.renew_lua)
  static let finish = RedisScript(name: "finish", source: PackageResources.finish_lua)
  static let handBack = RedisScript(name: "hand_back", source: PackageResources.hand_back_lua)
  static let bury = RedisScript(name: "bury", source: PackageResources.bury_lua)
  static let beat = RedisScript(name: "beat", source: PackageResources.beat_lua)
  static let leave = RedisScript(name: "leave", source: PackageResources.leave_lua)
  static let throttle = RedisScript(name: "throttle", source: PackageResources.throttle_lua)
  static let deadPage = RedisScript(name: "dead_page", source: PackageResources.dead_page_lua)
  static let deadRetry = RedisScript(name: "dead_retry", source: PackageResources.dead_retry_lua)
  static let reap = RedisScript(name: "reap", source: PackageResources.reap_lua)
  static let forget = RedisScript(name: "forget", source: PackageResources.forget_lua)
  static let adopt = RedisScript(name: "adopt", source: PackageResources.adopt_lua)
}

extension Duration {
  /// For PX and friends, which take whole milliseconds.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
