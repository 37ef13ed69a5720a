import ScanModel

/// A library's rules as a walk applies them (R13).
public struct WalkRules: Sendable {
  let entries: EntryRules
  let extensions: [String]
  let maxSize: Int64
  /// Links are followed to what the walk does not come to otherwise.
  let followsLinks: Bool

  /// `nil` where the rules admit everything, so that judging costs nothing.
  ///
  /// - Throws: where a rule cannot be used.
  public init?(_ rules: LibraryRules) throws(RuleError) {
    let admitsEverything =
      rules.ignore.isEmpty && rules.extensions == nil && rules.maxSize == nil && rules.symlinks == .record
    if admitsEverything { return nil }
    entries = try EntryRules(rules)
    extensions = rules.extensions ?? []
    maxSize = rules.maxSize ?? .max
    followsLinks = rules.symlinks == .follow
  }

  /// Why an entry is no row.
  func cause(_ type: ScanErrorType, size: Int64) -> WalkFailure.Cause {
    type == .oversized ? .oversized(size: size, limit: maxSize) : .extensionNotAllowed(allowed: extensions)
  }
}
