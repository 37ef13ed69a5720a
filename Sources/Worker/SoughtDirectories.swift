import Catalog
import ScanModel

/// Directories that no row explains by its name: they may be known ones, from elsewhere. They are looked for many at
/// once, at the latest when the walk opens the first of them.
struct SoughtDirectories {
  struct Directory {
    let id: Int64
    /// The directory that had the name before.
    let former: KnownDirectory?
    /// There may be a tombstone of that name.
    let mayLiveAgain: Bool
  }

  private var directories: [Int64: Directory] = [:]

  var isEmpty: Bool { directories.isEmpty }

  func contains(_ id: Int64) -> Bool { directories[id] != nil }

  mutating func add(_ directory: Directory) { directories[directory.id] = directory }

  mutating func take(_ id: Int64) -> Directory? { directories.removeValue(forKey: id) }

  /// All of them, in the order in which they were found; none is left.
  mutating func takeAll() -> [Directory] {
    defer { directories = [:] }
    return directories.values.sorted { $0.id < $1.id }
  }
}

extension KnownDirectory {
  /// Whether a directory is this one, as far as that can be told: an inode may have been given again since.
  func isSame(as attributes: FileAttributes) -> Bool {
    guard inode == attributes.inode || inode == nil else { return false }
    guard let before = btime_ns, let now = attributes.btime_ns else { return true }
    return before == now
  }
}
