import Catalog
import FileTree

/// Directories of file systems that tell no birth times: what they hold tells whether they are the same.
extension SliceRows {
  /// Names of each sort that are looked for in one directory: they stand for all that it holds.
  private static var soughtNames: Int { 50 }
  /// Directories whose names are in memory at once.
  private static var directoriesPerLook: Int { 256 }

  /// Of known directories, each with the id under which it was found, those that have a birth time, and of the others
  /// those of whose entries at least half are where they were found. An inode is given again, to another directory.
  func alike(_ candidates: [(Int64, PlacedDirectory)]) throws(CatalogError) -> [(Int64, PlacedDirectory)] {
    let unborn = candidates.filter { $0.1.directory.btime_ns == nil }
    guard !unborn.isEmpty else { return candidates }
    var alike: Set<Int64> = []
    for first in stride(from: 0, to: unborn.count, by: Self.directoriesPerLook) {
      alike.formUnion(try holdingHalf(unborn[first..<min(first + Self.directoriesPerLook, unborn.count)]))
    }
    return candidates.filter { id, known in known.directory.btime_ns != nil || alike.contains(id) }
  }

  private func holdingHalf(_ candidates: ArraySlice<(Int64, PlacedDirectory)>) throws(CatalogError) -> [Int64] {
    let names = try known.names(in: candidates.map(\.1.directory.id), limit: Self.soughtNames)
    let sought = candidates.flatMap { id, known in
      (names[known.directory.id] ?? []).map {
        AbsentName(directory: id, name: $0.name, isDirectory: $0.isDirectory)
      }
    }
    let held = areThere(sought, in: try places.above(candidates.map(\.0), by: known))
    return candidates.compactMap { id, known in
      let count = held[id] ?? 0
      return count > 0 && count * 2 >= names[known.directory.id]?.count ?? 0 ? id : nil
    }
  }

  /// How many of the names are there, by their directories. Where that cannot be told none is; the slice then ends at
  /// its own end for the reason.
  private func areThere(_ names: [AbsentName], in frontier: SliceFrontier) -> [Int64: Int] {
    guard !names.isEmpty else { return [:] }
    do {
      let areThere = try check.areThere(names, in: frontier.forWalker)
      return Dictionary(zip(names, areThere).filter(\.1).map { ($0.0.directory, 1) }, uniquingKeysWith: +)
    } catch {
      lookFailure = error
      return [:]
    }
  }
}
