import CLinux
import Glibc
import ScanModel

/// A name that a listing lacked, or whose row is of the wrong sort.
public struct AbsentName: Sendable, Hashable {
  /// The directory in which it is missing.
  public let directory: Int64
  /// One component, as the kernel gave it.
  public let name: [UInt8]
  /// Whether the catalogue knows it as a directory.
  public let isDirectory: Bool
  /// Which directory it was; with another one in its place it is gone too. `nil` takes any.
  public let birth: DirectoryBirth?

  public init(directory: Int64, name: [UInt8], isDirectory: Bool, birth: DirectoryBirth? = nil) {
    self.directory = directory
    self.name = name
    self.isDirectory = isDirectory
    self.birth = birth
  }
}

/// By what a directory is told from one that has its inode after it.
public struct DirectoryBirth: Sendable, Hashable {
  public let inode: UInt64
  /// Nanoseconds since 1970-01-01T00:00:00Z; `nil` where its file system does not tell.
  public let btime_ns: Int64?

  public init(inode: UInt64, btime_ns: Int64?) {
    self.inode = inode
    self.btime_ns = btime_ns
  }
}

/// The second look at names that were found missing: a listing may miss what is renamed while it runs
/// (readdir(3)), and what seemed gone may be out of reach only.
///
/// A name is gone if the system says so (`ENOENT`), if it belongs to the other sort of entry or to another directory
/// now, or if its directory itself is gone or no directory any more, as the name of that says too. Whatever else
/// happens, it is not gone; nor is it where a recorded mount point at or above its directory is not what the
/// catalogue has on record: then a mount is missing, and what lay on it with it. Nor is a recorded mount point
/// itself, or what leads to one.
///
/// Directories are reached as by `TreeWalker`: beneath the root, no link followed, with a bounded number of
/// descriptors. For one thread at a time.
public struct AbsenceCheck {
  /// Names between two looks at `isAborted`.
  private static let namesPerCheck = 32

  private let root: TreeRoot
  private let isAborted: () -> Bool
  private let pace: WalkPace?
  /// What the kernel allows, unless a test says otherwise.
  var opening = Opening.best

  /// - Parameters:
  ///   - rootPath: absolute.
  ///   - mounts: what must be mounted at the root and below it; by default whatever is there.
  ///   - pace: how fast names may be looked at; `nil`: as fast as they come.
  ///   - isAborted: asked every few names: whether to throw `aborted`.
  public init(
    rootPath: [UInt8], mounts: MountWatch = MountWatch(), pace: WalkPace? = nil,
    isAborted: @escaping () -> Bool = { false }
  ) {
    root = TreeRoot(path: rootPath, mounts: mounts)
    self.pace = pace
    self.isAborted = isAborted
  }

  public init(
    rootPath: String, mounts: MountWatch = MountWatch(), pace: WalkPace? = nil,
    isAborted: @escaping () -> Bool = { false }
  ) {
    self.init(rootPath: Array(rootPath.utf8), mounts: mounts, pace: pace, isAborted: isAborted)
  }

  /// Whether each of the names is gone, in their order. The root must be the one on record before the first
  /// look and the same after the last.
  ///
  /// - Parameters:
  ///   - frontier: leads to the names' directories; its visits are of no account.
  ///   - lostMount: told of each directory whose mount is missing, once, and why it is.
  public func areGone(
    _ names: [AbsentName], in frontier: Frontier, lostMount: (Int64, String) -> Void = { _, _ in }
  ) throws(WalkError<Never>) -> [Bool] {
    try presence(of: names, in: frontier, lostMount).map { $0 == .gone }
  }

  /// Whether each of the names is there, in their order: false also where that cannot be told. As `areGone` otherwise.
  public func areThere(_ names: [AbsentName], in frontier: Frontier) throws(WalkError<Never>) -> [Bool] {
    try presence(of: names, in: frontier) { _, _ in }.map { $0 == .there }
  }

  private func presence(
    of names: [AbsentName], in frontier: Frontier, _ lostMount: (Int64, String) -> Void
  ) throws(WalkError<Never>) -> [Presence] {
    let descriptor = try root.open(Never.self)
    let identity = try root.identity(of: descriptor, Never.self)
    let wanted = Dictionary(grouping: names.indices) { names[$0].directory }
    let stack: DirectoryStack
    do {
      stack = try DirectoryStack(
        Frontier(directories: frontier.directories, visits: wanted.keys.sorted()))
    } catch {
      throw .brokenFrontier(directory: error.directory)
    }
    var tree = OpenTree(
      root: descriptor, rootPath: root.path, stack: stack, capacity: TreeWalker.openDirectories, opening: opening)
    var found = [Presence](repeating: .unknown, count: names.count)
    var mounts = MountsOnTheWay(root.mounts)
    var looks = 0
    while tree.stack.count > 0 {
      let node = tree.stack.top
      if tree.stack[node].isPending {
        let place = mounts.areThere(at: node, in: &tree, lostMount) ? Place(of: node, in: &tree) : .outOfReach
        for index in wanted[tree.stack[node].id] ?? [] {
          if looks % Self.namesPerCheck == 0, isAborted() { throw .aborted }
          looks += 1
          if let pace, pace.spend(), isAborted() { throw .aborted }
          guard names[index].name.isValidComponent else { throw .brokenFrontier(directory: names[index].directory) }
          let presence = place.presence(of: names[index])
          found[index] = presence == .gone && mounts.guards(names[index], lostMount) ? .unknown : presence
        }
      }
      tree.pop()
    }
    try root.confirm(identity, Never.self)
    return found
  }
}

/// What a look at a name has told.
private enum Presence {
  case there
  case gone
  /// It could not be looked at, or is not to be trusted.
  case unknown
}

/// What became of a directory in which names are missing.
private enum Place {
  case open(Int32)
  case gone
  case outOfReach

  init(of node: Int, in tree: inout OpenTree) {
    do {
      self = .open(try tree.openForLooking(node))
    } catch {
      let isSaidToBeGone = error.errno == ENOENT || error.isNoDirectory
      self = isSaidToBeGone && !tree.isThere(node) ? .gone : .outOfReach
    }
  }

  func presence(of name: AbsentName) -> Presence {
    switch self {
    case .gone: return .gone
    case .outOfReach: return .unknown
    case .open(let directory):
      var status = statx()
      let component = name.name.map { CChar(bitPattern: $0) } + [0]
      let result = readStatus(of: component, in: directory, into: &status)
      guard result == 0 else { return result == -ENOENT ? .gone : .unknown }
      let isDirectory = FileKind(mode: UInt32(status.stx_mode)) == .directory
      guard isDirectory == name.isDirectory else { return .gone }
      guard let birth = name.birth else { return .there }
      guard let attributes = try? FileAttributes(status) else { return .unknown }
      return birth.isOf(attributes) ? .there : .gone
    }
  }
}

extension DirectoryBirth {
  /// Whether a directory is the one that was born so, as far as that can be told.
  fileprivate func isOf(_ attributes: FileAttributes) -> Bool {
    guard inode == attributes.inode else { return false }
    guard let btime_ns, let other = attributes.btime_ns else { return true }
    return btime_ns == other
  }
}
