import Catalog
import Foundation
import ScanModel
import Synchronization

/// The catalogue's promises to its slots, kept in memory: what a simulator runs slots against. It passes
/// the same conformance suite as the catalogue on Postgres.
///
/// Each call is atomic, as each transaction there is. Any thread may call.
public final class MemoryCatalog: Sendable {
  private let state = Mutex(State())

  public init() {}

  /// The catalogue as one slot sees it.
  public func slotCatalog(for slot: SlotID, host: String, maxAttempts: Int = 3) -> MemorySlotCatalog {
    MemorySlotCatalog(self, slot: slot, host: host, maxAttempts: maxAttempts)
  }

  // MARK: From outside: what users and their commands do

  /// Adds a library; neither its name nor its root may be taken.
  @discardableResult
  public func addLibrary(name: String, rootPath: String, rules: LibraryRules = LibraryRules()) -> LibraryID {
    state.withLock { $0.addLibrary(name: name, rootPath: rootPath, rules: rules) }
  }

  /// The first step of a library's removal: nothing is admitted any more.
  public func closeLibrary(_ library: LibraryID) {
    state.withLock { $0.libraries[library]?.isRemoving = true }
  }

  public func admit(_ request: ScanRequest, through door: AdmissionDoor) -> Admission {
    state.withLock { $0.admit(request, through: door) }
  }

  /// Pauses an active scan.
  public func pause(_ scan: ScanID) { state.withLock { $0.scans[scan]?.pause() } }

  /// Lets a paused scan go on; the slices whose pointers are to be pushed again.
  public func resume(_ scan: ScanID) -> [SliceID] {
    state.withLock { $0.scans[scan]?.resume() ?? [] }
  }

  /// Ends an active scan as `cancelled`; its slices are left for whoever meets them.
  public func cancel(_ scan: ScanID) {
    state.withLock { _ = $0.scans[scan]?.end(as: .cancelled) }
  }

  // MARK: Looking

  public func scan(_ id: ScanID) -> ScanRecord? {
    state.withLock { state in state.scans[id].flatMap { state.record($0) } }
  }

  /// By number.
  public func slices(of scan: ScanID) -> [MemorySlice] {
    state.withLock { state in
      (state.scans[scan]?.slices ?? [:]).values.sorted { $0.number < $1.number }
    }
  }

  /// Who walked how much of a scan that ended by its `finalise` slice.
  public func shares(of scan: ScanID) -> [String: MemoryShare] {
    state.withLock { $0.scans[scan]?.shares ?? [:] }
  }

  func withState<R: Sendable>(_ body: (inout State) throws(CatalogError) -> R) throws(CatalogError) -> R {
    try state.withLock { (state) throws(CatalogError) in try body(&state) }
  }
}

/// What is wrong in a library.
struct MemoryErrors: Sendable {
  private(set) var open = ErrorCounts()
  /// Those that the library's next scan resolves, and the scan that met them.
  private var fleeting: (scan: ScanID, counts: ErrorCounts)?

  mutating func settle(_ errors: SliceErrors, of scan: ScanID) {
    if let old = fleeting, old.scan != scan {
      open -= old.counts
      fleeting = nil
    }
    open += errors.changes
    var counts = fleeting?.counts ?? ErrorCounts()
    counts += errors.fleeting
    if !counts.isEmpty { fleeting = (scan, counts) }
  }
}

extension MemoryCatalog {
  struct Library: Sendable {
    let id: LibraryID
    let name: String
    let rootPath: String
    let root: Int64
    let rules: LibraryRules
    var isRemoving = false
    /// Its root was visited by a slice that committed.
  }

  /// All rows.
  struct State: Sendable {
    var libraries: [LibraryID: Library] = [:]
    var scans: [ScanID: MemoryScan] = [:]
    var directories: [Int64: SliceFrontier.Directory] = [:]
    var errors: [LibraryID: MemoryErrors] = [:]
    /// When a slice's pointer was last found to be lost.
    var repaired: [SliceID: Duration] = [:]
    private var lastDirectory: Int64 = 0

    mutating func nextDirectoryID() -> Int64 {
      lastDirectory += 1
      return lastDirectory
    }

    mutating func addLibrary(name: String, rootPath: String, rules: LibraryRules) -> LibraryID {
      precondition(!libraries.values.contains { $0.name == name || $0.rootPath == rootPath }, "\(name) is taken")
      let id = LibraryID(Int64(libraries.count + 1))
      let root = nextDirectoryID()
      directories[root] = SliceFrontier.Directory(id: root, parent: nil, name: [])
      libraries[id] = Library(id: id, name: name, rootPath: rootPath, root: root, rules: rules)
      return id
    }

    func library(_ target: ScanRequest.Target) -> Library? {
      libraries.values.first { library in
        switch target {
        case .name(let name): library.name == name
        case .rootPath(let path): library.rootPath == path
        }
      }
    }

    /// The chain of names above the directories to visit, each once, and the visits in order.
    func frontier(_ visits: [Int64]) -> SliceFrontier {
      var chain: [Int64: SliceFrontier.Directory] = [:]
      for visit in visits {
        var next: Int64? = visit
        while let id = next, chain[id] == nil, let directory = directories[id] {
          chain[id] = directory
          next = directory.parent
        }
      }
      return SliceFrontier(directories: Array(chain.values), visits: visits.filter { chain[$0] != nil })
    }
  }
}
