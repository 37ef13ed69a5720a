import CLinux
import Glibc
import ScanModel

/// The policy `follow`.
///
/// A link is followed where its target lies inside the root and the walk does not come there otherwise: a part
/// of the target's real path is ignored, or lies beyond a boundary that is not crossed. All other links are
/// rows, and an error says where one leads nowhere, outside, or up to a directory above it.
///
/// Links inside a followed directory are rows and are not followed, so that no loop closes, and what two links
/// lead to is listed under both, as a file is under two hard links: each name says what it is by itself, whatever
/// other links there are, so that slices need not know of one another and every scan finds the same.
extension Walk {
  /// What becomes of a link; its own attributes are those of the link.
  mutating func follow(
    _ link: EntryBuffer.Entry, _ attributes: FileAttributes, in directory: Int32, node: Int,
    _ listing: inout DirectoryListing
  ) throws(Failure) {
    listing.hasLinks = true
    switch tree.target(of: link.name, in: directory, node: node) {
    case .inside(let path, let status):
      if tree.stack.base(of: node) == DirectoryStack.root, hides(path, status) {
        return try enter(link, status, node: node, &listing)
      }
    case .above: try fail(node, entry: link, cause: .linkLoop)
    case .outside: try fail(node, entry: link, cause: .linkOutside)
    case .unresolved(let error): try fail(node, entry: link, cause: .linkTarget(error))
    case .unsteady: try fail(node, entry: link, cause: .linkUnsteady)
    }
    try found(file: link, attributes, node: node, &listing)
  }

  /// The target in the link's place, under its name.
  private mutating func enter(
    _ link: EntryBuffer.Entry, _ status: statx, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) {
    let attributes: FileAttributes
    do {
      attributes = try FileAttributes(status)
    } catch {
      listing.failures += 1
      return try fail(node, entry: link, cause: .init(error))
    }
    if try isPassedOver(link, attributes, node: node, &listing) { return }
    guard attributes.kind == .directory else { return try found(file: link, attributes, node: node, &listing) }
    listing.directories += 1
    let parent = tree.stack[node].id
    let id = try deliver { () throws(Sink.Failure) in
      try sink.followedDirectory(parent: parent, name: link.bytes, attributes: attributes)
    }
    guard let id else { return }
    guard tree.stack.pendingCount < TreeWalker.heldDirectories else { return deferred.append(id) }
    tree.push(id: id, parent: node, name: link.bytes, identity: attributes.identity, isFollowed: true)
  }

  private func hides(_ path: [UInt8], _ status: statx) -> Bool {
    let isDirectory = FileKind(mode: UInt32(status.stx_mode)) == .directory
    return judge?.rules.hides(path, isDirectory: isDirectory, staysOn: rootDevice, tree.links) ?? false
  }
}

extension WalkRules {
  /// Whether the walk does not come to a place inside the root by itself.
  ///
  /// - Parameters:
  ///   - path: the real one.
  ///   - device: of the root, if the walk stays on its file system.
  func hides(_ path: [UInt8], isDirectory: Bool, staysOn device: UInt64?, _ links: LinkResolver) -> Bool {
    if entries.isIgnored(path: path, isDirectory: isDirectory) { return true }
    guard let device else { return false }
    // A file on another file system than its directory is a mount point of a file, and walked.
    let devices = links.devices(onTheWayTo: path)
    return (isDirectory ? devices[...] : devices.dropLast()).contains { $0 != device }
  }
}
