import Catalog
import Foundation
import ScanModel

/// A slice's row.
public struct MemorySlice: Sendable, Equatable {
  public let number: Int32
  public let kind: SliceKind
  public internal(set) var state: SliceState
  public internal(set) var epoch: Int32 = 0
  public internal(set) var claim: ClaimID?
  public internal(set) var attempts = 0
  public internal(set) var worker: String?
  public internal(set) var frontier: [Int64] = []
  public internal(set) var entries: Int64 = 0
  var refusedHosts: Set<String> = []
  var lastFailure: String?
  /// The slice whose commit queued it.
  var queuedBy: Int32?
}

/// What one slot walked of a scan.
public struct MemoryShare: Sendable, Equatable {
  public var slices = 0
  public var entries: Int64 = 0
}

/// A scan's row with its slices, and the transitions of both.
struct MemoryScan: Sendable {
  /// No slice's row holds more directories.
  static let rowLimit = 4096

  let id: ScanID
  let library: LibraryID
  let request: ScanRequest
  let door: AdmissionDoor
  let rules: LibraryRules
  let requestedAt = Date()
  private(set) var status = ScanStatus.pending
  private(set) var startedAt: Date?
  private(set) var completedAt: Date?
  private(set) var errorMessage: String?
  private(set) var counters = ScanCounters()
  private(set) var shares: [String: MemoryShare] = [:]
  var slices: [Int32: MemorySlice] = [:]
  private var nextSlice: Int32 = 2

  init(id: ScanID, library: MemoryCatalog.Library, request: ScanRequest, door: AdmissionDoor) {
    self.id = id
    self.library = library.id
    self.request = request
    self.door = door
    rules = library.rules
    slices[1] = MemorySlice(number: 1, kind: .walk, state: .queued, frontier: [library.root])
  }

  var queued: [SliceID] {
    slices.values.filter { $0.state == .queued }.map(\.number).sorted().map { SliceID(scan: id, number: $0) }
  }

  /// What that slice's commit has queued.
  func queued(by number: Int32) -> [SliceID] {
    queued.filter { slices[$0.number]?.queuedBy == number }
  }

  /// The errors that are open in its library.
  mutating func note(_ errors: MemoryErrors) { counters.errors = errors.open.total }

  mutating func start() {
    guard status == .pending else { return }
    status = .running
    startedAt = Date()
  }

  /// A slice is worked on once more.
  mutating func redo() { counters.slicesRedone += 1 }

  mutating func pause() {
    if status.isActive { status = .paused }
  }

  mutating func resume() -> [SliceID] {
    guard status == .paused else { return [] }
    status = startedAt == nil ? .pending : .running
    _ = promote()
    return queued
  }

  /// False where it has ended before.
  mutating func end(as end: ScanStatus, message: String? = nil) -> Bool {
    guard status.isActive else { return false }
    status = end
    completedAt = Date()
    errorMessage = message
    return true
  }

  mutating func fail(_ message: String) {
    _ = end(as: .failed, message: message)
    slices = [:]
  }

  /// Adds what a slice found to the scan and queues what follows; the newly queued slices.
  ///
  /// - Parameter frontier: what does not stay with the slice.
  mutating func settle(_ results: SliceResults, frontier: [Int64], of number: Int32) -> [SliceID] {
    counters.categories += results.categoriesFound
    counters.courses += results.coursesFound
    counters.entriesIgnored += results.entriesIgnored
    counters.directoriesSeen += results.directoriesSeen
    counters.filesSeen += results.filesSeen
    counters.filesAdded += results.filesAdded
    counters.filesUpdated += results.filesUpdated
    counters.filesUnchanged += results.filesUnchanged
    counters.bytesSeen += Decimal(results.bytesSeen)
    let open = slices.values.count { $0.state != .done }
    if !frontier.isEmpty {
      cut(frontier, room: max(rules.maxParallel - open, 1))
    } else if open == 0 {
      add(.finalise, [])
    }
    return status == .running ? promote(by: number) : []
  }

  /// The newest slice holds what is to be visited first.
  private mutating func cut(_ frontier: [Int64], room: Int) {
    let chunk = min(Self.rowLimit, (frontier.count + room - 1) / room)
    for start in stride(from: 0, to: frontier.count, by: chunk).reversed() {
      add(.walk, Array(frontier[start..<min(start + chunk, frontier.count)]))
    }
  }

  private mutating func add(_ kind: SliceKind, _ frontier: [Int64]) {
    slices[nextSlice] = MemorySlice(number: nextSlice, kind: kind, state: .ready, frontier: frontier)
    nextSlice += 1
  }

  private mutating func promote(by slice: Int32? = nil) -> [SliceID] {
    let room = rules.maxParallel - slices.values.count { $0.state == .queued || $0.state == .running }
    let newest = slices.values.filter { $0.state == .ready }.map(\.number).sorted(by: >).prefix(max(room, 0))
    for number in newest {
      slices[number]?.state = .queued
      slices[number]?.queuedBy = slice
    }
    return newest.map { SliceID(scan: id, number: $0) }
  }

  /// Ends the scan by its `finalise` slice, which is the caller's.
  mutating func finalise() -> ScanStatus {
    for slice in slices.values where slice.kind == .walk && slice.state == .done {
      guard let worker = slice.worker else { continue }
      shares[worker, default: MemoryShare()].slices += 1
      shares[worker, default: MemoryShare()].entries += slice.entries
    }
    _ = end(as: counters.errors == 0 ? .completed : .partial)
    slices = [:]
    return status
  }
}

/// What the reaper mends.
extension MemoryScan {
  /// Whether `mend` has something to do.
  var isAdrift: Bool {
    let open = slices.values.count { $0.state != .done }
    let busy = slices.values.count { $0.state == .queued || $0.state == .running }
    return (status == .pending || status == .running) && (open == 0 || open > busy && busy < rules.maxParallel)
  }

  mutating func mend() -> [ScanRepair] {
    guard isAdrift else { return [] }
    if slices.count < nextSlice - 1 {
      fail("the scan's slices were lost")
      return [ScanRepair(kind: .slicesLost, slice: nil, queue: rules.queue)]
    }
    let isOpen = slices.values.contains { $0.state != .done }
    if !isOpen { add(.finalise, []) }
    return promote().map { ScanRepair(kind: isOpen ? .promotion : .finalise, slice: $0, queue: rules.queue) }
  }
}
