import RedisClient

/// How readers of many keys ask for them: in bounded portions, each of whose replies is checked.
extension RedisConnection {
  /// How many commands go out in one go, and how many of a hash's fields are asked for.
  static let batch = 100

  /// One reply for each element, in order.
  func inBatches<Element>(
    _ elements: [Element], _ command: (Element) -> [RedisArgument]
  ) throws(RedisError) -> [RedisValue] {
    var replies: [RedisValue] = []
    var rest = elements[...]
    while !rest.isEmpty {
      replies += try pipeline(rest.prefix(Self.batch).map(command))
      rest = rest.dropFirst(Self.batch)
    }
    return replies
  }

  /// A portion of a hash: its fields and their values in turn, some perhaps not for the first time.
  func hashPortion(
    _ key: RedisArgument, from cursor: ScanCursor?
  ) throws(RedisError) -> (fields: [(name: [UInt8], value: [UInt8])], next: ScanCursor?) {
    let (elements, next) = try portion(["HSCAN", key, word(cursor), "COUNT", RedisArgument(Self.batch)])
    let fields = stride(from: 0, to: elements.count - 1, by: 2).map { (elements[$0], elements[$0 + 1]) }
    return (fields, next)
  }

  /// A portion of all keys under a prefix, which stands for itself, that match a pattern.
  func keyPortion(
    of prefix: String, _ pattern: String, from cursor: ScanCursor?
  ) throws(RedisError) -> (keys: [[UInt8]], next: ScanCursor?) {
    let literal = prefix.map { "*?[\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    // COUNT is how many keys Redis looks at.
    let (keys, next) = try portion(
      ["SCAN", word(cursor), "MATCH", RedisArgument("\(literal):\(pattern)"), "COUNT", "1000"])
    return (keys, next)
  }

  func number(_ reply: RedisValue) throws(RedisError) -> Int {
    guard let number = reply.integer else { throw unexpected(reply) }
    return Int(number)
  }

  func unexpected(_ reply: RedisValue) -> RedisError {
    .protocolViolation(endpoint: endpoint.description, reason: "unexpected reply \(reply)")
  }

  private func word(_ cursor: ScanCursor?) -> RedisArgument { RedisArgument(cursor?.bytes ?? ScanCursor.begin) }

  private func portion(
    _ command: [RedisArgument]
  ) throws(RedisError) -> (elements: [[UInt8]], next: ScanCursor?) {
    let reply = try self.command(command)
    guard let parts = reply.array, parts.count == 2, let cursor = parts[0].bytes, let elements = parts[1].array else {
      throw unexpected(reply)
    }
    return (elements.compactMap(\.bytes), cursor == ScanCursor.begin ? nil : ScanCursor(bytes: cursor))
  }
}

extension ScanCursor {
  /// With which a reading begins, and which is the answer at its end.
  fileprivate static let begin = Array("0".utf8)
}
