import Foundation

/// Where a Redis is and as whom to enter it. Its description never shows the password.
///
///     redis://[[user]:password@]host[:port][/db]
///     unix://[[user]:password@]/path/to/redis.sock[?db=N]
///
/// User, password, host and path are percent-decoded; an IPv6 address stands in brackets.
public struct RedisEndpoint: Sendable, Equatable {
  public enum Address: Sendable, Equatable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  public let address: Address
  /// `nil`: the default user.
  public let user: String?
  public let password: String?
  public let database: Int

  public init(address: Address, user: String? = nil, password: String? = nil, database: Int = 0) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
  }

  /// Reads a URL; throws `RedisError.badURL`, whose reason never repeats the URL (it may hold a password).
  public init(url: String) throws(RedisError) {
    guard let separator = url.range(of: "://") else { throw Self.unknownScheme }
    let rest = url[separator.upperBound...]
    switch url[..<separator.lowerBound].lowercased() {
    case "redis": try self.init(tcp: rest)
    case "unix": try self.init(unix: rest)
    case "rediss":
      throw .badURL(reason: "rediss:// is not possible: the Redis library has no TLS; use redis:// through a tunnel")
    default: throw Self.unknownScheme
    }
  }

  private static let unknownScheme = RedisError.badURL(
    reason: "it begins neither with redis:// nor with unix://")

  private init(tcp rest: Substring) throws(RedisError) {
    let (authority, path) = Self.cut(rest, at: "/")
    guard !rest.contains("?"), !rest.contains("#") else {
      throw .badURL(reason: "redis:// takes neither ? nor #; in a password write %3F and %23")
    }
    let (credentials, place) = Self.credentials(in: authority)
    let (user, password) = try Self.userAndPassword(credentials)
    let (host, port) = try Self.hostAndPort(place)
    let database = try path.map { (text) throws(RedisError) in text.isEmpty ? 0 : try Self.database(text) } ?? 0
    self.init(address: .tcp(host: host, port: port), user: user, password: password, database: database)
  }

  private init(unix rest: Substring) throws(RedisError) {
    let (beforeQuery, query) = Self.cut(rest, at: "?")
    guard let slash = beforeQuery.firstIndex(of: "/") else {
      throw .badURL(reason: "unix:// needs an absolute path: unix:///path/redis.sock")
    }
    let authority = beforeQuery[..<slash]
    let (credentials, place) = Self.credentials(in: authority)
    guard place.isEmpty else {
      throw .badURL(reason: "unix:// takes no host: write unix:///path/redis.sock, with three slashes")
    }
    let (user, password) = try Self.userAndPassword(credentials)
    let path = try Self.decoded(beforeQuery[slash...], "path")
    guard path.utf8.count <= Self.longestSocketPath else {
      throw .badURL(reason: "a socket's path has at most \(Self.longestSocketPath) bytes, this has \(path.utf8.count)")
    }
    let database = try query.map { (text) throws(RedisError) in
      guard text.hasPrefix("db=") else { throw .badURL(reason: "unix:// knows only the parameter db") }
      return try Self.database(text.dropFirst(3))
    }
    self.init(address: .unix(path: path), user: user, password: password, database: database ?? 0)
  }

  /// `sun_path` less its terminator, unix(7).
  private static let longestSocketPath = 107
}

extension RedisEndpoint: CustomStringConvertible {
  public var description: String {
    let entry = user.map { "\($0)@" } ?? ""
    switch address {
    case .tcp(let host, let port):
      let shown = host.contains(":") ? "[\(host)]" : host
      return "redis://\(entry)\(shown):\(port)/\(database)"
    case .unix(let path):
      return "unix://\(entry)\(path)" + (database == 0 ? "" : "?db=\(database)")
    }
  }
}

extension RedisEndpoint: CustomReflectable {
  /// `dump` and a debugger's summary keep the password to themselves too.
  public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}

extension RedisEndpoint {
  private static func cut(_ text: Substring, at separator: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: separator) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
  }

  /// Cuts at the last `@`, so that one in a password need not be encoded.
  private static func credentials(in authority: Substring) -> (Substring?, Substring) {
    guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
    return (authority[..<at], authority[authority.index(after: at)...])
  }

  private static func userAndPassword(_ text: Substring?) throws(RedisError) -> (String?, String?) {
    guard let text else { return (nil, nil) }
    let (user, password) = cut(text, at: ":")
    guard let password, !password.isEmpty else {
      throw .badURL(reason: "there is a user without a password; for a password alone write :password@")
    }
    return (user.isEmpty ? nil : try decoded(user, "user"), try decoded(password, "password"))
  }

  private static func hostAndPort(_ place: Substring) throws(RedisError) -> (String, UInt16) {
    var host = place
    var port: Substring?
    if place.hasPrefix("[") {
      guard let end = place.firstIndex(of: "]") else { throw .badURL(reason: "the bracket after the host is missing") }
      host = place[place.index(after: place.startIndex)..<end]
      let tail = place[place.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { throw .badURL(reason: "after ] only :port can follow") }
      port = tail.isEmpty ? nil : tail.dropFirst()
    } else {
      (host, port) = cut(place, at: ":")
      guard port?.contains(":") != true else { throw .badURL(reason: "an IPv6 address stands in brackets: [::1]") }
    }
    guard !host.isEmpty else { throw .badURL(reason: "there is no host") }
    guard let port else { return (try decoded(host, "host"), 6379) }
    guard isNumber(port), let number = UInt16(port), number > 0 else {
      throw .badURL(reason: "the port is not a number from 1 to 65535")
    }
    return (try decoded(host, "host"), number)
  }

  private static func database(_ text: Substring) throws(RedisError) -> Int {
    guard isNumber(text), let number = Int32(text) else {
      throw .badURL(reason: "the database is not a number from 0 on")
    }
    return Int(number)
  }

  private static func isNumber(_ text: Substring) -> Bool { text.utf8.allSatisfy { (48...57).contains($0) } }

  private static func decoded(_ text: Substring, _ part: String) throws(RedisError) -> String {
    guard let plain = String(text).removingPercentEncoding, !plain.utf8.contains(0) else {
      throw .badURL(reason: "the \(part) is not percent-encoded UTF-8; write a % as %25")
    }
    return plain
  }
}
