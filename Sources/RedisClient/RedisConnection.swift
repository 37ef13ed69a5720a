/// A connection to Redis that is made when it is first needed.
///
/// One thread owns it; every call blocks that thread until its deadline at the latest. After any failure
/// of the link, a missed deadline and a reply that means "not here, not now" the socket is thrown away,
/// for a late reply could be taken for the next one's; the next call makes one attempt at a new one.
/// Nothing is retried here: whether a lost command may be repeated is known to the caller, who also paces
/// the attempts.
public final class RedisConnection {
  public let endpoint: RedisEndpoint
  private let connectTimeout: Duration
  private let deadline: Duration
  private var context: HiredisContext?
  /// The SHA1 by which Redis knows a script, by the script's name.
  var scriptHashes: [String: RedisArgument] = [:]

  /// - Parameters:
  ///   - connectTimeout: for connecting and logging in, which comes on top of a call's own deadline.
  ///   - deadline: for each call that brings none of its own; a second more for each MiB that moves.
  public init(endpoint: RedisEndpoint, connectTimeout: Duration = .seconds(3), deadline: Duration = .seconds(5)) {
    self.endpoint = endpoint
    self.connectTimeout = connectTimeout
    self.deadline = deadline
  }

  /// Sends one command and returns its reply; an error reply is thrown.
  ///
  /// - Parameter deadline: for a blocking command, its block and a margin.
  @discardableResult
  public func command(_ arguments: RedisArgument..., deadline: Duration? = nil) throws(RedisError) -> RedisValue {
    try command(arguments, deadline: deadline)
  }

  @discardableResult
  public func command(_ arguments: [RedisArgument], deadline: Duration? = nil) throws(RedisError) -> RedisValue {
    try exchange(RedisCommand(arguments), deadline: deadline)
  }

  /// Sends all commands in one go and returns their replies in order. Every reply is read and checked; the
  /// first that is an error is thrown, naming its command. The other commands have been carried out.
  @discardableResult
  public func pipeline(_ commands: [[RedisArgument]], deadline: Duration? = nil) throws(RedisError) -> [RedisValue] {
    guard !commands.isEmpty else { return [] }
    let commands = commands.map(RedisCommand.init)
    let replies = try exchange(commands, deadline: deadline)
    for (command, reply) in zip(commands, replies) { try check(reply, to: command) }
    return replies
  }

  /// Closes the socket, if there is one. The next call connects anew.
  public func disconnect() { context = nil }

  func exchange(_ command: RedisCommand, deadline: Duration?) throws(RedisError) -> RedisValue {
    guard let reply = try exchange([command], deadline: deadline).first else {
      throw .protocolViolation(endpoint: endpoint.description, reason: "no reply to \(command.name)")
    }
    try check(reply, to: command)
    return reply
  }

  private func exchange(_ commands: [RedisCommand], deadline: Duration?) throws(RedisError) -> [RedisValue] {
    let context = try connected()
    var deadline = Deadline(in: deadline ?? self.deadline)
    do {
      return try Self.exchange(commands, on: context, by: &deadline)
    } catch {
      disconnect()
      throw translate(error, command: commands[0].name, limit: deadline.limit)
    }
  }

  private static func exchange(
    _ commands: [RedisCommand], on context: HiredisContext, by deadline: inout Deadline
  ) throws(LinkFailure) -> [RedisValue] {
    for command in commands { context.append(command.arguments) }
    try context.flush(until: &deadline)
    var replies: [RedisValue] = []
    replies.reserveCapacity(commands.count)
    for _ in commands { replies.append(try context.reply(until: &deadline)) }
    return replies
  }

  private func check(_ reply: RedisValue, to command: RedisCommand) throws(RedisError) {
    guard case .error(let message) = reply else { return }
    if RedisError.isWrongType(message), let keys = present(command.keys) {
      throw .wrongType(command: command.name, keys: keys)
    }
    let refusal = RedisError.reply(command: command.name, message: message)
    if RedisError.authenticationCodes.contains(RedisError.code(of: message)) {
      disconnect()
      throw .authentication(endpoint: endpoint.description, reason: message)
    }
    // After a failover the address leads to another server, but an open socket still to the old one.
    if refusal.isOutage { disconnect() }
    throw refusal
  }
}

extension RedisConnection {
  /// Those of some keys that are there; `nil` where there are none (any more), or no answer.
  private func present(_ keys: [RedisArgument]) -> [TypedKey]? {
    let keys = keys.prefix(RedisCommand.mostKeys)
    // The refusal itself is told where this fails.
    guard let types = try? exchange(keys.map { RedisCommand(["TYPE", $0]) }, deadline: nil) else { return nil }
    let found = zip(keys, types).map { TypedKey(name: $0.bytes, type: $1.text ?? "none") }.filter { $0.type != "none" }
    return found.isEmpty ? nil : found
  }

  private func connected() throws(RedisError) -> HiredisContext {
    if let context, context.isQuiet { return context }
    context = nil
    var deadline = Deadline(in: connectTimeout)
    let fresh: HiredisContext
    do {
      fresh = try HiredisContext(connectingTo: endpoint.address, by: deadline)
    } catch {
      throw translate(error, command: "a new connection", limit: connectTimeout)
    }
    for command in logInCommands() { try logIn(with: command, on: fresh, by: &deadline) }
    context = fresh
    return fresh
  }

  /// SELECT goes out for database 0 too: what a server says to any newcomer (too many clients, protected
  /// mode) is then told apart from the answer to a command.
  private func logInCommands() -> [RedisCommand] {
    let select = RedisCommand(["SELECT", RedisArgument(endpoint.database)])
    guard let password = endpoint.password else { return [select] }
    let user = endpoint.user.map { [RedisArgument($0)] } ?? []
    return [RedisCommand(["AUTH"] + user + [RedisArgument(password)]), select]
  }

  private func logIn(
    with command: RedisCommand, on fresh: HiredisContext, by deadline: inout Deadline
  ) throws(RedisError) {
    let replies: [RedisValue]
    do {
      replies = try Self.exchange([command], on: fresh, by: &deadline)
    } catch {
      throw translate(error, command: command.name, limit: connectTimeout)
    }
    guard case .error(let message) = replies[0] else { return }
    let code = RedisError.code(of: message)
    // AUTH on a server without a password answers ERR.
    if RedisError.authenticationCodes.contains(code) || (command.name == "AUTH" && code == "ERR") {
      throw .authentication(endpoint: endpoint.description, reason: message)
    }
    throw .unreachable(endpoint: endpoint.description, reason: "it answers \(message)")
  }

  private func translate(_ failure: LinkFailure, command: String, limit: Duration) -> RedisError {
    switch failure {
    case .timedOut: .deadline(endpoint: endpoint.description, command: command, after: limit)
    case .lost(let reason): .unreachable(endpoint: endpoint.description, reason: reason)
    case .garbled(let reason): .protocolViolation(endpoint: endpoint.description, reason: reason)
    }
  }
}

/// A command and the name by which an error calls it; never its arguments, which may be secret or huge.
struct RedisCommand {
  /// Of how many keys the types are asked for.
  static let mostKeys = 100
  private static let namesOfTwoKeys: Set = ["RPOPLPUSH", "BRPOPLPUSH"]

  let name: String
  let arguments: [RedisArgument]
  /// Those that it names, as far as this module knows its form: a script's, and what commonly follows the name.
  let keys: [RedisArgument]

  init(name: String, arguments: [RedisArgument], keys: [RedisArgument] = []) {
    self.name = name
    self.arguments = arguments
    self.keys = keys
  }

  init(_ arguments: [RedisArgument]) {
    let name = arguments.first.map { String(decoding: $0.bytes, as: UTF8.self).uppercased() } ?? "an empty command"
    let keys = arguments.dropFirst().prefix(Self.namesOfTwoKeys.contains(name) ? 2 : 1)
    self.init(name: name, arguments: arguments, keys: Array(keys))
  }
}
