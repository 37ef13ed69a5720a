import Catalog
import ScanModel

/// The model as the reaper sees it. Of what the real one records it keeps only what decides.
public final class MemoryRepairCatalog: RepairCatalog {
  private let catalog: MemoryCatalog
  private let now: () -> Duration

  init(_ catalog: MemoryCatalog, now: @escaping () -> Duration) {
    self.catalog = catalog
    self.now = now
  }

  public func queues() throws(CatalogError) -> [String] {
    try catalog.withState { (state) throws(CatalogError) in
      let active = state.scans.values.filter(\.status.isActive).map(\.rules.queue)
      return Set(state.libraries.values.map(\.rules.queue) + active).sorted()
    }
  }

  public func openSlices(after: SliceID?, limit: Int) throws(CatalogError) -> [OpenSlice] {
    try catalog.withState { (state) throws(CatalogError) in
      let scans = state.scans.values.filter(Self.isWorkable)
      let slices = scans.flatMap { scan in
        scan.slices.values.filter { $0.state == .queued || $0.state == .running }.map {
          OpenSlice(
            slice: SliceID(scan: scan.id, number: $0.number), queue: scan.rules.queue, state: $0.state, epoch: $0.epoch)
        }
      }
      let rest = slices.filter { slice in after.map { Self.key(slice.slice) > Self.key($0) } ?? true }
      return Array(rest.sorted { Self.key($0.slice) < Self.key($1.slice) }.prefix(limit))
    }
  }

  public func repair(_ lost: [LostPointer], by actor: String) throws(CatalogError) -> [SliceID] {
    let now = now()
    return try catalog.withState { (state) throws(CatalogError) in
      var repaired: [SliceID] = []
      for pointer in lost {
        let id = pointer.slice.slice
        guard let scan = state.scans[id.scan], Self.isWorkable(scan), let row = scan.slices[id.number],
          row.state == pointer.slice.state, row.epoch == pointer.slice.epoch
        else { continue }
        if let last = state.repaired[id], now - last < pointer.age { continue }
        state.repaired[id] = now
        repaired.append(id)
      }
      return repaired
    }
  }

  public func scansAdrift(after: ScanID?, limit: Int) throws(CatalogError) -> [ScanID] {
    try catalog.withState { (state) throws(CatalogError) in
      let ids = state.scans.values.filter(\.isAdrift).map(\.id.rawValue).filter { $0 > after?.rawValue ?? 0 }
      return ids.sorted().prefix(limit).map { ScanID($0) }
    }
  }

  public func mend(_ scan: ScanID, by actor: String) throws(CatalogError) -> [ScanRepair] {
    try catalog.withState { (state) throws(CatalogError) in state.scans[scan]?.mend() ?? [] }
  }

  public func dropLeftSlices(limit: Int, by actor: String) throws(CatalogError) -> [ScanID: Int64] {
    try catalog.withState { (state) throws(CatalogError) in
      var dropped: [ScanID: Int64] = [:]
      let ended = state.scans.values.filter { !$0.status.isActive && !$0.slices.isEmpty }
      for scan in ended.sorted(by: { $0.id.rawValue < $1.id.rawValue }).prefix(limit) {
        dropped[scan.id] = Int64(scan.slices.count)
        state.scans[scan.id]?.slices = [:]
      }
      return dropped
    }
  }

  public func record(_ returned: [ReturnedSlice], by actor: String) throws(CatalogError) {}

  private static func isWorkable(_ scan: MemoryScan) -> Bool { scan.status == .pending || scan.status == .running }

  private static func key(_ slice: SliceID) -> (Int64, Int32) { (slice.scan.rawValue, slice.number) }
}

extension MemoryCatalog {
  /// From which time counts unless a test says otherwise.
  public static let origin = ContinuousClock.now

  /// - Parameter now: the time, from any moment on that all reapers share.
  public func repairCatalog(
    now: @escaping () -> Duration = { ContinuousClock.now - origin }
  ) -> MemoryRepairCatalog {
    MemoryRepairCatalog(self, now: now)
  }

  /// Meddles with the rows: nothing in the product does this.
  public func disturb(_ slice: SliceID, to state: SliceState) {
    disturb(slice.scan) { $0[slice.number]?.state = state }
  }

  /// The scan's slices are lost.
  public func loseSlices(of scan: ScanID) { disturb(scan) { $0 = [:] } }

  private func disturb(_ scan: ScanID, _ body: (inout [Int32: MemorySlice]) -> Void) {
    // Nothing in here throws.
    try? withState { (state) throws(CatalogError) in
      if var slices = state.scans[scan]?.slices {
        body(&slices)
        state.scans[scan]?.slices = slices
      }
    }
  }
}
