import CLinux
import Glibc
import ScanModel

/// Looks at directories without listing them: what they are now tells whether anything was added, removed or renamed
/// in them since they were listed.
///
/// They are reached as by `TreeWalker`: beneath the root, no link followed, with a bounded number of descriptors. For
/// one thread at a time.
public struct StampCheck {
  /// Directories between two looks at `isAborted`.
  private static let directoriesPerCheck = 32

  private let root: TreeRoot
  private let isAborted: () -> Bool
  private let pace: WalkPace?

  /// - Parameters:
  ///   - rootPath: absolute.
  ///   - mounts: what must be mounted at the root and below it; by default whatever is there.
  ///   - pace: how fast directories may be looked at; `nil`: as fast as they come.
  ///   - isAborted: asked every few directories: whether to throw `aborted`.
  public init(
    rootPath: String, mounts: MountWatch = MountWatch(), pace: WalkPace? = nil,
    isAborted: @escaping () -> Bool = { false }
  ) {
    root = TreeRoot(path: Array(rootPath.utf8), mounts: mounts)
    self.pace = pace
    self.isAborted = isAborted
  }

  /// The attributes of each directory that the frontier visits; none of those that are not there, or cannot be looked
  /// at, or lie on a mount that is missing. The root must be the one on record before the first look and the same
  /// after the last.
  public func attributes(of frontier: Frontier) throws(WalkError<Never>) -> [Int64: FileAttributes] {
    let descriptor = try root.open(Never.self)
    let identity = try root.identity(of: descriptor, Never.self)
    let stack: DirectoryStack
    do { stack = try DirectoryStack(frontier) } catch { throw .brokenFrontier(directory: error.directory) }
    var tree = OpenTree(
      root: descriptor, rootPath: root.path, stack: stack, capacity: TreeWalker.openDirectories, opening: .best)
    var attributes: [Int64: FileAttributes] = [:]
    var mounts = MountsOnTheWay(root.mounts)
    var looks = 0
    while tree.stack.count > 0 {
      let node = tree.stack.top
      if tree.stack[node].isPending {
        if looks % Self.directoriesPerCheck == 0, isAborted() { throw .aborted }
        looks += 1
        if let pace, pace.spend(), isAborted() { throw .aborted }
        if mounts.areThere(at: node, in: &tree, { _, _ in }) {
          attributes[tree.stack[node].id] = Self.attributes(of: node, in: &tree)
        }
      }
      tree.pop()
    }
    try root.confirm(identity, Never.self)
    return attributes
  }

  private static func attributes(of node: Int, in tree: inout OpenTree) -> FileAttributes? {
    guard let directory = try? tree.openForLooking(node) else { return nil }
    var status = statx()
    guard readStatus(of: "", in: directory, flags: linux_AT_EMPTY_PATH, into: &status) == 0 else { return nil }
    return try? FileAttributes(status)
  }
}
