import Foundation

/// An empty database of a test's own, on the tests' server or on a private one, reached through psql(1);
/// dropped with the last reference, whoever is still connected.
public final class TestDatabase: Sendable {
  public let name: String
  /// A libpq connection string.
  public let url: String
  private let server: String

  /// - Parameter server: a libpq connection string of a superuser; the tests' server if it is `nil`.
  public init(on server: String? = nil) throws {
    name = TestServers.uniqueName()
    let server = try server ?? TestServers.postgresURL()
    self.server = server
    url = Self.naming(database: name, in: server)
    try psql(server, Array("CREATE DATABASE \(name)".utf8))
  }

  deinit {
    // The server goes after the test or the tests, with whatever is left.
    _ = try? psql(server, Array("DROP DATABASE \(name) WITH (FORCE)".utf8))
  }

  /// The rows of a statement, a line each with tabs between its columns.
  @discardableResult
  public func query(_ sql: String) throws -> [String] { try psql(url, Array(sql.utf8)) }

  /// The same for a script that may hold the rows of a `COPY … FROM STDIN`, as psql(1) takes them.
  @discardableResult
  public func query(script: [UInt8]) throws -> [String] { try psql(url, script) }

  /// The last of several settings of one key counts, in both forms of a connection string.
  private static func naming(database: String, in server: String) -> String {
    guard server.contains("://") else { return "\(server) dbname=\(database)" }
    return server + (server.contains("?") ? "&" : "?") + "dbname=\(database)"
  }
}

@discardableResult
private func psql(_ url: String, _ script: [UInt8]) throws -> [String] {
  let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t"]
  let output = try run(
    ["psql", "--dbname=\(url)", "--set=ON_ERROR_STOP=1"] + options + ["--file=-"], input: script)
  return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
}
