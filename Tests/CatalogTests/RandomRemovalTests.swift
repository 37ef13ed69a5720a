import PostgresClient
import ScanModel
import TestSupport
import Testing

@testable import Catalog

/// Random trees, of which random rows are staged in any nesting, as missing or as excluded, removed in batches of
/// random size by claims that succeed one another: what goes is what a look at the chains of parents says.
@Suite struct RandomRemovalTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `exactly what is staged goes, with all below it`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let scan = try FinalisingScan()
    let tree = try Tree(in: scan, &random)
    for id in tree.stagedDirectories { try scan.stage(directory: id, excluded: tree.excluded.contains(id)) }
    for isExcluded in [false, true] {
      try scan.stage(
        files: tree.stagedFiles.filter { tree.excluded.contains($0) == isExcluded }, excluded: isExcluded)
    }
    try removeAll(scan, &random) { (limit) throws(CatalogError) in
      try scan.catalog.excludeStaged(scan.claim, limit: limit)
    }
    #expect(try Set(scan.excluded("files")) == tree.excludedFiles, "seed \(seed)")
    #expect(try scan.excluded("directories") == tree.excludedDirectories.sorted(), "seed \(seed)")
    #expect(try scan.removedFiles == Int64(tree.excludedFiles.count), "seed \(seed)")
    #expect(try scan.count().files == Int64(tree.goneFiles.count - tree.excludedFiles.count), "seed \(seed)")

    try scan.connection.query("UPDATE scans SET removal_verdict = 'apply'")
    try removeAll(scan, &random) { (limit) throws(CatalogError) in
      try scan.catalog.applyRemovals(scan.claim, limit: limit)
    }
    #expect(try Set(scan.excluded("files")) == tree.excludedFiles, "seed \(seed)")
    #expect(try scan.removedDirectories == tree.goneDirectories.sorted(), "seed \(seed)")
    let files = try scan.connection.query("SELECT id FROM files WHERE removed_at IS NOT NULL").map { try $0.int64(0) }
    #expect(Set(files) == tree.goneFiles, "seed \(seed)")
    #expect(try scan.number("SELECT files_removed FROM scans") == Int64(tree.goneFiles.count), "seed \(seed)")
    let changes = try scan.connection.query("SELECT file_id FROM scan_changes WHERE change = 'r'").map {
      try $0.int64(0)
    }
    #expect(Set(changes) == tree.goneFiles.subtracting(tree.excludedFiles) && changes.count == Set(changes).count)
    #expect(try scan.stagedRows == 0)
    #expect(try scan.catalog.end(scan.claim) == .completed)
  }

  /// How many live rows lie in tombstones.
  private static let orphans = """
    SELECT count(*) FROM directories p WHERE p.removed_at IS NOT NULL AND (
      EXISTS (SELECT 1 FROM directories d WHERE d.parent_id = p.id AND d.removed_at IS NULL)
      OR EXISTS (SELECT 1 FROM files f WHERE f.directory_id = p.id AND f.removed_at IS NULL))
    """

  private func removeAll(
    _ scan: FinalisingScan, _ random: inout SeededRandom, _ remove: (Int32) throws(CatalogError) -> RemovalBatch
  ) throws {
    var isLeft = true
    var batches = 0
    while isLeft {
      let limit = Int32.random(in: 1...20, using: &random)
      let batch = try remove(limit)
      #expect(batch.files <= limit)
      // Whoever dies here leaves nothing that lives where nobody comes.
      #expect(try scan.number(Self.orphans) == 0)
      isLeft = batch.isLeft && batches < 10_000
      batches += 1
      if Bool.random(using: &random) { _ = try scan.takeOver() }
    }
  }

  private struct Tree {
    /// The root's is its own.
    private var parents: [Int64: Int64] = [:]
    private var directories: [Int64: Int64] = [:]
    var stagedDirectories: Set<Int64> = []
    var stagedFiles: Set<Int64> = []
    /// Some of those that are staged: of both, as their ids are of different ranges.
    var excluded: Set<Int64> = []

    init(in scan: FinalisingScan, _ random: inout SeededRandom) throws {
      var ids = [scan.root]
      for index in 0..<Int.random(in: 5...60, using: &random) {
        // Deep as often as wide.
        let parent = Bool.random(using: &random) ? ids[ids.count - 1] : ids.randomElement(using: &random) ?? scan.root
        let id = try scan.directory("\(index)", in: parent)
        parents[id] = parent
        ids.append(id)
      }
      for id in ids {
        for file in try scan.files(Int.random(in: 0...12, using: &random), in: id) { directories[file] = id }
      }
      stagedDirectories = Set(ids.dropFirst().filter { _ in Int.random(in: 0..<6, using: &random) == 0 })
      stagedFiles = Set(directories.keys.sorted().filter { _ in Int.random(in: 0..<5, using: &random) == 0 })
      excluded = Set(
        (stagedDirectories.sorted() + stagedFiles.sorted()).filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
    }

    var goneDirectories: Set<Int64> { Set(parents.keys.filter { isBelow(stagedDirectories, $0) }) }
    var excludedDirectories: Set<Int64> { Set(parents.keys.filter { isBelow(excluded, $0) }) }

    var goneFiles: Set<Int64> {
      stagedFiles.union(directories.filter { isBelow(stagedDirectories, $0.value) }.keys)
    }

    var excludedFiles: Set<Int64> {
      stagedFiles.intersection(excluded).union(directories.filter { isBelow(excluded, $0.value) }.keys)
    }

    private func isBelow(_ staged: Set<Int64>, _ directory: Int64) -> Bool {
      var next: Int64? = directory
      while let id = next {
        if staged.contains(id) { return true }
        next = parents[id]
      }
      return false
    }
  }
}
