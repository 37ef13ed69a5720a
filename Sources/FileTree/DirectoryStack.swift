/// The walk's place in the tree: directories to visit, and below each the ancestors that lead to it.
///
///     bottom                                                        top
///     root(entered)  a(entered)  a/x(pending)  a/y(entered)  a/y/p(pending)
///
/// A parent lies below its children, so whatever is popped takes its name off the end of one byte arena,
/// and what the walk holds is the siblings along its path, never the whole tree.
struct DirectoryStack: ~Copyable {
  struct Node {
    let id: Int64
    /// Index in the stack; the root is its own.
    let parent: Int32
    fileprivate let nameLength: Int32
    fileprivate let nameStart: Int
    let identity: DirectoryIdentity?
    /// Its name is a link's.
    let isFollowed: Bool
    /// To be visited; otherwise it only leads to nodes above it.
    fileprivate(set) var isPending: Bool
  }

  /// The root's index.
  static let root = 0

  private var nodes: [Node] = []
  /// The names, each ended by NUL as `openat(2)` wants it.
  private var names: [CChar] = []

  /// How many are to be visited.
  private(set) var pendingCount = 0

  var count: Int { nodes.count }
  var top: Int { nodes.count - 1 }
  subscript(_ index: Int) -> Node { nodes[index] }

  /// The ids of the directories to visit, next one first.
  var pending: [Int64] { nodes.reversed().lazy.filter(\.isPending).map(\.id) }

  @discardableResult
  mutating func push(
    id: Int64, parent: Int, name: UnsafeRawBufferPointer, identity: DirectoryIdentity?, isFollowed: Bool = false,
    isPending: Bool
  ) -> Int {
    nodes.append(
      Node(
        id: id, parent: Int32(parent), nameLength: Int32(name.count), nameStart: names.count,
        identity: identity, isFollowed: isFollowed, isPending: isPending))
    names.append(contentsOf: name.bindMemory(to: CChar.self))
    names.append(0)
    if isPending { pendingCount += 1 }
    return top
  }

  mutating func pop() {
    names.removeSubrange(nodes[top].nameStart...)
    nodes.removeLast()
  }

  /// A directory's visit begins: from now on it leads to what is found in it.
  mutating func enter(_ index: Int) { setPending(index, false) }

  /// A directory seeded as an ancestor turns out to be one to visit too.
  mutating func markPending(_ index: Int) { setPending(index, true) }

  private mutating func setPending(_ index: Int, _ isPending: Bool) {
    guard nodes[index].isPending != isPending else { return }
    nodes[index].isPending = isPending
    pendingCount += isPending ? 1 : -1
  }

  /// The node's name as a C string.
  func withName<Result: ~Copyable, Failure: Error>(
    of index: Int, _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    func call(_ names: UnsafePointer<CChar>) throws(Failure) -> Result { try body(names + nodes[index].nameStart) }
    return try call(names)
  }

  func name(of index: Int) -> [UInt8] {
    let node = nodes[index]
    return names[node.nameStart..<(node.nameStart + Int(node.nameLength))].map { UInt8(bitPattern: $0) }
  }

  /// How far below the root a node is: 0 is the root itself.
  func depth(of index: Int) -> Int {
    var depth = 0
    var current = index
    while current != Self.root {
      depth += 1
      current = Int(nodes[current].parent)
    }
    return depth
  }

  /// What leads to a node without a link: the nearest followed directory, itself too, or the root.
  func base(of index: Int) -> Int {
    var current = index
    while current != Self.root, !nodes[current].isFollowed { current = Int(nodes[current].parent) }
    return current
  }

  /// Writes the path that leads to a node from one of its ancestors, as a C string. False where the path and
  /// its end are longer than the buffer, or a name begins with a NUL.
  func writePath(of index: Int, from ancestor: Int, into buffer: UnsafeMutableBufferPointer<CChar>) -> Bool {
    var end = buffer.count
    var current = index
    while current != ancestor {
      let node = nodes[current]
      // With the NUL behind it, which becomes a slash unless it is the last.
      let length = Int(node.nameLength) + 1
      // A name that no file system has would end the path above it.
      guard length <= end, names[node.nameStart] != 0 else { return false }
      end -= length
      for place in 0..<length { buffer[end + place] = names[node.nameStart + place] }
      if current != index { buffer[end + length - 1] = CChar(bitPattern: UInt8(ascii: "/")) }
      current = Int(node.parent)
    }
    guard end < buffer.count, let start = buffer.baseAddress else { return false }
    start.update(from: start + end, count: buffer.count - end)
    return true
  }

  /// The path from the root, or from another ancestor, without a leading slash.
  func path(of index: Int, from ancestor: Int = Self.root) -> [UInt8] {
    var chain: [Int] = []
    var current = index
    while current != ancestor {
      chain.append(current)
      current = Int(nodes[current].parent)
    }
    var path: [UInt8] = []
    for index in chain.reversed() {
      if !path.isEmpty { path.append(UInt8(ascii: "/")) }
      let node = nodes[index]
      let name = names[node.nameStart..<(node.nameStart + Int(node.nameLength))]
      path.append(contentsOf: name.lazy.map { UInt8(bitPattern: $0) })
    }
    return path
  }
}
