import FileTree
import Glibc
import ScanModel

/// Keeps all that a walk delivers, by path, over as many runs as share it; and lets a test act in the
/// middle of a walk.
final class RecordingSink: WalkSink {
  struct Refusal: Error {}

  static let root: Int64 = 1

  private(set) var rows: [[UInt8]: FileAttributes] = [:]
  private(set) var delivered = 0
  private(set) var boundaries: Set<[UInt8]> = []
  private(set) var listings: [[UInt8]: DirectoryListing] = [:]
  private(set) var visits: [[UInt8]] = []
  private(set) var vanished: [[UInt8]] = []
  private(set) var followed: Set<[UInt8]> = []
  private(set) var rejected: Set<[UInt8]> = []
  private(set) var failures: [WalkFailure] = []
  private(set) var directories: [Int64: Frontier.Directory] = [
    root: Frontier.Directory(id: root, parent: nil, name: [])
  ]
  private var paths: [Int64: [UInt8]] = [root: []]

  var onWillList: (_ path: [UInt8]) throws(Refusal) -> Void = { _ in }
  var onFile: (_ path: [UInt8]) throws(Refusal) -> Void = { _ in }
  /// Whether a failure of an entry is only counted.
  var onFailure: (_ name: [UInt8], WalkFailure.Cause) -> Bool = { _, _ in false }
  var onListed: (_ path: [UInt8]) throws(Refusal) -> Void = { _ in }

  /// The frontier of these directories, with their ancestors and nothing else.
  func frontier(_ visits: [Int64]) -> Frontier {
    var needed: [Int64: Frontier.Directory] = [:]
    for id in visits {
      var next: Int64? = id
      while let current = next, needed[current] == nil, let directory = directories[current] {
        needed[current] = directory
        next = directory.parent
      }
    }
    return Frontier(directories: Array(needed.values), visits: visits)
  }

  func id(of path: String) -> Int64? { paths.first { $0.value == Array(path.utf8) }?.key }
  func path(of id: Int64) -> [UInt8] { paths[id] ?? [] }

  func willList(directory: Int64, attributes: FileAttributes) throws(Refusal) -> Bool {
    visits.append(path(of: directory))
    try onWillList(path(of: directory))
    return true
  }

  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(Refusal) {
    let path = path(of: directory, Array(name))
    record(path, attributes)
    try onFile(path)
  }

  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(Refusal) -> Int64? {
    if isBoundary { boundaries.insert(path(of: parent, Array(name))) }
    return add(name, in: parent, attributes, isFollowed: false)
  }

  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(Refusal) -> Int64? {
    followed.insert(path(of: parent, Array(name)))
    return add(name, in: parent, attributes, isFollowed: true)
  }

  private func add(
    _ name: UnsafeRawBufferPointer, in parent: Int64, _ attributes: FileAttributes, isFollowed: Bool
  ) -> Int64 {
    let id = Int64(directories.count) + Self.root
    let identity = DirectoryIdentity(device: attributes.device, inode: attributes.inode)
    directories[id] = Frontier.Directory(
      id: id, parent: parent, name: Array(name), identity: identity, isFollowed: isFollowed)
    let path = path(of: parent, Array(name))
    paths[id] = path
    record(path, attributes)
    return id
  }

  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(Refusal) {
    rejected.insert(path(of: directory, Array(name)))
  }

  func listed(directory: Int64, _ listing: DirectoryListing) throws(Refusal) {
    listings[path(of: directory)] = listing
    try onListed(path(of: directory))
  }

  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(Refusal) -> Bool {
    onFailure(Array(name), cause)
  }

  func vanished(directory: Int64) throws(Refusal) { vanished.append(path(of: directory)) }
  func failure(_ failure: WalkFailure) throws(Refusal) { failures.append(failure) }

  private func record(_ path: [UInt8], _ attributes: FileAttributes) {
    delivered += 1
    rows[path] = attributes
  }

  private func path(of directory: Int64, _ name: [UInt8]) -> [UInt8] {
    let parent = path(of: directory)
    return parent.isEmpty ? name : parent + [UInt8(ascii: "/")] + name
  }

  /// How many of this process's descriptors are the tree's directories. By inode: a deep directory's
  /// path cannot be read from /proc, and other tests open files at the same time.
  func openDescriptors() -> [Int32] {
    var known = Set(rows.values.lazy.filter { $0.kind == .directory }.map(\.inode))
    for listing in listings.values { known.insert(listing.attributes.inode) }
    return (0..<1024).filter { number in
      var status = stat()
      return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && known.contains(UInt64(status.st_ino))
    }
  }
}
