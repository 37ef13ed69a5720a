import Catalog
import JobQueue
import PostgresClient
import RedisClient
import ScanModel
import Worker

/// Redis and Postgres, as a scan needs them.
struct ServerChecks {
  /// What the command proves that there is room for: what a library of some 100,000 files takes.
  private static let room: Int64 = 16 << 20

  private(set) var findings: [PreflightFinding] = []
  /// The exit code that what was found calls for, beside that of failures.
  private(set) var code: Int32 = 0
  /// Where it can be asked.
  private(set) var catalog: Catalog?
  private(set) var queues: RedisQueues?

  /// - Throws: what no check can be made with, such as a URL that cannot be parsed.
  init(_ environment: Environment) throws {
    try checkRedis(environment)
    try checkPostgres(environment)
  }

  private mutating func checkRedis(_ environment: Environment) throws {
    let examination = try environment.redisExamination()
    do {
      findings += try examination.look().findings
      queues = try environment.queues()
    } catch {
      try fail(.redis, error)
    }
  }

  private mutating func checkPostgres(_ environment: Environment) throws {
    let catalog = environment.catalogUnchecked()
    do { try catalog.connect() } catch { return try fail(.postgres, error) }
    self.catalog = catalog
    let url = maskingPasswords(environment.configuration.postgresURL)
    findings.append(PreflightFinding(.postgres, .ok, "Postgres answers at \(url), and its schema is this release's"))
    do {
      try catalog.proveWritable()
      findings.append(PreflightFinding(.postgresWrites, .ok, "Postgres takes writes"))
    } catch {
      return try failToWrite(error)
    }
    try checkRoom(catalog)
  }

  private mutating func checkRoom(_ catalog: Catalog) throws {
    do {
      let ok = PreflightFinding(.postgresRoom, .ok, "\(Humane.size(Self.room)) could be written to Postgres")
      findings.append(RoomFinding.of(try catalog.proveRoom(bytes: Self.room)) ?? ok)
    } catch {
      guard let finding = RoomFinding.of(error) else { return try fail(.postgresRoom, error) }
      findings.append(finding)
    }
  }

  private mutating func failToWrite(_ error: CatalogError) throws {
    guard case .postgres(.server(let state, let message, _, _, _)) = error, ["25006", "42501"].contains(state) else {
      return try fail(.postgresWrites, error)
    }
    let advice =
      state == "25006"
      ? "name the primary in the Postgres URL, and see default_transaction_read_only of its user and database"
      : "log in as the user who owns Rollcall's tables"
    findings.append(
      PreflightFinding(.postgresWrites, .failure(advice: advice), "Postgres takes no writes: \(message) [\(state)]"))
  }

  /// The program's own error, whose last part says what to do.
  private mutating func fail(_ check: PreflightFinding.Check, _ error: any Error) throws {
    let status = ExitStatus(error)
    let isSchema = if case .postgres? = error as? CatalogError { false } else { error is CatalogError }
    if status.code == ExitStatus.usage, !isSchema { throw error }
    code = max(code, status.code)
    if case .postgres(.unreachable(let reason))? = error as? CatalogError {
      let advice = "check that it runs there and that the Postgres URL is right"
      return findings.append(PreflightFinding(check, .failure(advice: advice), "Postgres cannot be reached: \(reason)"))
    }
    findings.append(PreflightFinding(check, failure: cause(of: error)))
  }

  /// Without what was being done, which the check tells.
  private func cause(of error: any Error) -> String {
    if case .redis(_, let cause)? = error as? QueueError { cause.description } else { "\(error)" }
  }
}

extension PreflightFinding {
  /// A failure of which one line tells, as the program's errors do, what is wrong and behind its last semicolon what
  /// to do; or behind a colon.
  init(_ check: Check, library: String? = nil, failure line: String) {
    let cut = line.ranges(of: "; ").last ?? line.ranges(of: #/: (?=(run|install|use) )/#).last
    guard let cut else {
      self.init(check, .failure(advice: "see the log of the server"), library: library, line)
      return
    }
    self.init(
      check, .failure(advice: String(line[cut.upperBound...])), library: library, String(line[..<cut.lowerBound]))
  }
}
