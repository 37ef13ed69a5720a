import Foundation
import RedisClient
import TestSupport

/// A redis-server of one test's own, on a Unix socket in a temporary directory; ended by its pid.
final class PrivateRedis {
  let directory: TemporaryDirectory
  let socket: String
  private let process = Process()

  struct NotUp: Error {}

  init(_ options: [String] = []) throws {
    directory = try TemporaryDirectory()
    socket = directory.appending("redis.sock")
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      ["redis-server", "--port", "0", "--bind", "127.0.0.1", "--unixsocket", socket, "--dir", directory.path]
      + ["--save", ""] + options
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try waitUntilUp()
  }

  deinit { stop() }

  /// A server started from a thread of the cooperative pool inherits that thread's signal mask, in which
  /// SIGTERM is blocked: only SIGKILL ends it.
  func stop() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func endpoint(user: String? = nil, password: String? = nil, database: Int = 0) -> RedisEndpoint {
    RedisEndpoint(address: .unix(path: socket), user: user, password: password, database: database)
  }

  /// It answers, be it that a password is missing.
  private func waitUntilUp() throws {
    let connection = RedisConnection(endpoint: endpoint())
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      do {
        try connection.command("PING")
        return
      } catch RedisError.authentication {
        return
      } catch {
        Thread.sleep(forTimeInterval: 0.01)  // Between two looks at a condition with a deadline.
      }
    }
    throw NotUp()
  }
}
