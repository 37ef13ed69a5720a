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
    _ arguments: [String], more: [String: String] = [:], within deadline: Duration = .seconds(60)
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
    let worker = try start(words, wrapper: wrapper, more: more)
    try eventually("a worker starts") {
      guard worker.isRunning else {
        throw ChildProcess.CannotStart(description: "the worker ended at once: \(worker.errorsSoFar)")
      }
      return worker.errorsSoFar.contains("worker started")
    }
    return worker
  }

  /// Starts a reaper and waits until it runs.
  public func reaper(_ arguments: [String] = [], more: [String: String] = [:]) throws -> ChildProcess {
    let reaper = try start(["reaper", "--log-format", "text"] + arguments, more: more)
    try eventually("a reaper starts") {
      guard reaper.isRunning else {
        throw ChildProcess.CannotStart(description: "the reaper ended at once: \(reaper.errorsSoFar)")
      }
      return reaper.errorsSoFar.contains("reaper started")
    }
    return reaper
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
