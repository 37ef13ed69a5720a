import CLinux
import Glibc
import ScanModel

/// The root of a tree: how it is opened, and how it is told from another directory in its place.
struct TreeRoot {
  let path: [UInt8]
  let mounts: MountWatch

  /// - Parameter path: absolute. Slashes at its end are ignored: they would follow a link.
  init(path: [UInt8], mounts: MountWatch) {
    self.path = path
    self.mounts = mounts
  }

  /// - Parameter failure: what the caller's sink throws, here and below.
  func open<Failure>(_ failure: Failure.Type) throws(WalkError<Failure>) -> Descriptor {
    do { return try openPath() } catch { throw .rootUnavailable(path: shownPath, error) }
  }

  /// Which directory the opened root is, if it is the one that it should be.
  func identity<Failure>(
    of root: borrowing Descriptor, _ failure: Failure.Type
  ) throws(WalkError<Failure>) -> DirectoryIdentity {
    let identity: DirectoryIdentity
    let look: MountLook
    do {
      identity = try root.status().identity
      look = try MountLook(root.number)
    } catch {
      throw .rootUnavailable(path: shownPath, error)
    }
    if let refusal = mounts.refusal(ofRoot: look, path: shownPath) { throw .rootRefused(refusal) }
    return identity
  }

  /// Looks again at the end: a mount that went meanwhile leaves its empty mount point, and all below it
  /// seemed to vanish.
  func confirm<Failure>(_ identity: DirectoryIdentity, _ failure: Failure.Type) throws(WalkError<Failure>) {
    let root = try open(failure)
    let now: DirectoryIdentity
    do { now = try root.status().identity } catch { throw .rootUnavailable(path: shownPath, error) }
    if now != identity { throw .rootReplaced(path: shownPath) }
    do { try mounts.confirm(root.number) } catch {
      guard !error.path.isEmpty else { throw .rootReplaced(path: shownPath) }
      throw .mountReplaced(path: error.path)
    }
  }

  /// Name by name, so that no link is followed on the way either: whoever may write to a directory above the root
  /// could lead the walk elsewhere.
  private func openPath() throws(SystemError) -> Descriptor {
    let names = path.split(separator: UInt8(ascii: "/"))
    // A relative path would depend on where the process stands, and NUL would cut it short.
    guard path.first == UInt8(ascii: "/"), !path.contains(0), !names.contains(Array("..".utf8)[...]) else {
      throw SystemError(operation: .open, errno: EINVAL)
    }
    var place = try Descriptor(
      opened: openDirectory("/", in: AT_FDCWD, access: names.isEmpty ? O_RDONLY : linux_O_PATH))
    for (index, name) in names.enumerated() {
      let access = index == names.count - 1 ? O_RDONLY : linux_O_PATH
      place = try Descriptor(
        opened: openDirectory(name.map { CChar(bitPattern: $0) } + [0], in: place.number, access: access))
    }
    return place
  }

  private var shownPath: String { String(decoding: path, as: UTF8.self) }
}
