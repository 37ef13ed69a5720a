import ArgumentParser
import BlockingThread
import Catalog
import Foundation
import JobQueue
import Reaper
import ScanModel
import ServiceLifecycle
import Worker

struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run everything at once, with a private Redis and Postgres of its own.",
    discussion: """
      The servers listen on Unix sockets under the data directory only, and end with this command. Those that a \
      killed one (a second signal, kill -9) leaves running are ended by the next start, which keeps their data. \
      Unless a log level is chosen, it logs from notice on.
      """)
  @Option(
    help: ArgumentHelp(
      "Where the servers and their files live, a short path; else /var/lib/rollcall for root, "
        + "$XDG_STATE_HOME/rollcall or ~/.local/state/rollcall for others.", valueName: "dir"))
  var data: String?
  @Option(
    name: .customLong("scan"),
    help: ArgumentHelp("Scan this directory, which may be relative, and show the result.", valueName: "dir"))
  var directory: String?
  @Flag(help: "Exit when the scan has ended, with its exit code; else stay until Ctrl-C.") var exit = false
  @OptionGroup var slots: SlotsOption
  @OptionGroup(title: "Configuration") var options: GlobalOptions

  func validate() throws {
    if exit, directory == nil { throw ValidationError("--exit needs --scan DIR") }
    if options.redisURL != nil || options.postgresURL != nil {
      throw ValidationError("`rollcall up` has a Redis and a Postgres of its own and takes no other's URL")
    }
  }

  func run() async throws {
    let path = data ?? DataDirectory.standard(environment: ProcessInfo.processInfo.environment)
    let servers = try LocalServers(dataDirectory: path)
    // What is wrong with the configuration is said before anything starts.
    let environment = try options.load([
      "redis_url": servers.directory.redisURL, "postgres_url": servers.directory.postgresURL, "slots": slots.slots,
    ]).quiet
    let allowed = environment.configuration.allowedRoots
    let root = try directory.map { (path) throws in
      // It is scanned from here and now: a relative path can mean one directory only.
      try RootPath.resolved(RootPath.absolute(path), allowed: allowed)
    }
    // From here on a signal ends the servers too, in order.
    let signals = await EndSignals()
    let outcome: Result<Int32, any Error>
    do { outcome = .success(try await serve(servers, root, environment, signals)) } catch { outcome = .failure(error) }
    try await offPool { servers.stop() }
    throw ExitCode(try outcome.get())
  }

  private func serve(
    _ servers: LocalServers, _ root: String?, _ environment: Environment, _ signals: EndSignals
  ) async throws -> Int32 {
    let prefix = environment.configuration.chosenPrefix
    _ = try await offPool { try servers.start(prefix: prefix) }
    _ = try await offPool { try environment.catalogUnchecked().migrate() }
    let session = UpSession(root: root, servers: servers, environment: environment)
    let worker = try Worker(settings: WorkerSettings(environment.configuration), logger: environment.logger)
    let reaper = try Reaper(settings: ReaperSettings(environment.configuration), logger: environment.logger)
    try await Services(
      [
        .init(service: worker), .init(service: reaper),
        .init(service: session, successTerminationBehavior: exit ? .gracefullyShutdownGroup : .ignore),
      ], environment
    ).run(until: signals)
    return exit ? session.exitCode : 0
  }
}
