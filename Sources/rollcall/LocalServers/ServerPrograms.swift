import Foundation

/// Where the servers' programs are on this machine.
struct ServerPrograms: Sendable, Equatable {
  let redisServer: String
  let redisCLI: String
  /// The directory of `postgres`, `initdb`, `psql` and their like.
  let postgres: String
  let setpriv: String

  /// - Parameters:
  ///   - directories: searched in order.
  ///   - versions: where Debian has each major version of PostgreSQL, in `<version>/bin`; the newest is taken.
  ///   - cluster: the major version that made the cluster; no other can open it.
  static func find(
    in directories: [String], postgresVersions versions: String = "/usr/lib/postgresql", cluster: Int?
  ) throws(LocalServersError) -> ServerPrograms {
    ServerPrograms(
      redisServer: try program("redis-server", package: "redis-server", directories),
      redisCLI: try program("redis-cli", package: "redis-tools", directories),
      postgres: try postgres(directories, versions, cluster),
      setpriv: try program("setpriv", package: "util-linux", directories))
  }

  /// `PATH`, and where Debian has programs if `PATH` is cut short.
  static func searchPath(environment: [String: String]) -> [String] {
    let path = environment["PATH", default: ""].split(separator: ":").map(String.init)
    return path + ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
  }

  private static func program(_ name: String, package: String, _ directories: [String]) throws(LocalServersError)
    -> String
  {
    let paths = directories.map { "\($0)/\(name)" }
    if let path = paths.first(where: { access($0, X_OK) == 0 }) { return path }
    throw LocalServersError(description: "\(name) is not installed: apt-get install \(package)")
  }

  private static func postgres(
    _ directories: [String], _ versions: String, _ cluster: Int?
  ) throws(LocalServersError) -> String {
    var candidates = directories
    if let cluster {
      candidates = ["\(versions)/\(cluster)/bin"]
    } else if let installed = enumerate(versions).last(where: { isComplete("\(versions)/\($0)/bin") }) {
      return "\(versions)/\(installed)/bin"
    }
    if let directory = candidates.first(where: isComplete) { return directory }
    let name = cluster.map { "postgresql-\($0)" } ?? "postgresql"
    let why = cluster.map { "PostgreSQL \($0), which made this data directory's cluster," } ?? "PostgreSQL's server"
    throw LocalServersError(description: "\(why) is not installed: apt-get install \(name)")
  }

  /// Major versions, the newest last.
  private static func enumerate(_ versions: String) -> [Int] {
    // No such directory: no version is installed there.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []
    return names.compactMap { Int($0) }.sorted()
  }

  private static func isComplete(_ directory: String) -> Bool {
    ["postgres", "initdb", "psql", "createdb", "pg_isready"].allSatisfy { access("\(directory)/\($0)", X_OK) == 0 }
  }
}
