import Catalog
import JobQueue
import Logging
import PostgresClient
import ScanModel

/// What the slot that begins a scan makes sure of before it reads anything: that Redis loses no work, and that the
/// catalogue has room. Root and mounts are checked by every slice itself. The slot's thread owns it.
struct ScanPreflight {
  /// What a scan's start proves to be there. More would cost small scans more than they cost themselves.
  static let room: Int64 = 1 << 20

  let catalog: any SlotCatalog
  let examination: RedisExamination
  let health: HealthBoard
  /// For how long a good answer of Redis is good.
  let interval: Duration
  let logger: Logger

  /// Warnings are recorded with the scan. Throws where Postgres is away: that is no fault of the scan's.
  func findings(before claim: SliceClaim) throws(CatalogError) -> [PreflightFinding] {
    var findings = redis()
    guard findings.failures.isEmpty else { return findings }
    do {
      if let finding = RoomFinding.of(try catalog.proveRoom(bytes: Self.room)) { findings.append(finding) }
      if !findings.warnings.isEmpty { try catalog.note(findings.warnings, of: claim) }
    } catch {
      if let finding = RoomFinding.of(error) { return findings + [finding] }
      if error.isOutage || error.isRetryable || error.isCancelled { throw error }
      let advice = "let the user as whom Rollcall logs in own its tables"
      return findings + [PreflightFinding(.postgresWrites, .failure(advice: advice), error.description)]
    }
    for warning in findings.warnings {
      logger.warning(
        "pre-flight warning",
        metadata: claim.logMetadata.merging(["check": "\(warning.check.rawValue)", "warning": "\(warning.line)"]) { $1 }
      )
    }
    return findings
  }

  /// A good answer may be as old as the interval; before a bad one ends a scan, Redis is asked again. One that cannot
  /// be asked is an outage: the work on the scan waits it out.
  private func redis() -> [PreflightFinding] {
    if let known = health.redis(within: interval)?.findings, known.failures.isEmpty { return known.warnings }
    do {
      let standing = try examination.look()
      health.note(standing)
      return standing.findings.warnings + standing.findings.failures
    } catch {
      logger.debug("cannot look at Redis before a scan", metadata: ["error": "\(error)"])
      return []
    }
  }
}

/// What the attempt to write to the catalogue proves.
public enum RoomFinding {
  /// - Parameter isProved: what `proveRoom` returned.
  /// - Returns: `nil` where there is room.
  public static func of(_ isProved: Bool) -> PreflightFinding? {
    guard !isProved else { return nil }
    return PreflightFinding(
      .postgresRoom, .warning(advice: "to have it looked at: GRANT TEMPORARY ON DATABASE … TO that user"),
      "whether Postgres has room cannot be told, as this user may make no temporary table in its database")
  }

  /// What an error of the attempt means; `nil` where it says nothing of the database's room, as an outage.
  public static func of(_ error: CatalogError) -> PreflightFinding? {
    guard case .postgres(let cause) = error else { return nil }
    switch cause {
    case .server(let state, let message, _, _, _) where state.hasPrefix("53") && state != "53300":
      return PreflightFinding(
        .postgresRoom, .failure(advice: advice(state)), "Postgres has no room: \(message) [\(state)]")
    case .deadline(_, let limit):
      return PreflightFinding(
        .postgresRoom, .failure(advice: "see to the disk of Postgres, or raise operation_timeout"),
        "Postgres did not write a small table within \(limit)")
    case .server, .unreachable, .authentication, .badConnectionString, .databaseMissing, .decoding: return nil
    }
  }

  private static func advice(_ state: String) -> String {
    switch state {
    case "53100": "free space on the disk where Postgres keeps this database, or move it to a larger one"
    case "53200": "see to the memory of the machine on which Postgres runs"
    default: "raise the limit that Postgres names"
    }
  }
}
