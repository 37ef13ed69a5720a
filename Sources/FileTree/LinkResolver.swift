import CLinux
import Glibc
import ScanModel

/// Where a link leads, under the policy `follow`.
enum LinkTarget {
  /// To what lies inside the root, at a path relative to it.
  case inside(path: [UInt8], status: statx)
  /// To the directory in which it lies, or to one above that.
  case above
  /// Out of the root.
  case outside
  /// Its target could not be told.
  case unresolved(SystemError)
  /// Something was exchanged while it was resolved.
  case unsteady
}

/// Tells where links lead, without ever being led outside: what the kernel finds behind a link is only asked
/// for its path; then that path is opened beneath the root and through no link, and has to be the same file.
struct LinkResolver {
  private let root: Int32
  private let opening: Opening

  /// - Parameter root: open for as long as this is in use.
  init(root: Int32, opening: Opening) {
    self.root = root
    self.opening = opening
  }

  /// Where the link of that name leads; its directory's descriptor tells what is above it.
  func target(of name: UnsafePointer<CChar>, in directory: Int32) -> LinkTarget {
    do throws(SystemError) { return try resolve(name, in: directory) } catch { return .unresolved(error) }
  }

  private func resolve(_ name: UnsafePointer<CChar>, in directory: Int32) throws(SystemError) -> LinkTarget {
    // O_PATH: nothing is read and nothing waits, whatever there is.
    let target = try Descriptor(opened: retrying { linux_openat(directory, name, linux_O_PATH | O_CLOEXEC) })
    let status = try target.status()
    guard let path = try path(of: target.number) else { return .outside }
    guard let own = try self.path(of: directory) else { return .unsteady }
    guard !own.isAt(orBelow: path) else { return .above }
    // What is not there by its path any more, or is another, was exchanged.
    let again = openBeneath(path, in: root, opening: opening)
    guard again >= 0 else { return .unsteady }
    let now = try Descriptor(opened: again).status()
    return now.identity == status.identity ? .inside(path: path, status: now) : .unsteady
  }

  /// Relative to the root; `nil` outside of it.
  private func path(of descriptor: Int32) throws(SystemError) -> [UInt8]? {
    let root = try realPath(of: root).get()
    let path = try realPath(of: descriptor).get()
    guard path.isAt(orBelow: root) else { return nil }
    return Array(path.dropFirst(root.count).drop { $0 == UInt8(ascii: "/") })
  }

  /// The device of every directory on the way to a path, the root's first; what cannot be told ends it.
  func devices(onTheWayTo path: [UInt8]) -> [UInt64] {
    var devices: [UInt64] = []
    var end = 0
    while end <= path.count {
      var status = statx()
      let result = Array(path[..<end]).withCString {
        readStatus(of: $0, in: root, flags: end == 0 ? linux_AT_EMPTY_PATH : 0, into: &status)
      }
      guard result == 0 else { break }
      devices.append(status.device)
      guard end < path.count else { break }
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
    }
    return devices
  }
}

extension [UInt8] {
  /// Whether a path is another one or leads through it. The root's relative path is empty, `/` is absolute.
  fileprivate func isAt(orBelow other: [UInt8]) -> Bool {
    guard starts(with: other) else { return false }
    return other.isEmpty || count == other.count || other.last == UInt8(ascii: "/")
      || self[other.count] == UInt8(ascii: "/")
  }
}
