/// Judges the entries of one directory after another. A value of one thread; looking at an entry allocates nothing.
public struct DirectoryRules: Sendable {
  private let rules: EntryRules
  /// The globs whose last part alone decides in the directory that was begun, in their order.
  private var deciding: [(glob: Glob, last: GlobSegment)] = []

  /// At the library's root.
  public init(_ rules: EntryRules) {
    self.rules = rules
    begin(directory: [])
  }

  /// Goes to a directory, which is not ignored, nor any above it.
  ///
  /// - Parameter path: relative to the root, without a slash at either end; the root's is empty.
  public mutating func begin(directory path: [UInt8]) {
    deciding.removeAll(keepingCapacity: true)
    for glob in rules.globs {
      switch glob.place {
      case .anywhere(let segment): deciding.append((glob, segment))
      case .path(let parts):
        guard Self.isAtLastPart(of: parts, path), let last = parts.last else { continue }
        deciding.append((glob, last.segment))
      }
    }
  }

  private static func isAtLastPart(of parts: [Glob.Part], _ path: [UInt8]) -> Bool {
    var progress = Glob.start
    var begin = 0
    while begin < path.count, progress != 0 {
      let end = path[begin...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
      progress = unsafe path.withUnsafeBytes {
        unsafe Glob.advance(progress, through: parts, by: UnsafeRawBufferPointer(rebasing: $0[begin..<end]))
      }
      begin = end + 1
    }
    return Glob.isAtLastPart(progress, of: parts)
  }

  /// Whether a glob ignores an entry of this directory: the last one that matches decides. An ignored directory is not
  /// to be entered: nothing in it can be re-included.
  public func isIgnored(_ name: UnsafeRawBufferPointer, isDirectory: Bool) -> Bool {
    for (glob, last) in deciding.reversed() {
      if glob.isDirectoriesOnly && !isDirectory { continue }
      if unsafe last.matches(name) { return !glob.isNegated }
    }
    return false
  }

  /// See `EntryRules.verdict`.
  public func verdict(_ name: UnsafeRawBufferPointer, kind: FileKind, size: Int64) -> EntryVerdict {
    unsafe rules.verdict(name, kind: kind, size: size)
  }
}

extension Glob.Part {
  /// For one name; `**` takes any.
  fileprivate var segment: GlobSegment {
    switch self {
    case .name(let segment): segment
    case .anyLevels: GlobSegment([.star])
    }
  }
}
