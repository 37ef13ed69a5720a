import Glibc
import ScanModel

/// The recorded mount points that a second look meets: whether what lies at and below them can be told.
struct MountsOnTheWay {
  private let mounts: MountWatch
  private var areThere: [Int64: Bool] = [:]

  init(_ mounts: MountWatch) { self.mounts = mounts }

  /// Whether every mount point at or above a node is as it should be.
  ///
  /// - Parameter lost: told of one that is not, once, and why.
  mutating func areThere(at node: Int, in tree: inout OpenTree, _ lost: (Int64, String) -> Void) -> Bool {
    var current = node
    while current != DirectoryStack.root {
      if !isThere(current, in: &tree, lost) { return false }
      current = Int(tree.stack[current].parent)
    }
    return true
  }

  /// Whether a name that is gone is a mount point's, or leads to one: that is missing, and not removed.
  mutating func guards(_ name: AbsentName, _ lost: (Int64, String) -> Void) -> Bool {
    let ids = mounts.guardedMounts(at: name.name, in: name.directory)
    for id in ids where areThere[id] != false {
      areThere[id] = false
      lost(id, mounts.absence(of: id))
    }
    return !ids.isEmpty
  }

  private mutating func isThere(_ node: Int, in tree: inout OpenTree, _ lost: (Int64, String) -> Void) -> Bool {
    let id = tree.stack[node].id
    guard mounts.isWatched(id) else { return true }
    if let known = areThere[id] { return known }
    let reason = missing(node, in: &tree)
    areThere[id] = reason == nil
    if let reason { lost(id, reason) }
    return reason == nil
  }

  private func missing(_ node: Int, in tree: inout OpenTree) -> String? {
    let id = tree.stack[node].id
    do throws(SystemError) {
      let directory = try tree.openForListing(node)
      let path = try tree.linklessPath(of: node)
      return mounts.refusal(of: id, try MountLook(directory.number), path: path)
    } catch {
      return error.errno == ENOENT || error.isNoDirectory
        ? mounts.absence(of: id) : "what is mounted here cannot be told: \(error)"
    }
  }
}
