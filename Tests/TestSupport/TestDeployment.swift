import Foundation

/// A Rollcall of a test's own: the real program with a key prefix and a migrated database that nobody else
/// uses, on the tests' servers or on private ones.
public final class TestDeployment: Sendable {
  public let prefix: String
  public let database: TestDatabase
  public let redisURL: String
  private let binary: String
  private let settings: [String: String]

  /// - Parameters:
  ///   - redis: a URL; the tests' server if it is `nil`.
  ///   - postgres: a libpq connection string of a superuser; the tests' server if it is `nil`.
  ///   - settings: further environment of every command, such as `ROLLCALL_LOCK_TTL`.
  public init(redis: String? = nil, postgres: String? = nil, settings: [String: String] = [:]) throws {
    binary = try RollcallBinary.path()
    prefix = TestServers.uniqueName()
    redisURL = try redis ?? TestServers.redisURL()
    database = try TestDatabase(on: postgres)
    self.settings = settings
    try succeed(["migrate"])
  }

  deinit {
    // Keys that stay disturb nobody: no other test has this prefix.
    try? forgetKeys()
  }

  /// What FLUSHALL is to a server of one's own.
  public func forgetKeys() throws {
    let keys = try redis(["--scan", "--pattern", "\(prefix):*"])
    guard !keys.isEmpty else { return }
    try redis(["DEL"] + keys.split(separator: "\n").map(String.init))
  }

  /// What tells the program its servers; a crashing one must not hold its files open for minutes.
  public var environment: [String: String] {
    [
      "ROLLCALL_REDIS_URL": redisURL, "ROLLCALL_POSTGRES_URL": database.url, "ROLLCALL_PREFIX": prefix,
      "SWIFT_BACKTRACE": "enable=no",
    ].merging(settings) { $1 }
  }

  /// Starts a command of the program.
  ///
  /// - Parameters:
  ///   - wrapper: a program and its arguments that turn into ours, such as setpriv(1).
  ///   - more: further environment.
  ///   - build: another build of the program than the one that is tested.
  public func start(
    _ arguments: [String], wrapper: [String] = [], more: [String: String] = [:], build: String? = nil
  ) throws -> ChildProcess {
    try ChildProcess(wrapper + [build ?? binary] + arguments, environment: environment.merging(more) { $1 })
  }

  /// Runs a command to its end, whatever its exit code.
  public func run(
    _ arguments: [String], more: [String: String] = [:], within deadline: Duration = patience
  ) throws -> ChildProcess.Ended {
    try start(arguments, more: more).wait(within: deadline)
  }

  /// Runs a command that must succeed.
  @discardableResult
  public func succeed(_ arguments: [String]) throws -> String {
    let ended = try run(arguments)
    guard ended.code == 0 else {
      throw ChildProcess.CannotStart(
        description: "rollcall \(arguments.joined(separator: " ")) ended with \(ended.code): \(ended.errors)")
    }
    return ended.text
  }

  /// Starts a worker and waits until it is registered and takes jobs.
  public func worker(
    slots: Int = 2, _ arguments: [String] = [], wrapper: [String] = [], more: [String: String] = [:]
  ) throws -> ChildProcess {
    let words = ["worker", "--slots", "\(slots)", "--log-format", "text"] + arguments
    return try until("worker started") { try start(words, wrapper: wrapper, more: more) }
  }

  /// Starts a reaper and waits until it runs.
  public func reaper(_ arguments: [String] = [], more: [String: String] = [:]) throws -> ChildProcess {
    try until("reaper started") { try start(["reaper", "--log-format", "text"] + arguments, more: more) }
  }

  /// Waits until a process that is to serve says so. It is started again where a server did not answer it in time.
  ///
  /// - Parameters:
  ///   - line: what its log says then.
  ///   - isMeant: whether its end will do too.
  public func until(
    _ line: String, orItsEnd isMeant: (ChildProcess.Ended) -> Bool = { _ in false }, _ start: () throws -> ChildProcess
  ) throws -> ChildProcess {
    var process = try start()
    try eventually(line) {
      if process.errorsSoFar.contains(line) { return true }
      guard !process.isRunning else { return false }
      let ended = try process.wait()
      if isMeant(ended) || ended.errors.contains(line) { return true }
      guard ended.code == RollcallBinary.serverIsAway else {
        throw ChildProcess.CannotStart(description: "it ended at once with \(ended.code): \(ended.errors)")
      }
      process = try start()
      return false
    }
    return process
  }

  /// Runs redis-cli(1) with a command, whose last word is `input` where there is one, and answers with the
  /// reply's text.
  @discardableResult
  public func redis(_ command: [String], input: [UInt8]? = nil) throws -> String {
    let unix = "unix://"
    let server = redisURL.hasPrefix(unix) ? ["-s", String(redisURL.dropFirst(unix.count))] : ["-u", redisURL]
    let words = ["redis-cli"] + server + (input == nil ? [] : ["-x"]) + command
    let reply = try TestSupport.run(words, input: input ?? [])
    return String(decoding: reply, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  /// A key of the queue `default`.
  public func key(_ name: String) -> String { "\(prefix):{default}:\(name)" }
}
