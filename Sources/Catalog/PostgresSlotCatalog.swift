import CrashPoints
import PostgresClient
import ScanModel

/// The catalogue as a slot sees it. The slot's thread owns it.
public final class PostgresSlotCatalog: SlotCatalog {
  let catalog: Catalog
  private let slot: SlotID
  private let host: String
  let attemptLimit: AttemptLimit
  private let blocks: IDBlocks
  private var writer: SliceWriter?
  /// The session that the slice's row names, and whose own name carries the claim.
  private var claimingBackend: Int32?

  public init(catalog: Catalog, slot: SlotID, host: String, maxAttempts: Int) {
    self.catalog = catalog
    self.slot = slot
    self.host = host
    attemptLimit = AttemptLimit(maxAttempts: maxAttempts)
    blocks = IDBlocks(catalog.connection)
  }

  public func ping() throws(CatalogError) { try catalog.ping() }

  public func admit(_ request: ScanRequest) throws(CatalogError) -> Admission {
    try catalog.admit(request, through: .queue)
  }

  public func standing(of slice: SliceID) throws(CatalogError) -> SliceStanding {
    try catalog.connect()
    // Right before a claim, in the same round trip: a worker claims only within a schema that it knows.
    let key: [PostgresParameter] = [.int64(slice.scan.rawValue), .int32(slice.number)]
    let rows = try wrap { () throws(PostgresError) in
      try catalog.connection.pipeline([(Statements.schemaVersion, []), (Statements.sliceInspect, key)])
    }
    try catalog.checkSchema(rows[0])
    guard let row = rows[1].first else { return .ended }
    let (scan, queue, state) = try wrap { () throws(PostgresError) -> (ScanStatus, String, SliceState?) in
      let state: SliceState? = if let text = try row.optionalText(2) { try decode(text) } else { nil }
      return (try decode(try row.text(0)), try row.text(1), state)
    }
    guard scan.isActive, let state else {
      // Whoever ended the scan may have gone before it dropped the slices.
      if state != nil { try dropSlices(of: slice.scan) }
      return .ended
    }
    if state == .done { return .done(queued: try queuedSlices(by: slice), queue: queue) }
    if scan == .paused { return .held }
    return try wrap { () throws(PostgresError) in
      let holder = state == .running ? try row.optionalText(5).map(SlotID.worker(in:)) : nil
      return .open(epoch: try row.int32(3), attempts: Int(try row.int32(4)), holder: holder, queue: queue)
    }
  }

  private func queuedSlices(by slice: SliceID) throws(CatalogError) -> [SliceID] {
    let rows = try catalog.execute(Statements.slicesQueued, [.int64(slice.scan.rawValue), .int32(slice.number)])
    return try slices(rows, of: slice.scan)
  }

  public func claim(
    _ slice: SliceID, epoch: Int32, as claim: ClaimID, holderDied: Bool = false
  ) throws(CatalogError) -> SliceClaim? {
    let key: [PostgresParameter] = [.int64(slice.scan.rawValue), .int32(slice.number)]
    let rows = try catalog.execute(
      Statements.sliceClaim,
      key + [.int32(epoch), .uuid(claim.description), .text(slot.description), .text(host), .boolean(holderDied)])
    guard let row = rows.first else { return nil }
    claimingBackend = catalog.connection.backendPID
    let library = LibraryID(try wrap { () throws(PostgresError) in try row.int64(3) })
    do {
      return try claimed(slice, row, as: claim, library)
    } catch {
      let isPassing = error.isOutage || error.isRetryable || error.isCancelled
      guard !isPassing, let epoch = try? row.int32(2) else { throw error }  // it would have failed above
      // What cannot be read now cannot be read at the next attempt either: the attempt counts. Nor can
      // anything be left out of it, so that its scan fails at the last one, as by a `finalise` slice.
      let fence: [PostgresParameter] = key + [.int32(epoch), .uuid(claim.description)]
      _ = try verdict(Statements.sliceFailed, of: slice.scan, fence + failure(error.description, of: .finalise))
      throw error
    }
  }

  private func claimed(
    _ slice: SliceID, _ row: PostgresRow, as claim: ClaimID, _ library: LibraryID
  ) throws(CatalogError) -> SliceClaim {
    let libraryID: PostgresParameter = .int64(library.rawValue)
    return try wrap { () throws(PostgresError) in
      let replies = try catalog.connection.pipeline([
        (Statements.sliceFrontier, [.int64(slice.scan.rawValue), .int32(slice.number), libraryID]),
        (Statements.mountsRecorded, [libraryID, .text(host)]),
      ])
      let (kind, attempts): (SliceKind, Int) = (try decode(try row.text(0)), Int(try row.int32(1)))
      let left = try SliceFrontier(replies[0])
      return SliceClaim(
        slice: slice, kind: kind, epoch: try row.int32(2), claim: claim, attempts: attempts, library: library,
        libraryName: try row.text(4),
        rootPath: try row.text(5), queue: try row.text(6), rules: try Catalog.rules(try row.text(7)),
        mode: try decode(try row.text(8)), entriesSeen: try row.int64(9), frontier: left,
        rulesVersion: try row.int32(10),
        culprit: kind == .walk && attempts >= attemptLimit.culprit ? left.visits.first : nil,
        lastFailure: try row.optionalText(11),
        mounts: try RecordedMounts(replies[1], library: try row.text(4), host: host))
    }
  }

  /// Begins the transaction in which a claimed slice's rows are sent; `commit` or `abandon` ends it.
  public func rows(for claim: SliceClaim) throws(CatalogError) -> SliceWriter {
    try catalog.connect()
    // Whoever takes the slice over would not find another session, and could not free what it has locked.
    guard catalog.connection.backendPID == claimingBackend else {
      throw try isHeld(under: claim) ? .postgres(.unreachable("the session that claimed the slice was lost")) : .fenced
    }
    let isKnown = try wrap { () throws(PostgresError) in
      let isKnown = try catalog.connection.execute(Statements.libraryKnown, [.int64(claim.slice.scan.rawValue)])[0]
        .boolean(0)
      try catalog.connection.begin()
      return isKnown
    }
    let writer = SliceWriter(
      claim: claim, connection: catalog.connection, blocks: blocks, notesIdentities: isKnown)
    self.writer = writer
    return writer
  }

  private func isHeld(under claim: SliceClaim) throws(CatalogError) -> Bool {
    let rows = try catalog.execute(
      Statements.sliceInspect, [.int64(claim.slice.scan.rawValue), .int32(claim.slice.number)])
    guard let row = rows.first else { return false }
    return try wrap { () throws(PostgresError) in
      guard let state = try row.optionalText(2) else { return false }
      let status: ScanStatus = try decode(try row.text(0))
      let epoch = try row.int32(3)
      return status.isActive && state == SliceState.running.rawValue && epoch == claim.epoch
    }
  }

  /// What the catalogue knows of what the slice walks; for as long as the transaction that `rows` began.
  public func knownRows(for claim: SliceClaim) -> KnownRows {
    KnownRows(claim: claim, connection: catalog.connection)
  }

  public func commit(_ claim: SliceClaim, _ results: SliceResults) throws(CatalogError) -> [SliceID] {
    try slices(try run(SliceCommit(claim, results), of: claim).queued, of: claim.slice.scan)
  }

  public func checkpoint(
    _ claim: SliceClaim, _ results: SliceResults, keeping limit: Int
  ) throws(CatalogError) -> SliceCheckpoint {
    let settled = try run(SliceCommit(checkpoint: claim, results, keeping: limit), of: claim)
    let left = try wrap { () throws(PostgresError) in
      guard let frontier = settled.frontier else { throw .decoding("a checkpoint answered no frontier") }
      return try SliceFrontier(frontier)
    }
    return SliceCheckpoint(
      claim: claim.checkpointed(left), queued: try slices(settled.queued, of: claim.slice.scan))
  }

  private func run(_ commit: SliceCommit, of claim: SliceClaim) throws(CatalogError) -> SliceCommit.Settled {
    do {
      return try wrap { () throws(PostgresError) in
        try writer?.flush()
        writer = nil
        crashPoint(.commitReady)
        return try commit.run(on: catalog.connection)
      }
    } catch {
      abandon(claim)
      if case .fenced = error { dropSlicesIfEnded(claim.slice.scan) }
      throw error
    }
  }

  public func abandon(_ claim: SliceClaim) {
    writer = nil
    catalog.connection.rollback()
  }

  public func end(_ claim: SliceClaim) throws(CatalogError) -> ScanStatus {
    let rows = try finalising(claim) { () throws(CatalogError) in
      try catalog.execute(Statements.scanEnd, claim.fence + [.text(slot.description)])
    }
    return try wrap { () throws(PostgresError) in try decode(try rows[0].text(0)) }
  }

  /// A step of a `finalise` slice, which finds out here that its scan has ended.
  func finalising<R>(
    _ claim: SliceClaim, _ step: () throws(CatalogError) -> R
  ) throws(CatalogError) -> R {
    do { return try step() } catch {
      if case .fenced = error { dropSlicesIfEnded(claim.slice.scan) }
      throw error
    }
  }

  public func release(_ claim: SliceClaim) throws(CatalogError) -> Bool {
    let rows = try catalog.execute(Statements.sliceRelease, claim.fence)
    return try wrap { () throws(PostgresError) in try rows[0].boolean(0) }
  }

  public func fail(_ claim: SliceClaim, message: String) throws(CatalogError) -> SliceVerdict {
    try verdict(Statements.sliceFailed, of: claim.slice.scan, claim.fence + failure(message, of: claim.kind))
  }

  private func failure(_ message: String, of kind: SliceKind) -> [PostgresParameter] {
    [.text(message), .int32(Int32(clamping: attemptLimit.ofScan(kind)))]
  }

  public func refuse(_ claim: SliceClaim, hosts: [String], message: String) throws(CatalogError) -> SliceVerdict {
    try verdict(
      Statements.sliceRefused, of: claim.slice.scan, claim.fence + [.text(host), .textArray(hosts), .text(message)])
  }

  func verdict(
    _ statement: PostgresStatement, of scan: ScanID, _ parameters: [PostgresParameter]
  ) throws(CatalogError) -> SliceVerdict {
    let rows = try catalog.execute(statement, parameters)
    let verdict: SliceVerdict = try wrap { () throws(PostgresError) in try decode(try rows[0].text(0)) }
    if verdict == .failed { try dropSlices(of: scan) }
    return verdict
  }

  /// The scan of a fenced slice may have ended. Where its slices cannot be dropped now, the next look at
  /// one of them does it.
  private func dropSlicesIfEnded(_ scan: ScanID) {
    do { try dropSlices(of: scan) } catch {
      catalog.logger.debug("slices are left to be dropped", metadata: ["scan": "\(scan)", "error": "\(error)"])
    }
  }

  private func dropSlices(of scan: ScanID) throws(CatalogError) {
    _ = try catalog.execute(Statements.slicesDrop, [.int64(scan.rawValue)])
  }

  private func slices(_ rows: PostgresRows, of scan: ScanID) throws(CatalogError) -> [SliceID] {
    try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in SliceID(scan: scan, number: try row.int32(0)) }
    }
  }
}
