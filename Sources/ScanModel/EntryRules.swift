/// What becomes of an entry.
public enum EntryVerdict: Sendable, Equatable {
  case admitted
  /// No row, and nothing is said of it.
  case ignored
  /// No row, but an error of this type.
  case rejected(ScanErrorType)
}

/// A library's rules made ready to judge entries by (R13); pure, and for any thread. What judges within one directory
/// is `DirectoryRules`.
public struct EntryRules: Sendable {
  /// How many globs a library may have.
  public static let maximumGlobs = 1000
  /// How long they may be together, in bytes.
  public static let maximumGlobBytes = 65_536

  let globs: [Glob]
  private let extensions: ExtensionSet?
  private let maxSize: Int64?
  private let symlinks: SymlinkPolicy
  private let rejected: RejectedPolicy

  /// - Throws: where a rule cannot be used.
  public init(_ rules: LibraryRules) throws(RuleError) {
    globs = try Self.globs(rules.ignore)
    extensions = rules.extensions.map(ExtensionSet.init)
    maxSize = rules.maxSize
    symlinks = rules.symlinks
    rejected = rules.rejected
  }

  private static func globs(_ texts: [String]) throws(RuleError) -> [Glob] {
    guard texts.count <= maximumGlobs else {
      throw RuleError(
        GlobParser.rule, texts[maximumGlobs], "it is one of \(texts.count); a library has at most \(maximumGlobs)")
    }
    var globs: [Glob] = []
    var bytes = 0
    for text in texts {
      bytes += text.utf8.count
      guard bytes <= maximumGlobBytes else {
        throw RuleError(GlobParser.rule, text, "with it all globs have more than \(maximumGlobBytes) bytes together")
      }
      globs.append(try GlobParser.parse(text))
    }
    return globs
  }

  /// Whether a place is ignored, by itself or with a directory above it.
  ///
  /// - Parameter path: relative to the root, without a slash at either end; the empty one is the root, which is not.
  public func isIgnored(path: [UInt8], isDirectory: Bool) -> Bool {
    guard !globs.isEmpty, !path.isEmpty else { return false }
    var directory = DirectoryRules(self)
    let names = path.split(separator: UInt8(ascii: "/"))
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      let isIgnored = unsafe name.withUnsafeBytes {
        unsafe directory.isIgnored($0, isDirectory: isDirectory || !isLast)
      }
      if isIgnored { return true }
      unsafe name.withUnsafeBytes { unsafe directory.enter($0) }
    }
    return false
  }

  /// What becomes of an entry that no glob ignores. Only files are judged by extension and size.
  ///
  /// - Parameter size: in bytes.
  public func verdict(_ name: UnsafeRawBufferPointer, kind: FileKind, size: Int64) -> EntryVerdict {
    switch kind {
    case .symlink: symlinks == .skip ? .ignored : .admitted
    case .file:
      if let extensions, unsafe !extensions.admits(name) {
        rejection(.invalidExtension)
      } else if let maxSize, size > maxSize {
        rejection(.oversized)
      } else {
        .admitted
      }
    case .directory, .fifo, .socket, .block, .char: .admitted
    }
  }

  private func rejection(_ type: ScanErrorType) -> EntryVerdict {
    rejected == .skip ? .ignored : .rejected(type)
  }
}
