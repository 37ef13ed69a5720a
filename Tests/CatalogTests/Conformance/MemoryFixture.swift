import Catalog
import InMemoryModels
import ScanModel

struct MemoryFixture: CatalogFixture {
  private let catalog = MemoryCatalog()

  func addLibrary(_ name: String, rootPath: String, rules: LibraryRules) -> LibraryID {
    catalog.addLibrary(name: name, rootPath: rootPath, rules: rules)
  }

  func closeLibrary(_ library: LibraryID) { catalog.closeLibrary(library) }

  func slotCatalog(_ slot: SlotID, host: String, maxAttempts: Int) -> any WalkingCatalog {
    catalog.slotCatalog(for: slot, host: host, maxAttempts: maxAttempts)
  }

  func repairCatalog() -> any RepairCatalog { catalog.repairCatalog() }

  func disturb(_ slice: SliceID, to state: SliceState) { catalog.disturb(slice, to: state) }

  func loseSlices(of scan: ScanID) { catalog.loseSlices(of: scan) }

  func pause(_ scan: ScanID) { catalog.pause(scan) }

  func resume(_ scan: ScanID) { _ = catalog.resume(scan) }

  func cancel(_ scan: ScanID) { catalog.cancel(scan) }

  func scan(_ id: ScanID) -> ScanRecord? { catalog.scan(id) }

  func slices(of scan: ScanID) -> [SliceFacts] {
    catalog.slices(of: scan).map {
      SliceFacts(
        number: $0.number, kind: $0.kind, state: $0.state, epoch: $0.epoch, attempts: $0.attempts, worker: $0.worker,
        directories: $0.frontier.count)
    }
  }

  func shares(of scan: ScanID) -> [String: [Int64]] {
    catalog.shares(of: scan).mapValues { [Int64($0.slices), $0.entries] }
  }
}
