import Glibc
import ScanModel

/// What is mounted at a root and at the mount points on record, as this host sees it now.
public struct MountSurvey: Sendable {
  /// What is there; empty ones are accepted as empty.
  public private(set) var findings: [MountFinding] = []
  /// Mount points at which nothing is mounted any more, or which are no directories.
  public private(set) var gone: [Int64] = []

  /// - Throws: where the root, or a mount point that may be there, cannot be looked at.
  public init(rootPath: String, _ recorded: RecordedMounts) throws(WalkError<Never>) {
    let root = TreeRoot(path: Array(rootPath.utf8), mounts: MountWatch())
    let descriptor = try root.open(Never.self)
    do throws(SystemError) {
      if let directory = recorded.root?.directory { try look(directory, at: descriptor) }
      for directory in recorded.nested.keys.sorted() {
        let path = recorded.path(of: directory)
        do throws(SystemError) {
          try look(directory, at: Descriptor(lookingAt: path, beneath: descriptor.number), isRoot: false)
        } catch {
          guard error.errno == ENOENT || error.isNoDirectory else { throw error }
          gone.append(directory)
        }
      }
    } catch {
      throw .rootUnavailable(path: rootPath, error)
    }
  }

  private mutating func look(
    _ directory: Int64, at descriptor: borrowing Descriptor, isRoot: Bool = true
  ) throws(SystemError) {
    if !isRoot, try !descriptor.isMountPoint() { return gone.append(directory) }
    let look = try MountLook(descriptor.number)
    let record = MountRecord(identity: look.identity, isAcceptedEmpty: look.isEmpty)
    findings.append(MountFinding(directory: directory, record: record))
  }
}
