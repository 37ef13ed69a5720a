import Catalog

/// Where directories lie as far as a slice knows: beyond the catalogue's rows what it has found itself, and what it
/// found to have moved.
struct KnownPlaces {
  private struct Found {
    let place: DirectoryPlace
    let isBoundary: Bool
    let isFollowed: Bool
  }

  private var found: [Int64: Found] = [:]
  /// Of known directories that the walk has met, whether they are boundaries now, where their rows say otherwise.
  private var boundaries: [Int64: Bool] = [:]

  mutating func note(_ id: Int64, at place: DirectoryPlace, isBoundary: Bool = false, isFollowed: Bool = false) {
    found[id] = Found(place: place, isBoundary: isBoundary, isFollowed: isFollowed)
  }

  mutating func note(_ id: Int64, isBoundary: Bool) { boundaries[id] = isBoundary }

  /// Where it lies is what its row says.
  mutating func forget(_ id: Int64) { found[id] = nil }

  /// Directories and all that lie above them.
  func above(_ wanted: [Int64], by rows: KnownRows) throws(CatalogError) -> SliceFrontier {
    guard !found.isEmpty || !boundaries.isEmpty else { return try rows.above(wanted) }
    var chain: [Int64: SliceFrontier.Directory] = [:]
    var next = wanted
    while !next.isEmpty {
      var unknown: [Int64] = []
      while let id = next.popLast() {
        guard chain[id] == nil else { continue }
        guard let own = found[id] else {
          unknown.append(id)
          continue
        }
        chain[id] = SliceFrontier.Directory(
          id: id, parent: own.place.parent, name: own.place.name, isBoundary: own.isBoundary, isFollowed: own.isFollowed
        )
        next.append(own.place.parent)
      }
      guard !unknown.isEmpty else { continue }
      let known = try rows.above(Set(unknown).sorted())
      for directory in known.directories where chain[directory.id] == nil {
        if found[directory.id] != nil { next.append(directory.id) } else { chain[directory.id] = noted(directory) }
      }
    }
    return SliceFrontier(directories: Array(chain.values))
  }

  private func noted(_ directory: SliceFrontier.Directory) -> SliceFrontier.Directory {
    guard let isBoundary = boundaries[directory.id], isBoundary != directory.isBoundary else { return directory }
    return SliceFrontier.Directory(
      id: directory.id, parent: directory.parent, name: directory.name, isBoundary: isBoundary,
      isFollowed: directory.isFollowed)
  }
}

extension SliceFrontier {
  /// The nearest boundary at or above each directory; the root where there is none. What has one inode under two of
  /// them is not the same. `nil` for a directory whose chain does not reach the root.
  func mountPoint(of directory: Int64, in chain: [Int64: Directory]) -> Int64? {
    var next = directory
    for _ in 0...chain.count {
      guard let found = chain[next] else { return nil }
      guard !found.isBoundary, let parent = found.parent else { return found.id }
      next = parent
    }
    return nil
  }
}
