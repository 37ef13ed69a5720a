import Foundation

/// A Postgres of one test's own, on a Unix socket in a temporary directory. One thread owns it.
public final class PrivatePostgres {
  private let directory: TemporaryDirectory
  private let programs: String
  private let options: [String]
  private let wrapper: [String]
  private var server: ChildProcess?

  /// Makes a cluster and starts it.
  ///
  /// - Parameters:
  ///   - password: what it asks its superuser `app` for; nobody is asked where it is `nil`.
  ///   - options: further ones of postgres.
  ///   - wrapper: a program and its arguments that turn into Postgres, such as unshare(1); of the cluster's directory.
  public init(
    password: String? = nil, options: [String] = [], wrapper: (String) -> [String] = { _ in [] }
  ) throws {
    directory = try TemporaryDirectory(inMemory: true)
    self.options = options
    self.wrapper = wrapper(directory.path)
    if getuid() == 0 { try run(["chown", "postgres:", directory.path]) }
    programs = String(decoding: try run(["pg_config", "--bindir"]), as: UTF8.self).trimmingCharacters(in: .newlines)
    var initdb = ["\(programs)/initdb", "-D", directory.appending("data"), "-U", "app", "--no-sync"]
    if let password {
      let file = directory.appending("password")
      try Data(password.utf8).write(to: URL(filePath: file))
      if getuid() == 0 { try run(["chown", "postgres:", file]) }
      initdb += ["-A", "scram-sha-256", "--pwfile", file]
    } else {
      initdb += ["-A", "trust"]
    }
    try run(Self.unprivileged(initdb))
    try start()
  }

  deinit { stop() }

  /// Where it lies, with its socket.
  public var path: String { directory.path }

  /// Without the password.
  public var conninfo: String { "host=\(directory.path) user=app dbname=postgres" }

  /// Starts it, and does not wait until it is ready.
  public func start() throws {
    server = try ChildProcess(
      wrapper
        + Self.unprivileged(
          [
            "\(programs)/postgres", "-D", directory.appending("data"), "-k", directory.path, "-c", "listen_addresses=",
            "-c", "fsync=off", "-c", "max_connections=200",
          ] + options))
  }

  /// An immediate shutdown: every connection ends at once, and the next start recovers from the log.
  public func stop() {
    guard let server else { return }
    server.send(SIGCONT)
    server.send(SIGQUIT)
    // A server that outlives its shutdown is killed with the last reference.
    _ = try? server.wait()
    self.server = nil
  }

  /// Waits until it lets its superuser in.
  public func waitUntilReady(password: String? = nil) throws {
    let password = password.map { " password=\($0)" } ?? ""
    try eventually("a private Postgres is ready") {
      guard server?.isRunning == true else {
        throw ChildProcess.CannotStart(description: "a private Postgres ended: \(server?.errorsSoFar ?? "")")
      }
      return try ChildProcess(["psql", "--dbname=\(conninfo)\(password)", "--command=SELECT 1"]).wait().code == 0
    }
  }

  /// Stops the process that accepts connections, with SIGSTOP; those who are connected do not notice.
  public func freeze() { server?.send(SIGSTOP) }

  public func thaw() { server?.send(SIGCONT) }

  /// Postgres refuses to run as root.
  private static func unprivileged(_ command: [String]) -> [String] {
    getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command : command
  }
}
