import ArgumentParser
import Catalog
import Foundation
import JobQueue
import Logging
import RedisClient
import ScanModel

/// What every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The configuration file; else $ROLLCALL_CONFIG.", valueName: "file"))
  var config: String?
  @Option(help: ArgumentHelp("redis://[user:password@]host:port/db or unix:///path.", valueName: "url"))
  var redisURL: String?
  @Option(help: ArgumentHelp("Any libpq connection string or URL.", valueName: "url"))
  var postgresURL: String?
  @Option(help: "Prefix of the Redis keys.")
  var prefix: String?
  @Option(help: "text or json.")
  var logFormat: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: String?

  /// Loads the configuration, with what this command was told as its highest layer.
  func load(_ more: [String: String?] = [:]) throws(ConfigurationError) -> Environment {
    let flags: [String: String?] = [
      "redis_url": redisURL, "postgres_url": postgresURL, "prefix": prefix, "log_format": logFormat,
      "log_level": logLevel,
    ]
    let given = flags.merging(more) { $1 }.compactMapValues { $0 }
    let environment = ProcessInfo.processInfo.environment
    return Environment(try Configuration.load(file: config, environment: environment, flags: given))
  }
}

/// The output that listings and commands about a scan can be asked for.
struct JSONOption: ParsableArguments {
  @Flag(help: "One JSON document on standard output.")
  var json = false
}

/// A command's surroundings: its configuration, and what it reaches through it.
struct Environment: Sendable {
  let configuration: Configuration
  let logger: Logger
  let terminal = Terminal.current()

  init(_ configuration: Configuration) {
    self.configuration = configuration
    let (format, level) = (configuration.logFormat, configuration.logLevel)
    logger = Logger(label: "rollcall") { _ in LineLogHandler(format: format, level: level) }
  }

  /// The same with logs of nothing but what is out of the ordinary, unless the user chose a level: for a
  /// command whose own output the logs would interrupt.
  var quiet: Environment {
    guard configuration.origin(of: "log_level") == .standard else { return self }
    var configuration = configuration
    configuration.logLevel = .notice
    return Environment(configuration)
  }

  /// A connection to the catalogue that answers and whose schema this program knows.
  func catalog() throws(CatalogError) -> Catalog {
    let catalog = catalogUnchecked()
    try catalog.connect()
    return catalog
  }

  /// The same before anything is connected or checked: for `migrate`.
  func catalogUnchecked() -> Catalog {
    Catalog(
      url: configuration.postgresURL, applicationName: "rollcall", deadline: configuration.operationTimeout,
      logger: logger)
  }

  func queues() throws(RedisError) -> RedisQueues {
    let endpoint = try RedisEndpoint(url: configuration.redisURL)
    return RedisQueues(connection: RedisConnection(endpoint: endpoint), prefix: configuration.prefix)
  }

  /// Looks at how Redis is set up.
  func redisExamination() throws(RedisError) -> RedisExamination {
    let endpoint = try RedisEndpoint(url: configuration.redisURL)
    return RedisExamination(connection: RedisConnection(endpoint: endpoint))
  }

  /// The dead list of one queue.
  func deadList(_ queue: String) throws(RedisError) -> RedisDeadList {
    let endpoint = try RedisEndpoint(url: configuration.redisURL)
    return RedisDeadList(
      connection: RedisConnection(endpoint: endpoint), prefix: configuration.prefix, queue: queue)
  }

  /// The queues that anybody may be using: this configuration's, every library's, and those of which Redis has
  /// anything, though no library names them any more.
  func queueNames() throws -> [String] {
    let libraries = try catalog().libraries()
    let found = try queues().discover()
    if !found.isComplete { complain("Redis holds too much to look for all queues; those of libraries are shown") }
    return found.names.union(configuration.queues).union(libraries.map(\.rules.queue)).sorted()
  }

  func print(_ lines: [String]) throws { for line in lines { try StandardOutput.output.line(line) } }

  func print(json value: some Encodable) throws { try StandardOutput.output.write(JSONOutput.document(value)) }
}
