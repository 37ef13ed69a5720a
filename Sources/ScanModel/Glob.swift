/// One glob with the meaning that gitignore(5) gives it, compiled; see `GlobParser`.
struct Glob: Sendable {
  enum Part: Sendable {
    /// One level of a path.
    case name(GlobSegment)
    /// `**`: any number of levels, and at the end of a glob at least one.
    case anyLevels
  }

  enum Place: Sendable {
    /// A glob without a slash but at its end: a name at any level.
    case anywhere(GlobSegment)
    /// From the library's root on.
    case path([Part])
  }

  /// `!`: what it matches is not ignored, whatever globs before it say.
  let isNegated: Bool
  /// A slash at its end.
  let isDirectoriesOnly: Bool
  let place: Place

  /// How many parts a path may have: its `Progress` is one bit for each.
  static let maximumParts = 64

  /// How far the levels of a directory's path go through the parts of a glob: bit n is set where the first n parts
  /// match the path.
  typealias Progress = UInt64

  static let start: Progress = 1

  /// One level further down.
  static func advance(_ progress: Progress, through parts: [Part], by name: UnsafeRawBufferPointer) -> Progress {
    guard progress != 0 else { return 0 }
    let open = opened(progress, parts)
    var next: Progress = 0
    for (index, part) in parts.enumerated() where open >> Progress(index) & 1 == 1 {
      switch part {
      case .anyLevels: next |= 1 << Progress(index)
      case .name(let segment):
        // What matches to the last part is the directory itself, and says nothing of what is in it.
        if index + 1 < parts.count, unsafe segment.matches(name) { next |= 1 << Progress(index + 1) }
      }
    }
    return next
  }

  /// Whether the last part alone decides about a name in a directory.
  static func isAtLastPart(_ progress: Progress, of parts: [Part]) -> Bool {
    opened(progress, parts) >> Progress(parts.count - 1) & 1 == 1
  }

  /// With what can be had for nothing: `**` before another part matches no level as well.
  private static func opened(_ progress: Progress, _ parts: [Part]) -> Progress {
    var open = progress
    for (index, part) in parts.dropLast().enumerated() {
      if case .anyLevels = part, open >> Progress(index) & 1 == 1 { open |= 1 << Progress(index + 1) }
    }
    return open
  }
}
