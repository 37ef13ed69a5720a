import Glibc
import ScanModel

/// What is mounted at a root and at the mount points on record, as this host sees it now.
public struct MountSurvey: Sendable {
  /// What is there; accepted is what is empty, or what no id tells and the catalogue's names do not.
  public private(set) var findings: [MountFinding] = []
  /// Mount points at which nothing is mounted any more, or which are no directories.
  public private(set) var gone: [Int64] = []

  /// - Throws: where the root, or a mount point that may be there, cannot be looked at.
  public init(rootPath: String, _ recorded: RecordedMounts) throws(WalkError<Never>) {
    let root = TreeRoot(path: Array(rootPath.utf8), mounts: MountWatch())
    let descriptor = try root.open(Never.self)
    do throws(SystemError) {
      if let mount = recorded.root { try look(mount, at: descriptor) }
      for mount in recorded.nested.values.sorted(by: { $0.directory < $1.directory }) {
        let path = recorded.path(of: mount.directory)
        do throws(SystemError) {
          try look(mount, at: Descriptor(lookingAt: path, beneath: descriptor.number), isRoot: false)
        } catch {
          guard error.errno == ENOENT || error.isNoDirectory else { throw error }
          gone.append(mount.directory)
        }
      }
    } catch {
      throw .rootUnavailable(path: rootPath, error)
    }
  }

  private mutating func look(
    _ mount: RecordedMount, at descriptor: borrowing Descriptor, isRoot: Bool = true
  ) throws(SystemError) {
    if !isRoot, try !descriptor.isMountPoint() { return gone.append(mount.directory) }
    let look = try MountLook(descriptor.number)
    let isUnlike = !look.identity.isTelling && !mount.holdsMost(look.has)
    let record = MountRecord(identity: look.identity, isAccepted: look.isEmpty || isUnlike)
    findings.append(MountFinding(directory: mount.directory, record: record))
  }
}
