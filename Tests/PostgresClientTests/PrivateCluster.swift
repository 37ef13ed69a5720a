import Foundation
import PostgresClient
import TestSupport
import Testing

/// A Postgres of its own that asks for passwords, on a Unix socket in a temporary directory.
final class PrivateCluster {
  private let directory: TemporaryDirectory
  private let server: Process

  init(password: String) throws {
    directory = try TemporaryDirectory()
    let data = directory.appending("data")
    let passwordFile = directory.appending("password")
    try Data(password.utf8).write(to: URL(filePath: passwordFile))
    if getuid() == 0 { try Self.process(["chown", "-R", "postgres:", directory.path]).runToEnd() }
    let programs = try Self.process(["pg_config", "--bindir"]).runToEnd()
    try Self.unprivileged([
      "\(programs)/initdb", "-D", data, "-U", "app", "-A", "scram-sha-256", "--pwfile", passwordFile, "--no-sync",
    ]).runToEnd()
    server = Self.unprivileged([
      "\(programs)/postgres", "-D", data, "-k", directory.path, "-c", "listen_addresses=", "-c", "fsync=off",
    ])
    server.standardOutput = FileHandle.nullDevice
    server.standardError = FileHandle.nullDevice
    try server.run()
  }

  deinit {
    server.interrupt()  // a fast shutdown
    server.waitUntilExit()
  }

  /// Without the password.
  var conninfo: String { "host=\(directory.path) user=app dbname=postgres" }

  /// Stops the process that accepts connections, with SIGSTOP; those who are connected do not notice.
  func freeze() { #expect(server.suspend()) }

  func thaw() { #expect(server.resume()) }

  func waitUntilReady(_ connection: PostgresConnection) throws {
    let end = ContinuousClock.now + .seconds(20)
    while let error = failure({ () throws(PostgresError) in try connection.connect() }) {
      try #require(error.isUnreachable && .now < end && server.isRunning, "\(error)")
    }
  }

  /// Postgres refuses to run as root.
  private static func unprivileged(_ command: [String]) -> Process {
    process(getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command : command)
  }

  private static func process(_ command: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(filePath: "/")
    return process
  }
}

extension Process {
  private struct Failed: Error { let command: [String]? }

  /// Answers with its output's first line.
  @discardableResult
  fileprivate func runToEnd() throws -> Substring {
    let output = Pipe()
    standardOutput = output
    try run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    waitUntilExit()
    guard terminationStatus == 0 else { throw Failed(command: arguments) }
    return String(decoding: text, as: UTF8.self).prefix { $0 != "\n" }
  }
}
