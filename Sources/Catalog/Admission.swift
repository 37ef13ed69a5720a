import PostgresClient
import ScanModel

/// Through which door a request came.
public enum AdmissionDoor: String, Sendable {
  case cli, queue
}

/// What became of a request for a scan.
public enum Admission: Sendable {
  /// A new scan, whose first slice is `queued`: push its pointer.
  case admitted(ScanRecord)
  /// The scan that this request id made before.
  case existing(ScanRecord)
  /// The library's active scan stands in the way (R4); the refusal is recorded on it.
  case refused(by: ScanRecord)
  /// The library is being removed.
  case removing
  case unknownLibrary
}

extension Catalog {
  /// Admits a scan: one function for all doors. Accepted is accepted: once it returns, the scan will be
  /// run, whatever becomes of the pointer.
  public func admit(_ request: ScanRequest, through door: AdmissionDoor) throws(CatalogError) -> Admission {
    let (name, root): (PostgresParameter, PostgresParameter) =
      switch request.target {
      case .name(let name): (.text(name), .null)
      case .rootPath(let path): (.null, .text(path))
      }
    let rows = try execute(
      Statements.admit,
      [
        name, root, .text(request.mode.rawValue), request.requestedBy.map { .text($0) } ?? .null,
        .text(door.rawValue), request.requestID.map { .text($0) } ?? .null,
      ])
    let (outcome, id) = try wrap { () throws(PostgresError) in (try rows[0].text(0), try rows[0].optionalInt64(1)) }
    // A scan may go between the two statements, by whoever deletes it: then there is none any more.
    guard let id, let scan = try scan(ScanID(id)) else { return try Self.withoutScan(outcome) }
    switch outcome {
    case "admitted": return .admitted(scan)
    case "existing": return .existing(scan)
    case "refused": return .refused(by: scan)
    default: throw .postgres(.decoding("admit_scan answered \"\(outcome)\" with a scan"))
    }
  }

  private static func withoutScan(_ outcome: String) throws(CatalogError) -> Admission {
    switch outcome {
    case "unknown": return .unknownLibrary
    case "removing": return .removing
    default: throw .postgres(.decoding("admit_scan answered \"\(outcome)\" without a scan"))
    }
  }
}
