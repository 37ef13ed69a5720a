/// Where a first look has found differences: a second one reports those that it finds again, so that what changes
/// meanwhile, in the tree or by a scan, is not taken for one.
struct Suspects {
  /// What is different, apart from where.
  enum Sort: Hashable {
    case unknown, missing, excluded, changed, unreadable, mount
  }

  /// More are not told apart, so that memory is bounded: then whatever the second look finds counts.
  private static let mostPlaces = 262_144

  private var places: Set<Int> = []
  private var isOverflowing = false
  /// Those in which there is one.
  private(set) var directories: Set<Int64> = []

  /// A listing showed a rename: its directory is to be listed again, whatever it showed.
  mutating func note(_ directory: Int64) { directories.insert(directory) }

  mutating func note(_ sort: Sort, _ name: UnsafeRawBufferPointer, in directory: Int64) {
    directories.insert(directory)
    guard places.count < Self.mostPlaces else { return isOverflowing = true }
    places.insert(Self.hash(sort, name, in: directory))
  }

  func has(_ sort: Sort, _ name: UnsafeRawBufferPointer, in directory: Int64) -> Bool {
    isOverflowing || places.contains(Self.hash(sort, name, in: directory))
  }

  private static func hash(_ sort: Sort, _ name: UnsafeRawBufferPointer, in directory: Int64) -> Int {
    var hasher = Hasher()
    hasher.combine(sort)
    hasher.combine(directory)
    hasher.combine(bytes: name)
    return hasher.finalize()
  }
}
