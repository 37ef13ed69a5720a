import CLinux
import Glibc

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
  private let path = UnsafeMutableBufferPointer<CChar>.allocate(capacity: pathSize)

  init(root: consuming Descriptor, stack: consuming DirectoryStack, capacity: Int, opening: Opening) {
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
    if hasShortPath(node) { return try openPath(access: O_RDONLY) }
    let parent = try number(of: Int(stack[node].parent))
    return try openChild(node, in: parent, access: O_RDONLY)
  }

  /// A node's descriptor, to look at single names in it. It stays open until the next call.
  mutating func openForLooking(_ node: Int) throws(SystemError) -> Int32 { try number(of: node) }

  /// Keeps a directory that was listed open for what was found in it, where that will be opened in it.
  mutating func keep(_ descriptor: consuming Descriptor, for node: Int) {
    guard node != DirectoryStack.root, !hasShortPath(node) else { return }
    open.insert(descriptor, for: node)
  }

  mutating func push(id: Int64, parent: Int, name: UnsafeRawBufferPointer, identity: DirectoryIdentity?) {
    stack.push(id: id, parent: parent, name: name, identity: identity, isPending: true)
  }

  mutating func enter(_ node: Int) { stack.enter(node) }

  mutating func pop() {
    open.remove(stack.top)
    stack.pop()
  }

  /// A node's descriptor. Where it was closed, the way to it is opened again from its nearest open
  /// ancestor; what that opens stays open as far as there is room, so that going back up a deep tree costs
  /// one such descent in many levels.
  private mutating func number(of node: Int) throws(SystemError) -> Int32 {
    var closed: [Int] = []
    var current = node
    var number = openNumber(of: current)
    while number == nil {
      if hasShortPath(current) {
        let descriptor = try openPath(access: linux_O_PATH)
        number = descriptor.number
        open.insert(descriptor, for: current)
        break
      }
      closed.append(current)
      current = Int(stack[current].parent)
      number = openNumber(of: current)
    }
    var parent = number ?? root.number
    while let next = closed.popLast() {
      let descriptor = try openChild(next, in: parent, access: linux_O_PATH)
      parent = descriptor.number
      open.insert(descriptor, for: next)
    }
    return parent
  }

  private mutating func openNumber(of node: Int) -> Int32? {
    node == DirectoryStack.root ? root.number : open.number(of: node)
  }

  /// Whether a node is to be opened by its path, which is in `path` then.
  private func hasShortPath(_ node: Int) -> Bool {
    opening == .beneath && stack.writePath(of: node, from: DirectoryStack.root, into: path)
  }

  /// Opens what `hasShortPath` has found.
  private mutating func openPath(access: Int32) throws(SystemError) -> Descriptor {
    guard let path = path.baseAddress else { throw SystemError(operation: .open, errno: ENOMEM) }
    do {
      return try Descriptor(opened: openBeneath(path, in: root.number, access: access))
    } catch let error where error.isOutOfDescriptors {
      open.shrink()
      return try Descriptor(opened: openBeneath(path, in: root.number, access: access))
    }
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
    try Descriptor(
      opened: stack.withName(of: node) {
        opening == .beneath
          ? openBeneath($0, in: parent, access: access) : openDirectory($0, in: parent, access: access)
      })
  }
}
