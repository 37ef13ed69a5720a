/// Which directory a directory is: a name may come to belong to another one.
public struct DirectoryIdentity: Hashable, Sendable {
  /// `st_dev`.
  public let device: UInt64
  public let inode: UInt64

  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// The directories that a run has still to visit, and how to reach them. Ancestors are told once however
/// many directories they lead to, so that a deep frontier stays small.
public struct Frontier: Sendable {
  /// A directory as the catalogue knows it.
  public struct Directory: Sendable {
    public let id: Int64
    /// `nil` for the root.
    public let parent: Int64?
    /// One component, as the kernel gave it; ignored for the root.
    public let name: [UInt8]
    /// What the name must still be when it is visited; `nil` takes whatever directory is there.
    public let identity: DirectoryIdentity?
    /// The name is a link's, which leads to the directory.
    public let isFollowed: Bool

    public init(
      id: Int64, parent: Int64?, name: [UInt8], identity: DirectoryIdentity? = nil, isFollowed: Bool = false
    ) {
      self.id = id
      self.parent = parent
      self.name = name
      self.identity = identity
      self.isFollowed = isFollowed
    }
  }

  /// The directories to visit and all their ancestors up to the root, each once, in any order.
  public let directories: [Directory]
  /// The directories to visit, next one first.
  public let visits: [Int64]

  public init(directories: [Directory], visits: [Int64]) {
    self.directories = directories
    self.visits = visits
  }

  /// A frontier of the root alone: where a scan begins.
  public static func root(id: Int64, identity: DirectoryIdentity? = nil) -> Frontier {
    Frontier(directories: [Directory(id: id, parent: nil, name: [], identity: identity)], visits: [id])
  }
}
