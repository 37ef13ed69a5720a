import RedisClient

/// Why a call to the queue failed. Whether the deed was done is unknown; it may be repeated.
public enum QueueError: Error {
  case redis(operation: String, cause: RedisError)
  /// A value that goes to Redis as JSON could not be written or read.
  case json(operation: String, reason: String)

  /// Redis is away, or for the moment takes no writes: wait and try again; the job is not at fault.
  public var isOutage: Bool {
    switch self {
    case .redis(_, let cause): cause.isOutage
    case .json: false
    }
  }
}

extension QueueError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .redis(let operation, let cause): "cannot \(operation): \(cause)"
    case .json(let operation, let reason): "cannot \(operation): \(reason)"
    }
  }
}

/// Runs `body`; a failure says what was being done and, where a key is of another type than its name promises, which.
func attempting<Result>(
  _ operation: @autoclosure () -> String, _ body: () throws(RedisError) -> Result
) throws(QueueError) -> Result {
  do {
    return try body()
  } catch .wrongType(let command, let keys) {
    let strangers = keys.filter(QueueKeys.isStranger)
    throw .redis(
      operation: operation(), cause: .wrongType(command: command, keys: strangers.isEmpty ? keys : strangers))
  } catch {
    throw .redis(operation: operation(), cause: error)
  }
}

extension RedisConnection {
  /// For a script that answered with something its contract does not know.
  func unexpected(_ reply: RedisValue, from script: RedisScript) -> RedisError {
    .protocolViolation(endpoint: endpoint.description, reason: "script \(script.name) returned \(reply)")
  }
}
