import Foundation

/// The private servers that `ops/test` starts for a run. A missing one fails the test; it never skips.
public enum TestServers {
  public struct Missing: Error, CustomStringConvertible {
    public let variable: String
    public var description: String { "\(variable) is not set: run the tests through ops/test" }
  }

  /// A `unix://` or `redis://` URL.
  public static func redisURL() throws -> String { try variable("ROLLCALL_TEST_REDIS_URL") }

  /// A libpq connection string of a superuser of an empty cluster; each test makes a database of its own.
  public static func postgresURL() throws -> String { try variable("ROLLCALL_TEST_POSTGRES_URL") }

  /// A name that no other test of this run uses: a key prefix, a database or a library.
  public static func uniqueName(_ stem: String = "t") -> String {
    "\(stem)_\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }

  static func variable(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { throw Missing(variable: name) }
    return value
  }
}
