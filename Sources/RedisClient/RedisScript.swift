/// A Lua script that runs inside Redis, atomically.
public struct RedisScript: Sendable {
  /// Unique among the scripts that one connection runs; errors call the script by it.
  public let name: String
  let source: RedisArgument

  public init(name: String, source: [UInt8]) {
    self.name = name
    self.source = RedisArgument(source)
  }
}

extension RedisConnection {
  /// Runs a script by its hash. A server that does not know it (new, restarted, failed over, SCRIPT FLUSH)
  /// answers NOSCRIPT without having run anything; it is then loaded and run once more, and by its text where it was
  /// forgotten again in between.
  ///
  /// - Parameter keys: every key that the script touches.
  @discardableResult
  public func run(
    _ script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument], deadline: Duration? = nil
  ) throws(RedisError) -> RedisValue {
    if let hash = scriptHashes[script.name] {
      if let value = try evaluate(script, hash, keys, arguments, deadline) { return value }
      scriptHashes[script.name] = nil
    }
    let hash = try load(script)
    scriptHashes[script.name] = hash
    if let value = try evaluate(script, hash, keys, arguments, deadline) { return value }
    return try exchange(command("EVAL", script.source, of: script, keys, arguments), deadline: deadline)
  }

  /// `nil` where the server does not know the script.
  private func evaluate(
    _ script: RedisScript, _ hash: RedisArgument, _ keys: [RedisArgument], _ arguments: [RedisArgument],
    _ deadline: Duration?
  ) throws(RedisError) -> RedisValue? {
    do {
      return try exchange(command("EVALSHA", hash, of: script, keys, arguments), deadline: deadline)
    } catch .reply(_, let message) where RedisError.code(of: message) == "NOSCRIPT" {
      return nil
    }
  }

  private func command(
    _ word: RedisArgument, _ body: RedisArgument, of script: RedisScript, _ keys: [RedisArgument],
    _ arguments: [RedisArgument]
  ) -> RedisCommand {
    RedisCommand(
      name: "script \(script.name)", arguments: [word, body, RedisArgument(keys.count)] + keys + arguments, keys: keys)
  }

  private func load(_ script: RedisScript) throws(RedisError) -> RedisArgument {
    let command = RedisCommand(name: "SCRIPT LOAD of \(script.name)", arguments: ["SCRIPT", "LOAD", script.source])
    guard let hash = try exchange(command, deadline: nil).bytes else {
      throw .protocolViolation(endpoint: endpoint.description, reason: "SCRIPT LOAD returned no hash")
    }
    return RedisArgument(hash)
  }
}
