import Logging
import PostgresClient
import ScanModel

/// What became of a request to remove what a scan holds.
public enum RemovalConfirmation: Sendable {
  /// The scan runs again, to look once more and to remove: push the pointer of `slice`. Also where it runs already.
  case confirmed(ScanRecord, slice: SliceID)
  /// The library's active scan stands in the way; the refusal is recorded on it.
  case refused(by: ScanRecord)
  /// A newer scan of the library has looked for itself since.
  case superseded(by: ScanRecord)
  case nothingHeld(ScanRecord)
  /// The library is being removed.
  case removing
  case unknownScan
}

/// What became of a request to let go of what a scan holds.
public enum RemovalDiscard: Sendable {
  /// The rows stay as they were; the library's next scan finds them missing again.
  case discarded(ScanRecord)
  case nothingHeld(ScanRecord)
  /// It has not ended.
  case active(ScanRecord)
  case unknownScan
}

/// What became of a request to cancel a library's active scan.
public enum ScanCancellation: Sendable {
  case cancelled(ScanRecord)
  /// It was about to remove what had been confirmed, and holds it again.
  case heldAgain(ScanRecord)
  /// It has decided on its removals, and ends by itself.
  case ending(ScanRecord)
  case noneActive
}

/// What people decide about a scan.
extension Catalog {
  /// Rows of what was staged that one statement deletes.
  private static let droppedRows: Int64 = 100_000

  /// - Parameters:
  ///   - actor: who confirms, for the scan's events.
  ///   - door: through which.
  public func confirm(_ id: ScanID, by actor: String?, through door: AdmissionDoor) throws(CatalogError)
    -> RemovalConfirmation
  {
    let rows = try execute(Statements.scanConfirm, [.int64(id.rawValue)] + Self.who(actor, door))
    let (outcome, scan) = try answer(rows)
    switch (outcome, scan) {
    case ("removing", nil): return .removing
    case ("unknown", nil): return .unknownScan
    case ("confirmed", let scan?): return .confirmed(scan, slice: SliceID(scan: scan.id, number: 1))
    case ("active", let scan?): return .refused(by: scan)
    case ("newer", let scan?): return .superseded(by: scan)
    case ("nothing", let scan?): return .nothingHeld(scan)
    // It was deleted between the two statements.
    case (_, nil): return .unknownScan
    default: throw .postgres(.decoding("confirm_scan answered \"\(outcome)\""))
    }
  }

  /// Takes back what a scan holds; its staged rows are gone after it or, where that fails, deleted by a reaper.
  public func discard(_ id: ScanID, by actor: String?, through door: AdmissionDoor) throws(CatalogError)
    -> RemovalDiscard
  {
    let rows = try execute(Statements.scanDiscard, [.int64(id.rawValue)] + Self.who(actor, door))
    let outcome = try wrap { () throws(PostgresError) in try rows[0].text(0) }
    guard outcome != "unknown", let scan = try scan(id) else { return .unknownScan }
    switch outcome {
    case "discarded":
      dropLeft("what a scan has staged is left to a reaper", of: id) { () throws(CatalogError) in try dropStaged(of: id)
      }
      return .discarded(scan)
    case "active": return .active(scan)
    case "nothing": return .nothingHeld(scan)
    default: throw .postgres(.decoding("discard_scan answered \"\(outcome)\""))
    }
  }

  /// Ends a library's active scan as `cancelled`. Whoever works on it finds out at its next commit, which rolls back.
  public func cancelScan(
    of library: LibraryID, by actor: String?, through door: AdmissionDoor
  ) throws(CatalogError) -> ScanCancellation {
    let rows = try execute(Statements.scanCancel, [.int64(library.rawValue)] + Self.who(actor, door))
    let (outcome, scan) = try answer(rows)
    guard let scan else { return .noneActive }
    switch outcome {
    case "ending": return .ending(scan)
    case "cancelled", "held":
      dropLeft("slices are left to a reaper", of: scan.id) { () throws(CatalogError) in
        _ = try execute(Statements.slicesDrop, [.int64(scan.id.rawValue)])
      }
      return outcome == "held" ? .heldAgain(scan) : .cancelled(scan)
    default: throw .postgres(.decoding("cancel_scan answered \"\(outcome)\""))
    }
  }

  private static func who(_ actor: String?, _ door: AdmissionDoor) -> [PostgresParameter] {
    [actor.map { .text($0) } ?? .null, .text(door.rawValue)]
  }

  private func answer(_ rows: PostgresRows) throws(CatalogError) -> (outcome: String, ScanRecord?) {
    let (outcome, id) = try wrap { () throws(PostgresError) in (try rows[0].text(0), try rows[0].optionalInt64(1)) }
    guard let id else { return (outcome, nil) }
    return (outcome, try scan(ScanID(id)))
  }

  /// In batches: each statement has its deadline.
  private func dropStaged(of scan: ScanID) throws(CatalogError) {
    var dropped: Int64
    repeat {
      let rows = try execute(Statements.stagedDrop, [.int64(scan.rawValue), .int64(Self.droppedRows)])
      dropped = try wrap { () throws(PostgresError) in try rows[0].int64(0) }
    } while dropped > 0
  }

  /// What is decided is decided: what cannot be cleared away now, a reaper does.
  private func dropLeft(_ message: Logger.Message, of scan: ScanID, _ drop: () throws(CatalogError) -> Void) {
    do { try drop() } catch {
      logger.debug(message, metadata: ["scan": "\(scan)", "error": "\(error)"])
    }
  }
}
