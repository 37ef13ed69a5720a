import Catalog
import ScanModel
import Testing

/// Shorthands, so that the tests read as what slots do.
extension CatalogFixture {
  func slot(_ name: String, host: String? = nil, maxAttempts: Int = 3) throws -> any WalkingCatalog {
    try slotCatalog(.named(name), host: host ?? name, maxAttempts: maxAttempts)
  }

  /// Adds the library `name` and admits a scan of it.
  func admitScan(of name: String = "media", maxParallel: Int = 16) throws -> ScanID {
    _ = try addLibrary(name, rootPath: "/srv/\(name)", rules: LibraryRules(maxParallel: maxParallel))
    return try slot("producer").admit(ScanRequest(target: .name(name))).admittedScan().id
  }

  func states(of scan: ScanID) throws -> [Int32: SliceState] {
    try Dictionary(uniqueKeysWithValues: slices(of: scan).map { ($0.number, $0.state) })
  }

  func counters(of scan: ScanID) throws -> ScanCounters { try #require(try self.scan(scan)).counters }

  func status(of scan: ScanID) throws -> ScanStatus { try #require(try self.scan(scan)).status }
}

extension SlotID {
  static func named(_ name: String) -> SlotID { SlotID(worker: WorkerID(name: name, suffix: "1"), index: 0) }
}

extension Admission {
  struct Unexpected: Error { let admission: Admission }

  func admittedScan() throws(Unexpected) -> ScanRecord {
    guard case .admitted(let scan) = self else { throw Unexpected(admission: self) }
    return scan
  }

  /// The case, and the scan that it is about.
  var outcome: String {
    switch self {
    case .admitted(let scan): "admitted \(scan.id)"
    case .existing(let scan): "existing \(scan.id)"
    case .refused(by: let scan): "refused \(scan.id)"
    case .removing: "removing"
    case .unknownLibrary: "unknown"
    }
  }
}

extension ScanID {
  func slice(_ number: Int32) -> SliceID { SliceID(scan: self, number: number) }
}

extension WalkingCatalog {
  /// Claims a slice whose former holder, if it has one, is not known to be dead.
  func claim(_ slice: SliceID, epoch: Int32, as claim: ClaimID) throws(CatalogError) -> SliceClaim? {
    try self.claim(slice, epoch: epoch, as: claim, holderDied: false)
  }

  /// Claims an open slice from the epoch that it stands at.
  func claim(_ slice: SliceID) throws -> SliceClaim {
    guard case .open(let epoch, _, _, _) = try standing(of: slice) else {
      Issue.record("\(slice) is not open: \(try standing(of: slice))")
      throw CatalogError.fenced
    }
    return try #require(try claim(slice, epoch: epoch, as: ClaimID()))
  }

  /// Commits the claim with so many new directories below its first visit as the rest of its frontier.
  func commit(_ claim: SliceClaim, finding count: Int, _ change: (inout SliceResults) -> Void = { _ in }) throws
    -> [SliceID]
  {
    var results = SliceResults()
    let names = (0..<count).map { "\(claim.slice.number)-\($0)" }
    let parent = try #require(claim.frontier.visits.first)
    results.frontier = try find(names, below: parent, for: claim)
    change(&results)
    return try commit(claim, results)
  }

  /// Claims and commits every slice of the scan, and ends it.
  func finish(_ scan: ScanID, from first: Int32 = 1) throws -> ScanStatus {
    var open = [scan.slice(first)]
    while let slice = open.popLast() {
      let claim = try self.claim(slice)
      if claim.kind == .finalise { return try end(claim) }
      open += try commit(claim, finding: 0)
    }
    Issue.record("no slice is open, and scan \(scan) has not ended")
    throw CatalogError.fenced
  }
}
