/// What the catalogue has on record of a library's root or of a mount point below it, for one host.
public struct RecordedMount: Sendable, Hashable {
  /// The root's row, or the mount point's.
  public let directory: Int64
  /// What this host has seen there.
  public let own: MountRecord?
  /// What other hosts have seen, where this one has no record.
  public let others: [MountRecord]
  /// There are live rows below it. Where there are none, whatever lies there is right.
  public let hasRows: Bool
  /// Of some of its live entries, where this host has no record, or one without an id.
  public let names: [[UInt8]]

  public init(
    directory: Int64, own: MountRecord? = nil, others: [MountRecord] = [], hasRows: Bool = false,
    names: [[UInt8]] = []
  ) {
    self.directory = directory
    self.own = own
    self.others = others
    self.hasRows = hasRows
    self.names = names
  }

  /// Whether what is found there is what is on record.
  ///
  /// - Parameters:
  ///   - isEmpty: whether it has no entry at all.
  ///   - has: whether it has an entry of that name.
  public func verdict(
    on found: MountIdentity, isEmpty: () -> Bool, has: ([UInt8]) -> Bool
  ) -> MountVerdict {
    guard hasRows else {
      return own?.identity == found && own?.isAccepted == false
        ? .recorded : .new(MountRecord(identity: found))
    }
    let (record, likeness) = closest(to: found)
    let expected = (record ?? others.first)?.identity
    guard likeness != .other else { return .wrong(.another(expected: expected, found: found)) }
    let isEmpty = isEmpty()
    let isAccepted = record?.isAccepted == true
    let isUnlike = !isEmpty && likeness == .alike && !holdsMost(has)
    if isEmpty && !isAccepted { return .wrong(.empty(found: found)) }
    if isUnlike && !isAccepted { return .wrong(.unlike(expected: expected, found: found)) }
    return own != nil && isAccepted == (isEmpty || isUnlike)
      ? .recorded : .new(MountRecord(identity: found, isAccepted: isAccepted && (isEmpty || isUnlike)))
  }

  /// The record to go by, and what it says of what is found.
  private func closest(to found: MountIdentity) -> (MountRecord?, MountIdentity.Likeness) {
    if let own, let expected = own.identity { return (own, expected.likeness(to: found)) }
    let comparable = others.filter { $0.identity?.isComparable(with: found) == true }
    if let same = comparable.first(where: { $0.identity?.likeness(to: found) == .same }) { return (same, .same) }
    return comparable.first.map { ($0, .other) } ?? (nil, .alike)
  }

  /// Whether most of what is catalogued there is there, where no id tells file systems apart. Some of the names stand
  /// for all: each costs a look.
  ///
  /// - Parameter has: whether there is an entry of that name.
  public func holdsMost(_ has: ([UInt8]) -> Bool) -> Bool {
    let step = max(names.count / Self.soughtNames, 1)
    let sought = stride(from: 0, to: names.count, by: step).map { names[$0] }
    return sought.count(where: has) * 2 > sought.count
  }

  private static let soughtNames = 100
}

/// What becomes of what is found where a file system is expected.
public enum MountVerdict: Sendable, Equatable {
  case recorded
  /// It is right, and is to be recorded.
  case new(MountRecord)
  case wrong(MountFault)
}

/// Why what is found at a root or mount point proves nothing about what lay there.
public enum MountFault: Sendable, Equatable {
  case another(expected: MountIdentity?, found: MountIdentity)
  /// There is no id to tell it by, and most of what the catalogue knows is not there.
  case unlike(expected: MountIdentity?, found: MountIdentity)
  case empty(found: MountIdentity)
  /// There is no directory any more.
  case gone
  /// It was right at first, and is not any more.
  case changed(expected: MountIdentity)
}

/// All that the catalogue has on record of one library's mounts, for one host.
public struct RecordedMounts: Sendable, Hashable {
  /// Where a directory lies.
  public struct Place: Sendable, Hashable {
    public let parent: Int64
    public let name: [UInt8]

    public init(parent: Int64, name: [UInt8]) {
      self.parent = parent
      self.name = name
    }
  }

  /// The library's name.
  public let library: String
  public let host: String
  /// `nil` where nothing is known of the library.
  public let root: RecordedMount?
  /// By the ids of their directories.
  public let nested: [Int64: RecordedMount]
  /// The nested mount points and all directories above them, but for the root.
  public let places: [Int64: Place]

  public init(
    library: String = "", host: String = "", root: RecordedMount? = nil, nested: [Int64: RecordedMount] = [:],
    places: [Int64: Place] = [:]
  ) {
    self.library = library
    self.host = host
    self.root = root
    self.nested = nested
    self.places = places
  }

  /// The path from the root to a recorded mount point.
  public func path(of directory: Int64) -> [UInt8] {
    var names: [[UInt8]] = []
    var next = directory
    // More steps than places: they form a ring.
    while let place = places[next], names.count < places.count {
      names.append(place.name)
      next = place.parent
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }

  /// One line that says what was expected, what is there, and what to do.
  ///
  /// - Parameter place: how the root or mount point is called.
  public func message(_ fault: MountFault, at place: String) -> String {
    let found =
      switch fault {
      case .another(let expected, let found): "is another file system\(Self.expectation(expected)), there is \(found)"
      case .unlike(let expected, let found):
        "lacks most of what the catalogue has there\(Self.expectation(expected)), there is \(found)"
      case .empty(let found): "is empty (\(found)), while the catalogue has files below it"
      case .gone: "is not there any more, while the catalogue has files below it"
      case .changed(let expected): "was unmounted, emptied or replaced while it was read: expected \(expected)"
      }
    return "\(place) on host \(host) \(found); \(advice)"
  }

  /// What to do where a file system is not the expected one.
  public var advice: String {
    Self.mountAdvice
      + " or, if this is right, run `rollcall library set \(Self.word(library)) --accept-root` on that host"
  }

  /// What to do where there is nothing that could be accepted.
  public static let mountAdvice = "nothing of it is taken for removed: mount what belongs there and scan again"

  private static func expectation(_ expected: MountIdentity?) -> String {
    expected.map { ": expected \($0)" } ?? ""
  }

  /// As a shell takes it for one word.
  private static func word(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    return isPlain && !text.isEmpty
      ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}
