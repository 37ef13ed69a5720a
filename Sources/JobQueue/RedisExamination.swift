import RedisClient

/// Looks at how Redis is set up, by commands that read only. One thread owns it.
///
/// A managed Redis forbids CONFIG, or calls it otherwise, and a user may be denied INFO: what the one does not tell is
/// taken from the other.
public final class RedisExamination {
  private let connection: RedisConnection

  public init(connection: RedisConnection) { self.connection = connection }

  public func look() throws(QueueError) -> RedisStanding {
    try attempting("look at how Redis is set up") { () throws(RedisError) in
      // INFO may be denied: that Redis is there is told by what everybody may say.
      _ = try answer("PING")
      var standing = RedisStanding(endpoint: connection.endpoint.description)
      if let text = try answer("INFO")?.text { standing.read(info: text) }
      if standing.evictionPolicy == nil { standing.readMemory(settings: try settings("maxmemory*")) }
      if standing.hasAppendOnlyFile != true {
        let more = try settings("appendonly").merging(try settings("save")) { $1 }
        standing.readPersistence(settings: more)
      }
      return standing
    }
  }

  private func settings(_ pattern: RedisArgument) throws(RedisError) -> [String: String] {
    let words = try answer("CONFIG", "GET", pattern)?.array ?? []
    let names = stride(from: 0, to: words.count - 1, by: 2)
    return Dictionary(
      names.compactMap { index in
        words[index].text.flatMap { name in words[index + 1].text.map { (name, $0) } }
      }, uniquingKeysWith: { $1 })
  }

  /// `nil` where Redis refuses the command itself.
  private func answer(_ words: RedisArgument...) throws(RedisError) -> RedisValue? {
    do { return try connection.command(words) } catch {
      guard case .reply = error, !error.isOutage else { throw error }
      return nil
    }
  }
}

extension RedisStanding {
  /// Reads what INFO says, a line of `field:value` each.
  mutating func read(info: String) {
    var fields: [String: String] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
    }
    isReplica = fields["role"].map { $0 == "slave" }
    memoryLimit = fields["maxmemory"].flatMap { Int64($0) }
    memoryUsed = fields["used_memory"].flatMap { Int64($0) }
    evictionPolicy = fields["maxmemory_policy"]
    hasAppendOnlyFile = fields["aof_enabled"].map { $0 == "1" }
    snapshotFailed = fields["rdb_last_bgsave_status"].map { $0 != "ok" }
    appendFailed = fields["aof_last_write_status"].map { $0 != "ok" }
  }

  mutating func readMemory(settings: [String: String]) {
    memoryLimit = memoryLimit ?? settings["maxmemory"].flatMap { Int64($0) }
    evictionPolicy = settings["maxmemory-policy"]
  }

  mutating func readPersistence(settings: [String: String]) {
    hasAppendOnlyFile = hasAppendOnlyFile ?? settings["appendonly"].map { $0 == "yes" }
    hasSavePoints = settings["save"].map { !$0.isEmpty }
  }
}
