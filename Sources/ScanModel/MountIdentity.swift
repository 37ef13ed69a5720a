/// Which file system lies at a directory, and which of its directories that is, as a host sees it.
///
/// Device numbers are no part of it: hosts number the same file system differently, and so does one host after
/// a remount; and two file systems that are mounted one after the other may get the same one.
public struct MountIdentity: Sendable, Hashable {
  /// Such as `ext4`; in hexadecimal where its name is not known.
  public let type: String
  /// With hyphens; `nil` where the file system has none, or the host cannot tell it.
  public let uuid: String?
  /// `f_fsid` of statfs(2); `nil` where it is 0, as of some network file systems.
  public let fsid: UInt64?
  /// Of the directory itself.
  public let inode: UInt64

  public init(type: String, uuid: String?, fsid: UInt64?, inode: UInt64) {
    self.type = type
    self.uuid = uuid
    self.fsid = fsid
    self.inode = inode
  }

  /// What two identities that one host has seen say of what lies there.
  public enum Likeness: Sendable, Equatable {
    case same
    /// There is no id by which the file system could be told from another one of its type.
    case alike
    case other
  }

  /// What this one, which is on record, says of what is found.
  public func likeness(to found: MountIdentity) -> Likeness {
    if let uuid, let theirs = found.uuid {
      return uuid == theirs && inode == found.inode && !isOtherSubvolume(than: found) ? .same : .other
    }
    guard type == found.type, inode == found.inode else { return .other }
    if let fsid { return fsid == found.fsid ? .same : .other }  // none loses it
    return .alike
  }

  /// All subvolumes of a btrfs have its UUID, and one inode at their roots; their fsids differ, on every host.
  private func isOtherSubvolume(than found: MountIdentity) -> Bool {
    guard type == "btrfs", found.type == type, let fsid, let theirs = found.fsid else { return false }
    return fsid != theirs
  }

  /// Whether what two hosts have seen can be compared: the same file system has other types on its server and on
  /// a client, and an fsid of the one means nothing to the other.
  public func isComparable(with other: MountIdentity) -> Bool {
    uuid != nil && other.uuid != nil || type == other.type && fsid != nil && other.fsid != nil
  }

  /// Whether other hosts can tell the file system by it.
  public var isTelling: Bool { uuid != nil || fsid != nil }
}

extension MountIdentity: CustomStringConvertible {
  /// Such as `ext4 1b4e28ba-2fa1-11d2-883f-0016d3cca427 (inode 2)`.
  public var description: String {
    let id = uuid ?? fsid.map { "fsid " + String($0, radix: 16) } ?? "without an id"
    return "\(type) \(id) (inode \(inode))"
  }
}

/// What is to be recorded of a root or mount point.
public struct MountFinding: Sendable, Hashable {
  public let directory: Int64
  public let record: MountRecord

  public init(directory: Int64, record: MountRecord) {
    self.directory = directory
    self.record = record
  }
}

/// What is on record of a directory at which a file system lies.
public struct MountRecord: Sendable, Hashable {
  /// `nil` where the directory is only known to have been a mount point.
  public let identity: MountIdentity?
  /// That it is empty, or lacks most of what the catalogue knows there, was said to be right.
  public let isAccepted: Bool

  public init(identity: MountIdentity?, isAccepted: Bool = false) {
    self.identity = identity
    self.isAccepted = isAccepted
  }
}
