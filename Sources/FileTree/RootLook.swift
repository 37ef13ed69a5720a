import CLinux
import Glibc
import ScanModel

/// What this host finds at a library's root and at the mount points on record, before a scan reads them: by the very
/// steps and verdicts of the walk, so that the two cannot disagree. Nothing is read but whether the root is empty.
public struct RootLook: Sendable {
  /// What is mounted at the root.
  public private(set) var identity: MountIdentity
  /// Why a scan would pass over what lies at a mount point below the root, each in one line.
  public private(set) var missingMounts: [String] = []
  /// How many mount points a scan would look for.
  public private(set) var guardedMounts = 0

  /// Blocks for as long as the file system does.
  ///
  /// - Throws: where a scan could not begin on this host.
  public init(rootPath: String, _ recorded: RecordedMounts) throws(WalkError<Never>) {
    let watch = MountWatch(recorded)
    let root = TreeRoot(path: Array(rootPath.utf8), mounts: watch)
    let descriptor = try root.open(Never.self)
    _ = try root.identity(of: descriptor, Never.self)
    do throws(SystemError) {
      // A directory may be listed and yet not be entered: then none of its entries could be looked at.
      _ = try Descriptor(opened: openDirectory(".", in: descriptor.number, access: linux_O_PATH))
      identity = try MountLook(descriptor.number).identity
    } catch {
      throw .rootUnavailable(path: rootPath, error)
    }
    for mount in recorded.nested.keys.sorted() where watch.isGuarded(mount) {
      guardedMounts += 1
      if let reason = Self.missing(mount, watch, descriptor.number) { missingMounts.append(reason) }
    }
  }

  private static func missing(_ mount: Int64, _ watch: MountWatch, _ root: Int32) -> String? {
    let path = watch.recorded.path(of: mount)
    do throws(SystemError) {
      let directory = try Descriptor(lookingAt: path, beneath: root)
      return watch.refusal(of: mount, try MountLook(directory.number), path: path)
    } catch {
      // Behind a link that the walk follows: that is for the walk to resolve.
      if error.isNoDirectory, leadsThroughLink(path, root) { return nil }
      return error.errno == ENOENT || error.isNoDirectory
        ? watch.absence(of: mount)
        : "what is mounted at \(String(decoding: path, as: UTF8.self)) cannot be told: \(error)"
    }
  }

  private static func leadsThroughLink(_ path: [UInt8], _ root: Int32) -> Bool {
    guard var place = try? Descriptor(lookingAt: [UInt8(ascii: ".")], in: root) else { return false }
    for name in path.split(separator: UInt8(ascii: "/")) {
      var status = statx()
      let bytes = name.map { CChar(bitPattern: $0) } + [0]
      guard readStatus(of: bytes, in: place.number, into: &status) == 0 else { return false }
      if UInt32(status.stx_mode) & S_IFMT == S_IFLNK { return true }
      guard let next = try? Descriptor(opened: openDirectory(bytes, in: place.number, access: linux_O_PATH)) else {
        return false
      }
      place = next
    }
    return false
  }
}
