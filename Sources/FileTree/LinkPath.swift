import CLinux
import Glibc
import ScanModel

/// The way along which a link leads, followed name by name as the kernel would (path_resolution(7)), but never out
/// of the root: a text that leaves it leads outside, even where it would come back, and so does an absolute one
/// that does not begin with the root's own path.
struct LinkPath: ~Copyable {
  enum Failure: Error {
    case outside
    /// What it had passed was exchanged.
    case unsteady
    case system(SystemError)
  }

  /// As many as the kernel follows.
  private static let mostLinks = 40
  /// How often a way may go on from above a place, which is opened anew for that: of a deep place an opening a level.
  private static let mostReopenings = 256
  private static let (here, above) = ([UInt8(ascii: ".")], Array("..".utf8))

  private let root: Int32
  private let rootNames: [[UInt8]]
  private let opening: Opening
  /// From the root to the place that is reached, none of them a link's.
  private var names: [[UInt8]]
  /// Still to be followed from there; the next is the last.
  private var ahead: [[UInt8]]
  private var links = 0
  private var reopenings = 0
  /// The place, open; `nil` where it has to be opened by `names`.
  private var place: Int32?
  /// The place, where this has opened it.
  private var opened: Descriptor?
  /// Of the place; `nil` where it is a directory of which no more is known.
  private var status: statx?

  /// - Parameters: as of `LinkResolver`.
  init(
    root: Int32, rootNames: [[UInt8]], opening: Opening, link: [UInt8], in directory: Int32, at path: [UInt8]
  ) {
    self.root = root
    self.rootNames = rootNames
    self.opening = opening
    names = path.names
    ahead = [link]
    place = directory
    opened = nil
    status = nil
  }

  /// From the root.
  var path: [UInt8] { Array(names.joined(separator: [UInt8(ascii: "/")])) }

  /// Goes to the end.
  mutating func follow() throws(Failure) {
    while let name = ahead.popLast() {
      // What is behind a slash is asked of a directory, be it nothing.
      if let status, FileKind(mode: UInt32(status.stx_mode)) != .directory { throw .open(ENOTDIR) }
      switch name {
      case [], Self.here: continue
      case Self.above: try goUp()
      default: try enter(name)
      }
    }
  }

  /// Opens the place by its path from the root; what it is.
  func confirm() throws(Failure) -> statx {
    let now: statx
    do { now = try openNames().status() } catch { throw .passed(error) }
    if let status, status.identity != now.identity { throw .unsteady }
    return now
  }

  private mutating func goUp() throws(Failure) {
    guard names.popLast() != nil else { throw .outside }
    // Whatever is above the open directory by now, it may lie outside.
    opened = nil
    (place, status) = (nil, nil)
  }

  private mutating func enter(_ name: [UInt8]) throws(Failure) {
    let parent = try openPlace()
    let next: Descriptor
    do { next = try Descriptor(opened: openToLook(name, in: parent)) } catch { throw .system(error) }
    let status: statx
    do { status = try next.status() } catch { throw .system(error) }
    guard FileKind(mode: UInt32(status.stx_mode)) != .symlink else { return try turn(at: next) }
    names.append(name)
    (place, self.status) = (next.number, status)
    opened = consume next
  }

  /// Goes on where a link leads.
  private mutating func turn(at link: borrowing Descriptor) throws(Failure) {
    links += 1
    guard links <= Self.mostLinks else { throw .open(ELOOP) }
    let text: [UInt8]
    do { text = try linkText(of: link) } catch { throw .system(error) }
    var rest = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)[...]
    if text.first == UInt8(ascii: "/") {
      for name in rootNames {
        rest = rest.drop { $0.isEmpty || $0 == Self.here }
        guard rest.popFirst() == name else { throw .outside }
      }
      opened = nil
      (names, place, status) = ([], root, nil)
    }
    ahead += rest.reversed()
  }

  private mutating func openPlace() throws(Failure) -> Int32 {
    if let place { return place }
    reopenings += 1
    guard reopenings <= Self.mostReopenings else { throw .open(ELOOP) }
    do {
      let descriptor = try openNames()
      let number = descriptor.number
      place = number
      opened = consume descriptor
      return number
    } catch {
      throw .passed(error)
    }
  }

  private func openNames() throws(SystemError) -> Descriptor {
    try Descriptor(opened: openBeneath(path, in: root, opening: opening))
  }
}

extension LinkPath.Failure {
  fileprivate static func open(_ errno: Int32) -> Self { .system(SystemError(operation: .open, errno: errno)) }

  /// An error at a place that was passed already.
  fileprivate static func passed(_ error: SystemError) -> Self {
    error.isOutOfDescriptors ? .system(error) : .unsteady
  }
}
