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

/// Tells where links lead, without ever being led outside: their texts are followed name by name beneath the root
/// (`LinkPath`), and no link is left to the kernel. So nothing outside is as much as looked at: it might be a dead
/// mount, where whoever looks waits, or an automount. What is found in the end is opened once more beneath the root
/// and through no link, and has to be the same file.
struct LinkResolver {
  private let root: Int32
  private let rootNames: [[UInt8]]
  private let opening: Opening

  /// - Parameters:
  ///   - root: open for as long as this is in use.
  ///   - rootPath: how absolute links name the root; absolute, and without a link.
  init(root: Int32, rootPath: [UInt8], opening: Opening) {
    self.root = root
    rootNames = rootPath.names.filter { $0 != [UInt8(ascii: ".")] }
    self.opening = opening
  }

  /// Where the link of that name leads.
  ///
  /// - Parameters:
  ///   - directory: in which it lies, open.
  ///   - path: of that directory from the root, through no link.
  func target(of name: UnsafePointer<CChar>, in directory: Int32, at path: [UInt8]) -> LinkTarget {
    let link = UnsafeRawBufferPointer(start: name, count: strlen(name))
    var way = LinkPath(root: root, rootNames: rootNames, opening: opening, link: Array(link), in: directory, at: path)
    do throws(LinkPath.Failure) {
      try way.follow()
      let found = way.path
      if path.isAt(orBelow: found) { return .above }
      let now = try way.confirm()
      return .inside(path: found, status: now)
    } catch {
      return switch error {
      case .outside: .outside
      case .unsteady: .unsteady
      case .system(let error): .unresolved(error)
      }
    }
  }

  /// The device of every directory on the way to a path, the root's first; what cannot be told ends it.
  func devices(onTheWayTo path: [UInt8]) -> [UInt64] {
    var devices: [UInt64] = []
    var end = 0
    while end <= path.count {
      guard let status = status(at: Array(path[..<end])) else { break }
      devices.append(status.device)
      guard end < path.count else { break }
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
    }
    return devices
  }

  /// What is at a path from the root, through no link; `nil` where that cannot be told.
  private func status(at path: [UInt8]) -> statx? {
    // Why it cannot be told is of no account: whoever opens the place meets it again.
    return try? Descriptor(opened: openBeneath(path, in: root, opening: opening)).status()
  }
}

extension [UInt8] {
  /// The names of a path.
  var names: [[UInt8]] { split(separator: UInt8(ascii: "/")).map(Array.init) }

  /// Whether a path is another one or leads through it. The root's is empty.
  fileprivate func isAt(orBelow other: [UInt8]) -> Bool {
    starts(with: other) && (other.isEmpty || count == other.count || self[other.count] == UInt8(ascii: "/"))
  }
}
