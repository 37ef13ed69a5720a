import BlockingThread
import Catalog
import Foundation
import JobQueue
import ScanModel
import ServiceLifecycle
import Synchronization
import Worker

/// What `rollcall up` does for its user while the worker runs: says how to use it from another shell,
/// scans, and shows the result.
final class UpSession: Service {
  private let root: String?
  private let servers: LocalServers
  private let environment: Environment
  private let stop = StopSignal()
  private let code = Mutex<Int32>(ExitStatus.failure)

  init(root: String?, servers: LocalServers, environment: Environment) {
    self.root = root
    self.servers = servers
    self.environment = environment
  }

  /// Of the scan, once it has ended.
  var exitCode: Int32 { code.withLock { $0 } }

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await offPool { try self.serve() }
    } onGracefulShutdown: {
      self.stop.set()
    }
  }

  private func serve() throws {
    try environment.print(usage)
    guard let root else { return }
    let catalog = try environment.catalog()
    let queues = try environment.queues()
    let library = try LibraryTarget(root).library(in: catalog, allowed: environment.configuration.allowedRoots)
    let scan = try scan(library, catalog, queues)
    guard let scan else { return }
    try environment.print(
      ["", "\(ScanReport(scan, environment.terminal).lines.joined(separator: "\n"))", ""] + Self.next)
    code.withLock { $0 = ExitStatus.code(of: scan.status) }
  }

  /// The ended scan; `nil` where the session was stopped before. One that a former session left active
  /// goes on.
  private func scan(
    _ library: LibraryRecord, _ catalog: Catalog, _ queues: RedisQueues
  ) throws -> ScanRecord? {
    let watch = ScanWatch(catalog: catalog, queues: queues, environment: environment)
    if let active = try catalog.currentScan(of: library.id), active.status.isActive {
      return try watch.wait(for: active.id, until: stop)
    }
    let request = ScanRequest(target: .name(library.name), requestedBy: "rollcall up")
    let scan = try ScanRequests(catalog: catalog, queues: queues).admit(request)
    return try watch.wait(for: scan.id, until: stop)
  }

  private var usage: [String] {
    let directory = servers.directory
    return [
      "Rollcall is up: a worker, a reaper, and a private Redis and Postgres under \(directory.path).",
      "In another shell:",
      "  export ROLLCALL_CONFIG='\(directory.configurationFile)'",
      "  export ROLLCALL_REDIS_URL='\(environment.configuration.redisURL)'",
      "  export ROLLCALL_POSTGRES_URL='\(environment.configuration.postgresURL)'",
    ] + (environment.configuration.chosenPrefix.map { ["  export ROLLCALL_PREFIX='\($0)'"] } ?? []) + [
      "  rollcall status; rollcall workers; rollcall --help"
    ]
  }

  private static let next = [
    "Look at the files in SQL, from another shell:",
    "  psql \"$ROLLCALL_POSTGRES_URL\" -c 'SELECT library, path_text, size FROM catalog_files ORDER BY size DESC LIMIT 10'",
  ]
}

extension StopSignal: WatchPause {
  func pause(for duration: Duration) -> Bool { !wait(for: duration) }
}
