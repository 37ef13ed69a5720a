import Foundation

/// A redis-server of one test's own, on a Unix socket in a temporary directory, with nothing on disk: whenever
/// it is started again, it is empty. One thread owns it.
public final class PrivateRedis {
  public let directory: TemporaryDirectory
  public let socket: String
  private let options: [String]
  private var process: ChildProcess?

  /// - Parameter options: further ones of redis-server.
  public init(_ options: [String] = []) throws {
    directory = try TemporaryDirectory()
    socket = directory.appending("redis.sock")
    self.options = options
    try start()
  }

  public var url: String { "unix://\(socket)" }

  /// Starts it, empty, and waits until it answers, be it that a password is missing.
  public func start() throws {
    let process = try ChildProcess(
      ["redis-server", "--port", "0", "--bind", "127.0.0.1", "--unixsocket", socket, "--dir", directory.path]
        + ["--save", "", "--enable-debug-command", "yes"] + options)
    self.process = process
    try eventually("a private Redis answers") {
      guard process.isRunning else { throw ChildProcess.CannotStart(description: process.outputSoFar) }
      let reply = try ChildProcess(["redis-cli", "-s", socket, "PING"]).wait().text
      return reply.hasPrefix("PONG") || reply.hasPrefix("NOAUTH")
    }
  }

  /// As kill(1) with -9 does: it forgets everything.
  public func stop() {
    process?.send(SIGKILL)
    process = nil  // Waits for its end.
  }

  /// Stops its process with SIGSTOP: whoever is connected hears no more of it.
  public func freeze() { process?.send(SIGSTOP) }

  public func thaw() { process?.send(SIGCONT) }
}
