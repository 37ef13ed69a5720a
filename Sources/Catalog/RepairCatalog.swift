import ScanModel

/// What the reaper needs of the catalogue, and no more: one of the two narrow protocols through which its
/// steps reach the world. Every call may be repeated; every repair is recorded among the scan's events in
/// the transaction that makes it. One thread owns it.
public protocol RepairCatalog: AnyObject {
  /// The queues on which work of this catalogue may lie. Answers only where the catalogue takes writes.
  func queues() throws(CatalogError) -> [String]

  /// The `queued` and `running` slices of scans that are to be worked on, by scan and number.
  ///
  /// - Parameter after: where the last page ended.
  func openSlices(after: SliceID?, limit: Int) throws(CatalogError) -> [OpenSlice]

  /// Records that the pointers of these slices are to be pushed again; those of which that is still so.
  func repair(_ lost: [LostPointer], by actor: String) throws(CatalogError) -> [SliceID]

  /// Scans whose slices do not fit together as they should, by id.
  func scansAdrift(after: ScanID?, limit: Int) throws(CatalogError) -> [ScanID]

  /// Mends such a scan; nothing where it has mended itself, or somebody is at it.
  func mend(_ scan: ScanID, by actor: String) throws(CatalogError) -> [ScanRepair]

  /// Drops the slices that ended scans have left, of at most `limit` scans; how many of which scan. And a
  /// bounded part of what ended scans have staged and nobody wants any more: a later call goes on.
  func dropLeftSlices(limit: Int, by actor: String) throws(CatalogError) -> [ScanID: Int64]

  /// Records that slices were returned to their queue.
  func record(_ returned: [ReturnedSlice], by actor: String) throws(CatalogError)
}

/// A slice whose pointer must be on a queue, in flight, or worked on.
public struct OpenSlice: Sendable, Hashable {
  public let slice: SliceID
  public let queue: String
  public let state: SliceState
  public let epoch: Int32

  public init(slice: SliceID, queue: String, state: SliceState, epoch: Int32) {
    self.slice = slice
    self.queue = queue
    self.state = state
    self.epoch = epoch
  }
}

/// A slice whose pointer is nowhere.
public struct LostPointer: Sendable, Equatable {
  /// As it was when the pointer was first missed.
  public let slice: OpenSlice
  /// How long ago that was: what was repaired since then is repaired.
  public let age: Duration

  public init(slice: OpenSlice, age: Duration) {
    self.slice = slice
    self.age = age
  }
}

/// One thing that `mend` did.
public struct ScanRepair: Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// Slices of the scan were gone, and with them what they had to walk: it has failed or, where only its end
    /// was left, ended.
    case slicesLost = "slices_lost"
    /// Its count of open slices was wrong.
    case openSlices = "open_slices"
    /// Nothing was open; it has a `finalise` slice now.
    case finalise
    /// A ready slice for which there was room is queued.
    case promotion
  }

  public let kind: Kind
  /// A slice that is queued now, and whose pointer wants to be pushed.
  public let slice: SliceID?
  public let queue: String

  public init(kind: Kind, slice: SliceID?, queue: String) {
    self.kind = kind
    self.slice = slice
    self.queue = queue
  }
}

/// A slice whose pointer was taken back from a slot.
public struct ReturnedSlice: Sendable, Equatable {
  public let slice: SliceID
  public let slot: SlotID
  /// `dead`: the slot's worker is; `unlocked`: it lives, and does not work on the slice.
  public let reason: String

  public init(slice: SliceID, slot: SlotID, reason: String) {
    self.slice = slice
    self.slot = slot
    self.reason = reason
  }
}
