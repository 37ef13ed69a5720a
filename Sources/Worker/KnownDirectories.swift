import Catalog
import ScanModel

/// The directories of a slice that earlier scans knew, from when they are met until they are listed, and
/// their child directories, fetched ahead for many of them at once.
struct KnownDirectories {
  /// Parents whose children one query fetches.
  private static let parentsPerQuery = 128
  /// Children that are kept for parents that are not listed yet; with more, only the next parent's are
  /// fetched. About as many as the walk itself holds.
  private static let childrenAhead = 32_768
  /// Directories that wait; about as many as the walk itself holds. What is known of others is asked again.
  private static let waitingDirectories = 16_384

  private let rows: KnownRows
  private var waiting: [Int64: KnownDirectory] = [:]
  /// Those of the waiting whose children are not fetched; the next one to be listed is the last.
  private var ahead: [Int64] = []
  private var children: [Int64: KnownChildren] = [:]
  private var childrenCount = 0
  /// Directories of the frontier that this scan itself has found.
  private var ownVisits: Set<Int64> = []

  init(_ frontier: SliceFrontier, rows: KnownRows) {
    self.rows = rows
    for directory in frontier.directories {
      if let known = directory.known { waiting[directory.id] = known }
    }
    for id in frontier.visits where waiting[id] == nil { ownVisits.insert(id) }
    ahead = frontier.visits.reversed().filter { waiting[$0] != nil }
  }

  /// A known directory was met in its parent.
  mutating func add(_ directory: KnownDirectory) {
    let id = directory.id
    guard waiting.count < Self.waitingDirectories else { return }
    waiting[id] = directory
    ahead.append(id)
  }

  /// What is known of a directory that this slice did not find; it waits no longer. `nil` where this scan
  /// itself has found it.
  mutating func take(_ id: Int64) throws(CatalogError) -> KnownDirectory? {
    if let known = waiting.removeValue(forKey: id) { return known }
    guard !ownVisits.contains(id) else { return nil }
    return try rows.directory(id)
  }

  /// The child directories of one that is about to be listed.
  mutating func takeChildren(of id: Int64) throws(CatalogError) -> KnownChildren {
    if children[id] == nil { try fetch(first: id) }
    let known = children.removeValue(forKey: id) ?? KnownChildren()
    childrenCount -= known.count
    return known
  }

  private mutating func fetch(first: Int64) throws(CatalogError) {
    var parents = [first]
    while childrenCount < Self.childrenAhead, parents.count < Self.parentsPerQuery, let next = ahead.popLast() {
      // Some were listed, or left to other slices, without their children ever being asked for.
      if next != first, waiting[next] != nil { parents.append(next) }
    }
    let fetched = try rows.children(of: parents)
    for (parent, known) in zip(parents, fetched) {
      children[parent] = known
      childrenCount += known.count
    }
    ahead += parents[fetched.count...].reversed()
  }
}
