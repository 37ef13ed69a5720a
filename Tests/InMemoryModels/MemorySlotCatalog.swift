import Catalog
import ScanModel

/// The model as one slot sees it. One thread owns it; several over one `MemoryCatalog` may be at work at once.
public final class MemorySlotCatalog: SlotCatalog {
  private let catalog: MemoryCatalog
  private let slot: SlotID
  private let host: String
  private let attemptLimit: AttemptLimit
  /// Rows that the claim in hand has sent and not yet committed.
  private var sent: [SliceFrontier.Directory] = []

  init(_ catalog: MemoryCatalog, slot: SlotID, host: String, maxAttempts: Int) {
    self.catalog = catalog
    self.slot = slot
    self.host = host
    attemptLimit = AttemptLimit(maxAttempts: maxAttempts)
  }

  /// Sends the row of a directory that the claimed slice found; it is there from the commit on. Its id.
  public func sendDirectory(name: [UInt8], in parent: Int64) throws(CatalogError) -> Int64 {
    let id = try catalog.withState { (state) throws(CatalogError) in state.nextDirectoryID() }
    sent.append(SliceFrontier.Directory(id: id, parent: parent, name: name))
    return id
  }

  public func ping() throws(CatalogError) {}

  public func admit(_ request: ScanRequest) throws(CatalogError) -> Admission {
    catalog.admit(request, through: .queue)
  }

  public func standing(of slice: SliceID) throws(CatalogError) -> SliceStanding {
    try catalog.withState { (state) throws(CatalogError) in
      guard let scan = state.scans[slice.scan], scan.status.isActive, let row = scan.slices[slice.number] else {
        return .ended
      }
      if row.state == .done { return .done(queued: scan.queued(by: slice.number), queue: scan.rules.queue) }
      if scan.status == .paused { return .held }
      let holder = row.state == .running ? row.worker.map(SlotID.worker(in:)) : nil
      return .open(epoch: row.epoch, attempts: row.attempts, holder: holder, queue: scan.rules.queue)
    }
  }

  public func claim(
    _ slice: SliceID, epoch: Int32, as claim: ClaimID, holderDied: Bool = false
  ) throws(CatalogError) -> SliceClaim? {
    try catalog.withState { (state) throws(CatalogError) -> SliceClaim? in
      guard var scan = state.scans[slice.scan], var row = scan.slices[slice.number],
        let library = state.libraries[scan.library]
      else { return nil }
      guard scan.status == .pending || scan.status == .running, row.state != .done, row.epoch == epoch else {
        return nil
      }
      if row.state == .running, row.claim != claim, let former = row.worker {
        scan.redo()
        if holderDied, SlotID.worker(in: former) != slot.worker {
          row.attempts += 1
          row.lastFailure = "worker \(former) died"
        }
      }
      row.state = .running
      row.epoch += 1
      row.claim = claim
      row.worker = slot.description
      scan.slices[slice.number] = row
      scan.start()
      state.scans[slice.scan] = scan
      let frontier = state.frontier(row.frontier)
      return SliceClaim(
        slice: slice, kind: row.kind, epoch: row.epoch, claim: claim, attempts: row.attempts, library: library.id,
        libraryName: library.name, rootPath: library.rootPath, queue: scan.rules.queue, rules: scan.rules,
        mode: scan.request.mode, entriesSeen: scan.counters.filesSeen + scan.counters.directoriesSeen,
        frontier: frontier,
        culprit: row.kind == .walk && row.attempts >= attemptLimit.culprit ? frontier.visits.first : nil,
        lastFailure: row.lastFailure)
    }
  }

  public func commit(_ claim: SliceClaim, _ results: SliceResults) throws(CatalogError) -> [SliceID] {
    try commit(claim, results, settling: results.frontier) { $0.state = .done }
  }

  public func checkpoint(
    _ claim: SliceClaim, _ results: SliceResults, keeping limit: Int
  ) throws(CatalogError) -> SliceCheckpoint {
    let kept = Array(results.frontier.prefix(min(limit, MemoryScan.rowLimit)))
    let queued = try commit(claim, results, settling: Array(results.frontier.dropFirst(kept.count))) {
      $0.frontier = kept
      $0.attempts = 1
      $0.lastFailure = nil
    }
    let left = try catalog.withState { (state) throws(CatalogError) in state.frontier(kept) }
    return SliceCheckpoint(claim: claim.checkpointed(left), queued: queued)
  }

  private func commit(
    _ claim: SliceClaim, _ results: SliceResults, settling frontier: [Int64], _ change: (inout MemorySlice) -> Void
  ) throws(CatalogError) -> [SliceID] {
    let rows = sent
    sent = []
    return try catalog.withState { (state) throws(CatalogError) in
      var (scan, slice) = try Self.fence(claim, &state)
      change(&slice)
      slice.entries += results.entries
      scan.slices[slice.number] = slice
      let queued = scan.settle(results, frontier: frontier, of: slice.number)
      state.errors[scan.library, default: MemoryErrors()].settle(results.errors, of: scan.id)
      state.errors[scan.library].map { scan.note($0) }
      state.scans[scan.id] = scan
      for row in rows { state.directories[row.id] = row }
      for vanished in results.vanished where state.directories[vanished]?.parent != nil {
        state.directories[vanished] = nil
      }
      return queued
    }
  }

  public func abandon(_ claim: SliceClaim) { sent = [] }

  public func hasUsedItsAttempts(_ claim: SliceClaim) -> Bool { claim.attempts >= attemptLimit.ofScan(claim.kind) }

  public func end(_ claim: SliceClaim) throws(CatalogError) -> ScanStatus {
    try catalog.withState { (state) throws(CatalogError) in
      var (scan, _) = try Self.fence(claim, &state)
      state.errors[scan.library].map { scan.note($0) }
      let status = scan.finalise()
      state.scans[scan.id] = scan
      return status
    }
  }

  public func release(_ claim: SliceClaim) throws(CatalogError) -> Bool {
    try catalog.withState { (state) throws(CatalogError) in
      guard let slice = Self.held(claim, state) else { return false }
      state.scans[claim.slice.scan]?.slices[slice.number] = Self.released(slice)
      return true
    }
  }

  public func fail(_ claim: SliceClaim, message: String) throws(CatalogError) -> SliceVerdict {
    try catalog.withState { (state) throws(CatalogError) in
      guard var slice = Self.held(claim, state) else { return .fenced }
      slice.attempts += 1
      slice.lastFailure = message
      let failing = slice.attempts >= attemptLimit.ofScan(slice.kind)
      if !failing { state.scans[claim.slice.scan]?.redo() }
      return Self.cede(slice, of: claim.slice.scan, failing: failing, message, &state)
    }
  }

  public func refuse(_ claim: SliceClaim, hosts: [String], message: String) throws(CatalogError) -> SliceVerdict {
    try catalog.withState { (state) throws(CatalogError) in
      guard var slice = Self.held(claim, state) else { return .fenced }
      slice.refusedHosts.insert(host)
      let failing = slice.refusedHosts.isSuperset(of: hosts)
      return Self.cede(slice, of: claim.slice.scan, failing: failing, message, &state)
    }
  }

  public func proveRoom(bytes: Int64) throws(CatalogError) -> Bool { true }

  /// Events are no part of the model.
  public func note(_ warnings: [PreflightFinding], of claim: SliceClaim) throws(CatalogError) {}

  public func reject(_ claim: SliceClaim, _ findings: [PreflightFinding]) throws(CatalogError) -> SliceVerdict {
    try catalog.withState { (state) throws(CatalogError) in
      guard let slice = Self.held(claim, state) else { return .fenced }
      return Self.cede(slice, of: claim.slice.scan, failing: true, findings.rejection, &state)
    }
  }

  /// The slice's row where it is `running` under this claim.
  private static func held(_ claim: SliceClaim, _ state: MemoryCatalog.State) -> MemorySlice? {
    guard let slice = state.scans[claim.slice.scan]?.slices[claim.slice.number], slice.state == .running,
      slice.epoch == claim.epoch, slice.claim == claim.claim
    else { return nil }
    return slice
  }

  /// What a commit writes to; whoever meets a scan that has ended drops its slices.
  private static func fence(
    _ claim: SliceClaim, _ state: inout MemoryCatalog.State
  ) throws(CatalogError) -> (MemoryScan, MemorySlice) {
    guard let scan = state.scans[claim.slice.scan] else { throw .fenced }
    guard scan.status == .running || scan.status == .paused else {
      state.scans[claim.slice.scan]?.slices = [:]
      throw .fenced
    }
    guard let slice = held(claim, state) else { throw .fenced }
    return (scan, slice)
  }

  private static func released(_ slice: MemorySlice) -> MemorySlice {
    var slice = slice
    slice.state = .queued
    slice.claim = nil
    slice.worker = nil
    return slice
  }

  private static func cede(
    _ slice: MemorySlice, of scan: ScanID, failing: Bool, _ message: String, _ state: inout MemoryCatalog.State
  ) -> SliceVerdict {
    state.scans[scan]?.slices[slice.number] = released(slice)
    guard failing else { return .requeued }
    state.scans[scan]?.fail(message)
    return .failed
  }
}
