/// Judges the entries of one directory after another. A value of one thread; looking at an entry allocates nothing.
public struct DirectoryRules: Sendable {
  private let rules: EntryRules
  /// How far each glob of the rules has come on the way to the directory; without a meaning for one that is not a path.
  private var progress: [Glob.Progress]
  /// The globs whose last part alone decides in the directory, in their order.
  private var deciding: [Deciding] = []

  private struct Deciding {
    let isNegated: Bool
    let isDirectoriesOnly: Bool
    let last: GlobSegment

    init(_ glob: Glob, _ last: GlobSegment) {
      isNegated = glob.isNegated
      isDirectoriesOnly = glob.isDirectoriesOnly
      self.last = last
    }
  }

  /// At the library's root.
  public init(_ rules: EntryRules) {
    self.rules = rules
    progress = Array(repeating: Glob.start, count: rules.globs.count)
    decide()
  }

  /// Goes to a directory, which is not ignored, nor any above it.
  ///
  /// - Parameter path: relative to the root, without a slash at either end; the root's is empty.
  public mutating func begin(directory path: [UInt8]) {
    guard !rules.globs.isEmpty else { return }
    for index in progress.indices { progress[index] = Glob.start }
    for name in path.split(separator: UInt8(ascii: "/")) { unsafe name.withUnsafeBytes { unsafe advance(by: $0) } }
    decide()
  }

  /// Goes from a directory to one in it.
  mutating func enter(_ name: UnsafeRawBufferPointer) {
    unsafe advance(by: name)
    decide()
  }

  private mutating func advance(by name: UnsafeRawBufferPointer) {
    for (index, glob) in rules.globs.enumerated() where progress[index] != 0 {
      if case .path(let parts) = glob.place {
        progress[index] = unsafe Glob.advance(progress[index], through: parts, by: name)
      }
    }
  }

  private mutating func decide() {
    deciding.removeAll(keepingCapacity: true)
    for (index, glob) in rules.globs.enumerated() {
      switch glob.place {
      case .anywhere(let segment): deciding.append(Deciding(glob, segment))
      case .path(let parts):
        guard let last = parts.last, Glob.isAtLastPart(progress[index], of: parts) else { continue }
        deciding.append(Deciding(glob, last.segment))
      }
    }
  }

  /// Whether a glob ignores an entry of this directory: the last one that matches decides. An ignored directory is not
  /// to be entered: nothing in it can be re-included.
  public func isIgnored(_ name: UnsafeRawBufferPointer, isDirectory: Bool) -> Bool {
    var index = deciding.count
    while index > 0 {
      index -= 1
      if deciding[index].isDirectoriesOnly && !isDirectory { continue }
      if unsafe deciding[index].last.matches(name) { return !deciding[index].isNegated }
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
