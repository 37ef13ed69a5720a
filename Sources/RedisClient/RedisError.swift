/// A key that is there, and its type as TYPE tells it.
public struct TypedKey: Sendable, Equatable, CustomStringConvertible {
  public let name: [UInt8]
  public let type: String

  public init(name: [UInt8], type: String) {
    self.name = name
    self.type = type
  }

  /// Ill-formed UTF-8 is replaced by U+FFFD.
  public var description: String { "\(String(decoding: name, as: UTF8.self)) (a \(type))" }
}

/// Why a call to Redis failed. After every case but `.reply` of a real command error the connection has
/// been thrown away, and the next call connects anew.
public enum RedisError: Error, Equatable {
  /// No connection could be made, or the one that was there broke. Whether a command that was on its way
  /// has been carried out is unknown.
  case unreachable(endpoint: String, reason: String)
  /// Redis is there and refuses the user or the password.
  case authentication(endpoint: String, reason: String)
  /// No complete reply in time. Whether the command has been carried out is unknown.
  case deadline(endpoint: String, command: String, after: Duration)
  /// Redis answered with an error: its own text, which begins with a code such as `WRONGTYPE`.
  case reply(command: String, message: String)
  /// A key that the command names is of another type than it works on: somebody else has written it. Of these, which
  /// are those that are there, one is.
  case wrongType(command: String, keys: [TypedKey])
  /// What answered does not speak RESP2, or not what the command promises.
  case protocolViolation(endpoint: String, reason: String)
  case badURL(reason: String)

  /// Redis is away, or for the moment is no primary that takes writes: wait and try again; it is not the
  /// fault of the command. False for what would fail again just so.
  public var isOutage: Bool {
    switch self {
    case .unreachable, .authentication, .deadline: true
    case .reply(_, let message): Self.outageCodes.contains(Self.code(of: message))
    case .wrongType, .protocolViolation, .badURL: false
    }
  }

  /// Whether an error reply, of a command or of one inside a script, says that a key is of another type.
  static func isWrongType(_ message: String) -> Bool {
    code(of: message) == "WRONGTYPE" || message.contains(" WRONGTYPE ")
  }

  /// The first word of an error reply, by which Redis tells its errors apart.
  static func code(of message: String) -> String {
    String(message.prefix { $0 != " " })
  }

  /// The codes of a server that starts up, fails over, or for the moment refuses all writes.
  private static let outageCodes: Set<String> = [
    "LOADING", "READONLY", "MASTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "NOREPLICAS", "BUSY",
    "MISCONF", "OOM", "UNBLOCKED",
  ]

  static let authenticationCodes: Set<String> = ["NOAUTH", "WRONGPASS"]
}

extension RedisError: CustomStringConvertible {
  /// One line: what failed, on what, what to do.
  public var description: String {
    let line =
      switch self {
      case .unreachable(let endpoint, let reason):
        "cannot reach Redis at \(endpoint): \(reason); check that it runs there and that the Redis URL is right"
      case .authentication(let endpoint, let reason):
        "Redis at \(endpoint) refuses the login: \(reason); check user and password in the Redis URL"
      case .deadline(let endpoint, let command, let limit):
        "Redis at \(endpoint) did not answer \(command) within \(limit); check its load and the network"
      case .reply(let command, let message):
        "Redis refuses \(command): \(message)"
      case .wrongType(let command, let keys):
        "Redis refuses \(command): the key \(keys.map(\.description).joined(separator: " or ")) is of another type than "
          + "it works on; see what it is, and rename or delete it"
      case .protocolViolation(let endpoint, let reason):
        "what answers at \(endpoint) does not speak as Redis does: \(reason); check the Redis URL"
      case .badURL(let reason):
        "the Redis URL cannot be read: \(reason); it is redis://[user:password@]host:port/db or unix:///path"
      }
    return line.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
