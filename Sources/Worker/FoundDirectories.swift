import ScanModel

/// Directories that a slice found and whose rows are not sent yet. Their names lie in one arena, which is
/// emptied when no directory is left.
struct FoundDirectories {
  struct Directory {
    let parent: Int64
    let attributes: FileAttributes
    let isBoundary: Bool
    /// Another directory's row has its name until that has moved.
    fileprivate(set) var waitsForPlace = false
    fileprivate let name: Range<Int>
  }

  private var directories: [Int64: Directory] = [:]
  private var names: [UInt8] = []

  var count: Int { directories.count }

  func contains(_ id: Int64) -> Bool { directories[id] != nil }

  mutating func add(
    id: Int64, parent: Int64, name: UnsafeRawBufferPointer, _ attributes: FileAttributes, isBoundary: Bool
  ) {
    let start = names.count
    names.append(contentsOf: name)
    directories[id] = Directory(
      parent: parent, attributes: attributes, isBoundary: isBoundary, name: start..<names.count)
  }

  /// The directory and its name; `nil` where it is not one of these.
  func named(_ id: Int64) -> (directory: Directory, name: [UInt8])? {
    directories[id].map { ($0, Array(names[$0.name])) }
  }

  /// The name of the directory is still another's.
  mutating func letWait(_ id: Int64) { directories[id]?.waitsForPlace = true }

  /// Gives the directory to `body` and forgets it. False where it is not one of these.
  mutating func take<Failure: Error>(
    _ id: Int64, _ body: (Directory, UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    guard let directory = directories.removeValue(forKey: id) else { return false }
    try names.withUnsafeBufferPointer { (bytes) throws(Failure) in
      try body(directory, UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[directory.name])))
    }
    reuseNames()
    return true
  }

  /// False where it is not one of these.
  mutating func remove(_ id: Int64) -> Bool {
    defer { reuseNames() }
    return directories.removeValue(forKey: id) != nil
  }

  /// Of all directories, in their order.
  var ids: [Int64] { directories.keys.sorted() }

  private mutating func reuseNames() {
    if directories.isEmpty { names.removeAll(keepingCapacity: true) }
  }
}
