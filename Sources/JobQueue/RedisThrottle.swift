import RedisClient
import ScanModel

/// The rates of libraries that have a limit (`--max-files-per-second`), shared by all slots of all workers. One
/// thread owns it, and through it a connection of its own: nothing is connected before the first limited library.
public final class RedisThrottle {
  private let connection: RedisConnection
  private let prefix: String

  public init(connection: RedisConnection, prefix: String) {
    self.connection = connection
    self.prefix = prefix
  }

  /// Reserves `entries` of a library's rate.
  ///
  /// - Parameters:
  ///   - queue: the library's.
  ///   - rate: entries a second, at least 1.
  ///   - longest: the longest wait that is ever answered, whatever Redis holds.
  /// - Returns: for how long to wait before these entries are used.
  public func reserve(
    _ entries: Int, of library: LibraryID, queue: String, rate: Int, longest: Duration
  ) throws(QueueError) -> Duration {
    let key = QueueKeys(prefix: prefix, queue: queue).rate(library)
    return try attempting("reserve a share of the rate of library \(library)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.throttle, keys: [key],
        arguments: [RedisArgument(entries), RedisArgument(rate), RedisArgument(longest.milliseconds * 1000)])
      guard let microseconds = reply.integer else { throw connection.unexpected(reply, from: JobScripts.throttle) }
      return .microseconds(microseconds)
    }
  }
}
