import Foundation

/// Where the private servers live.
///
///     DIR/lock             held by the one `rollcall up` of this directory
///     DIR/rollcall.yaml    how another shell reaches the servers
///     DIR/log/             what the servers say
///     DIR/redis/           Redis's append-only file and socket
///     DIR/postgres/        the cluster, the Postgres account's
///     DIR/run/             Postgres's socket, the Postgres account's
struct DataDirectory: Sendable {
  /// What fits `sun_path` beside its NUL (unix(7)).
  static let longestSocketPath = 107

  /// Absolute.
  let path: String

  var lock: String { path + "/lock" }
  var configurationFile: String { path + "/rollcall.yaml" }
  var redisLog: String { path + "/log/redis.log" }
  var postgresLog: String { path + "/log/postgres.log" }
  var redis: String { path + "/redis" }
  var redisSocket: String { redis + "/redis.sock" }
  var redisProcessFile: String { redis + "/redis.pid" }
  var postgres: String { path + "/postgres" }
  /// Becomes `postgres` when `initdb` has done, so that half a cluster is never taken for one.
  var newPostgres: String { path + "/postgres.new" }
  var postgresProcessFile: String { postgres + "/postmaster.pid" }
  var postgresSocketProcessFile: String { postgresRun + "/.s.PGSQL.5432.lock" }
  var postgresRun: String { path + "/run" }

  var redisURL: String { "unix://" + redisSocket }
  var postgresURL: String { "postgresql:///rollcall?host=\(postgresRun)&port=5432&user=rollcall" }

  /// Checks the name only; nothing is touched.
  init(_ name: String) throws(LocalServersError) {
    guard !name.isEmpty else { throw LocalServersError(description: "--data names no directory", cause: .directory) }
    path = URL(filePath: name).standardizedFileURL.path(percentEncoded: false).droppingSlashes()
    // The path becomes part of two URLs and a YAML string.
    let refused = "%?#&'\"\\".unicodeScalars
    if let scalar = path.unicodeScalars.first(where: {
      refused.contains($0) || $0.properties.isWhitespace || isUnsafe($0)
    }) {
      throw LocalServersError(
        description: "the data directory \"\(terminalSafe(path))\" holds \"\(terminalSafe(String(scalar)))\", "
          + "which cannot stand in the servers' URLs; choose another with --data", cause: .directory)
    }
    let longest = max(redisSocket.utf8.count, postgresRun.utf8.count + "/.s.PGSQL.5432".utf8.count)
    guard longest <= Self.longestSocketPath else {
      let room = Self.longestSocketPath - (longest - path.utf8.count)
      throw LocalServersError(
        description: "the data directory \(path) is too long for Unix sockets (\(path.utf8.count) bytes, "
          + "\(room) fit); choose a shorter one with --data", cause: .directory)
    }
  }

  /// Where the servers live when the user does not say: `/var/lib/rollcall` for root, else the XDG Base
  /// Directory Specification's place for state.
  static func standard(environment: [String: String], isRoot: Bool = geteuid() == 0) -> String {
    if isRoot { return "/var/lib/rollcall" }
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/rollcall" }
    return (environment["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path) + "/.local/state/rollcall"
  }

  /// Makes what is missing. Only `owner`, which Postgres runs as, may enter its two directories; root's own
  /// data directory stays open for it to pass through.
  func create(owner: Account) throws(LocalServersError) {
    do {
      let mode = geteuid() == 0 ? 0o755 : 0o700
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
    } catch {
      throw LocalServersError(
        description: "cannot make the data directory \(path) (\(failureReason(error))); choose another with --data",
        cause: .directory)
    }
    let user = Account.current
    for directory in [redis, path + "/log"] { try Self.make(directory, owner: user) }
    try Self.make(postgresRun, owner: owner)
  }

  /// Makes one directory that only `owner` may enter; one that is there must be its already.
  static func make(_ directory: String, owner: Account) throws(LocalServersError) {
    if mkdir(directory, 0o700) == 0 {
      guard owner == .current || chown(directory, owner.uid, owner.gid) == 0 else {
        throw systemError("cannot give \(directory) to \(owner.name)")
      }
      return
    }
    guard errno == EEXIST else { throw systemError("cannot make \(directory)") }
    var status = stat()
    guard stat(directory, &status) == 0 else { throw systemError("cannot look at \(directory)") }
    guard status.st_uid == owner.uid else {
      throw LocalServersError(
        description: "\(directory) belongs to user \(status.st_uid), not to \(owner.name); "
          + "run as the user who made it or choose another directory with --data", cause: .directory)
    }
  }

  /// Writes `rollcall.yaml`, whole or not at all.
  ///
  /// - Parameter prefix: of the Redis keys, where it is not the default.
  func writeConfiguration(prefix: String?) throws(LocalServersError) {
    let text = """
      # How to reach the servers of `rollcall up`, which writes this file anew at every start:
      #   rollcall --config \(configurationFile) ...
      redis_url: "\(redisURL)"
      postgres_url: "\(postgresURL)"
      \(prefix.map { "prefix: \"\($0)\"\n" } ?? "")
      """
    do {
      try Data(text.utf8).write(to: URL(filePath: configurationFile), options: .atomic)
    } catch {
      throw LocalServersError(
        description: "cannot write \(configurationFile): \(failureReason(error))", cause: .directory)
    }
  }
}

/// The failure of the system call just made in the data directory, in one line.
func systemError(_ what: String) -> LocalServersError {
  LocalServersError(
    description: "\(what): \(String(cString: strerror(errno))); mend that or choose another directory with --data",
    cause: .directory)
}

extension String {
  fileprivate func droppingSlashes() -> String {
    var path = self
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
