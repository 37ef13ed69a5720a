import CLinux
import Glibc
import ScanModel

/// The stack of directories together with the few of them that are open.
///
/// Where the kernel can (`Opening.beneath`), a directory is opened by its path from the root, so that nothing
/// need stay open. Paths that are too long for that, and all where the kernel cannot, are opened a component
/// at a time, and directories stay open for what is below them as far as there is room.
struct OpenTree: ~Copyable {
  /// Of a path that is opened at once. The kernel takes 4,096 bytes with the NUL (PATH_MAX).
  private static let pathSize = 4_096

  private let root: Descriptor
  private let opening: Opening
  private var open: OpenDirectories
  private(set) var stack: DirectoryStack
  /// Where links lead.
  let links: LinkResolver
  /// Whether a directory to which a link leads may be entered.
  private let mayFollow: (_ path: [UInt8]) -> Bool
  private let path = UnsafeMutableBufferPointer<CChar>.allocate(capacity: pathSize)

  /// - Parameter rootPath: absolute, and without a link.
  init(
    root: consuming Descriptor, rootPath: [UInt8], stack: consuming DirectoryStack, capacity: Int, opening: Opening,
    mayFollow: @escaping (_ path: [UInt8]) -> Bool = { _ in true }
  ) {
    links = LinkResolver(root: root.number, rootPath: rootPath, opening: opening)
    self.mayFollow = mayFollow
    self.root = root
    self.opening = opening
    self.stack = stack
    open = OpenDirectories(capacity: capacity)
  }

  deinit { path.deallocate() }

  /// Opens a node to list it: always anew, because one that is open already may be open only to go
  /// through, or may have been read.
  mutating func openForListing(_ node: Int) throws(SystemError) -> Descriptor {
    guard node != DirectoryStack.root else {
      return try Descriptor(opened: openDirectory(".", in: root.number, access: O_RDONLY))
    }
    if stack[node].isFollowed {
      return try Descriptor(opened: openDirectory(".", in: try number(of: node), access: O_RDONLY))
    }
    if let base = try base(of: node) { return try openPath(in: base, access: O_RDONLY) }
    let parent = try number(of: Int(stack[node].parent))
    return try openChild(node, in: parent, access: O_RDONLY)
  }

  /// A node's descriptor, to look at single names in it. It stays open until the next call.
  mutating func openForLooking(_ node: Int) throws(SystemError) -> Int32 { try number(of: node) }

  /// Keeps a directory that was listed open for what was found in it, where that will be opened in it.
  mutating func keep(_ descriptor: consuming Descriptor, for node: Int) {
    guard node != DirectoryStack.root, !isPathShort(node) else { return }
    open.insert(descriptor, for: node)
  }

  mutating func push(
    id: Int64, parent: Int, name: UnsafeRawBufferPointer, identity: DirectoryIdentity?, isFollowed: Bool = false
  ) {
    stack.push(
      id: id, parent: parent, name: name, identity: identity, isFollowed: isFollowed, isPending: true)
  }

  /// The file system that a walk must not leave below a node, if it must not leave the root's: that of the
  /// root, or of the followed directory above the node; `nil` for such a one itself.
  mutating func expectedDevice(of node: Int, root device: UInt64) throws(SystemError) -> UInt64? {
    let base = stack.base(of: node)
    guard base != DirectoryStack.root else { return device }
    guard base != node else { return nil }
    var status = statx()
    let result = readStatus(of: "", in: try number(of: base), flags: linux_AT_EMPTY_PATH, into: &status)
    guard result == 0 else { throw SystemError(operation: .stat, errno: -result) }
    return status.device
  }

  /// The path of a node from the root, through no link as far as that can be told, so that it can be opened again.
  mutating func linklessPath(of node: Int) throws(SystemError) -> [UInt8] {
    try realPath(of: node) ?? stack.path(of: node)
  }

  func rootStatus() throws(SystemError) -> statx { try root.status() }

  mutating func enter(_ node: Int) { stack.enter(node) }

  mutating func pop() {
    open.remove(stack.top)
    stack.pop()
  }

  /// A node's descriptor. Where it was closed, the way to it is opened again from its nearest ancestor that
  /// is open or can be opened at once; what that opens stays open as far as there is room, so that going back
  /// up a deep tree costs one such descent in many levels.
  private mutating func number(of node: Int) throws(SystemError) -> Int32 {
    var closed: [Int] = []
    var current = node
    var number = try reach(current)
    while number == nil {
      closed.append(current)
      current = Int(stack[current].parent)
      number = try reach(current)
    }
    var parent = number ?? root.number
    while let next = closed.popLast() {
      let descriptor = try openChild(next, in: parent, access: linux_O_PATH)
      parent = descriptor.number
      open.insert(descriptor, for: next)
    }
    return parent
  }

  /// The descriptor of a node that is open, or that can be opened at once.
  private mutating func reach(_ node: Int) throws(SystemError) -> Int32? {
    if node == DirectoryStack.root { return root.number }
    if let number = open.number(of: node) { return number }
    let descriptor: Descriptor
    if stack[node].isFollowed {
      descriptor = try openFollowed(node)
    } else if let base = try base(of: node) {
      descriptor = try openPath(in: base, access: linux_O_PATH)
    } else {
      return nil
    }
    let number = descriptor.number
    open.insert(descriptor, for: node)
    return number
  }

  /// From what a node is to be opened by the path that is in `path` then; `nil` where it is to be opened in its
  /// parent.
  private mutating func base(of node: Int) throws(SystemError) -> Int32? {
    guard opening == .beneath else { return nil }
    let base = stack.base(of: node)
    // Its own path would take the place of the node's.
    let number = base == DirectoryStack.root ? root.number : try number(of: base)
    return stack.writePath(of: node, from: base, into: path) ? number : nil
  }

  private func isPathShort(_ node: Int) -> Bool {
    opening == .beneath && stack.writePath(of: node, from: stack.base(of: node), into: path)
  }

  /// Opens what `base` has found the way to.
  private mutating func openPath(in base: Int32, access: Int32) throws(SystemError) -> Descriptor {
    guard let path = path.baseAddress else { throw SystemError(operation: .open, errno: ENOMEM) }
    do {
      return try openOnce(path, in: base, access: access)
    } catch let error where error.isOutOfDescriptors {
      open.shrink()
      return try openOnce(path, in: base, access: access)
    }
  }

  /// Resolves a followed directory's link again. Whoever exchanged it meanwhile leads nowhere: what it leads to
  /// now is the directory that was found only if it may be followed, and its identity is the walk's to compare.
  private mutating func openFollowed(_ node: Int) throws(SystemError) -> Descriptor {
    switch try target(ofFollowed: node) {
    case .unresolved(let error): throw error.errno == ELOOP ? SystemError(operation: .open, errno: ENOTDIR) : error
    case .unsteady: throw SystemError(operation: .open, errno: EAGAIN)
    case .above: throw SystemError(operation: .open, errno: ENOTDIR)
    case .outside: throw SystemError(operation: .open, errno: EXDEV)
    case .inside(let path, let status):
      guard mayFollow(path) else { throw SystemError(operation: .open, errno: ENOTDIR) }
      let descriptor = try Descriptor(opened: openBeneath(path, in: root.number, opening: opening))
      let now = try descriptor.status()
      guard now.identity == status.identity, FileKind(mode: UInt32(now.stx_mode)) == .directory else {
        throw SystemError(operation: .open, errno: ENOTDIR)
      }
      return descriptor
    }
  }

  /// Where a link leads.
  ///
  /// - Parameters:
  ///   - directory: in which it lies, open.
  ///   - node: that directory's.
  mutating func target(of link: UnsafePointer<CChar>, in directory: Int32, node: Int) -> LinkTarget {
    do throws(SystemError) {
      guard let path = try realPath(of: node) else { return .unsteady }
      return resolve(link, in: directory, at: path)
    } catch {
      // It is the way to the link that is not there any more, not what it leads to.
      return error.isDangling ? .unsteady : .unresolved(error)
    }
  }

  private mutating func target(ofFollowed node: Int) throws(SystemError) -> LinkTarget {
    let parent = Int(stack[node].parent)
    guard let path = try realPath(of: parent) else { return .unsteady }
    let directory = try number(of: parent)
    let name = stack.name(of: node)
    return name.withCString { resolve($0, in: directory, at: path) }
  }

  /// The path to a directory through no link; `nil` where the link above it leads nowhere inside any more.
  private mutating func realPath(of node: Int) throws(SystemError) -> [UInt8]? {
    let base = stack.base(of: node)
    let path = stack.path(of: node, from: base)
    guard base != DirectoryStack.root else { return path }
    guard case .inside(let target, _) = try target(ofFollowed: base) else { return nil }
    return path.isEmpty ? target : target + [UInt8(ascii: "/")] + path
  }

  /// With what is open in the way of it closed, if need be.
  private mutating func resolve(_ link: UnsafePointer<CChar>, in directory: Int32, at path: [UInt8]) -> LinkTarget {
    let target = links.target(of: link, in: directory, at: path)
    guard case .unresolved(let error) = target, error.isOutOfDescriptors else { return target }
    open.shrink()
    return links.target(of: link, in: directory, at: path)
  }

  /// Opens a node in its parent, which was the last to be used, and so survives `shrink`.
  private mutating func openChild(
    _ node: Int, in parent: Int32, access: Int32
  ) throws(SystemError) -> Descriptor {
    do {
      return try openOnce(node, in: parent, access: access)
    } catch let error where error.isOutOfDescriptors {
      open.shrink()
      return try openOnce(node, in: parent, access: access)
    }
  }

  private func openOnce(_ node: Int, in parent: Int32, access: Int32) throws(SystemError) -> Descriptor {
    try stack.withName(of: node) { (name) throws(SystemError) in try openOnce(name, in: parent, access: access) }
  }

  private func openOnce(
    _ path: UnsafePointer<CChar>, in base: Int32, access: Int32
  ) throws(SystemError) -> Descriptor {
    let result =
      opening == .beneath
      ? openBeneath(path, in: base, access: access) : openDirectory(path, in: base, access: access)
    guard result == -ENOTDIR, isLink(path, in: base, opening: opening) else { return try Descriptor(opened: result) }
    throw SystemError(operation: .open, errno: ELOOP)
  }
}
