import Catalog
import InMemoryModels
import ScanModel

/// The implementations of `SlotCatalog`: each test of the conformance suite runs on both.
enum CatalogUnderTest: String, CaseIterable, Sendable {
  case memory, postgres

  func make() throws -> any CatalogFixture {
    switch self {
    case .memory: MemoryFixture()
    case .postgres: try PostgresFixture()
    }
  }
}

/// A fresh catalogue, what others than slots do to it, and a look into it.
protocol CatalogFixture: Sendable {
  func addLibrary(_ name: String, rootPath: String, rules: LibraryRules) throws -> LibraryID
  /// The first step of a removal.
  func closeLibrary(_ library: LibraryID) throws
  /// The catalogue as one slot sees it; for one thread.
  func slotCatalog(_ slot: SlotID, host: String, maxAttempts: Int) throws -> any WalkingCatalog
  /// The catalogue as a reaper sees it; for one thread.
  func repairCatalog() throws -> any RepairCatalog
  /// Sets a slice's state by hand, which nothing in the product does.
  func disturb(_ slice: SliceID, to state: SliceState) throws
  /// Deletes the scan's slices by hand.
  func loseSlices(of scan: ScanID) throws
  func pause(_ scan: ScanID) throws
  func resume(_ scan: ScanID) throws
  /// Ends the scan and leaves its slices.
  func cancel(_ scan: ScanID) throws
  func scan(_ id: ScanID) throws -> ScanRecord?
  /// By number.
  func slices(of scan: ScanID) throws -> [SliceFacts]
  /// Slices and entries by slot.
  func shares(of scan: ScanID) throws -> [String: [Int64]]
}

/// What anybody may read of a slice's row.
struct SliceFacts: Equatable, Sendable {
  let number: Int32
  let kind: SliceKind
  let state: SliceState
  let epoch: Int32
  let attempts: Int
  let worker: String?
  /// Directories of its frontier.
  let directories: Int
}

/// A slot's catalogue together with what stands for the walk.
protocol WalkingCatalog: SlotCatalog {
  /// Sends rows for directories that the claim found below `parent`; their ids.
  func find(_ names: [String], below parent: Int64, for claim: SliceClaim) throws(CatalogError) -> [Int64]
}

extension MemorySlotCatalog: WalkingCatalog {
  func find(_ names: [String], below parent: Int64, for claim: SliceClaim) throws(CatalogError) -> [Int64] {
    try names.map { (name) throws(CatalogError) in try sendDirectory(name: Array(name.utf8), in: parent) }
  }
}

extension PostgresSlotCatalog: WalkingCatalog {
  func find(_ names: [String], below parent: Int64, for claim: SliceClaim) throws(CatalogError) -> [Int64] {
    let writer = try rows(for: claim)
    return try names.map { (name) throws(CatalogError) in
      let id = try writer.newDirectoryID()
      var text = name
      do {
        // `withUTF8` loses the type of what is thrown.
        try text.withUTF8 { bytes in
          try writer.directory(
            id: id, parent: parent, name: UnsafeRawBufferPointer(bytes), .directory, isBoundary: false, files: nil,
            bytes: nil)
        }
      } catch let error as CatalogError {
        throw error
      } catch {
        preconditionFailure("SliceWriter.directory threw \(error)")
      }
      return id
    }
  }
}

extension FileAttributes {
  static let directory = FileAttributes(
    kind: .directory, mode: 0o40755, size: 4096, device: 1, inode: 2, mtime_ns: 3, ctime_ns: 4, btime_ns: nil)
}
