import ScanModel

/// A library's rules as a walk applies them (R13).
public struct WalkRules: Sendable {
  let entries: EntryRules
  let extensions: [String]
  let maxSize: Int64

  /// `nil` where the rules admit everything, so that judging costs nothing.
  ///
  /// - Throws: where a rule cannot be used.
  public init?(_ rules: LibraryRules) throws(RuleError) {
    let admitsEverything =
      rules.ignore.isEmpty && rules.extensions == nil && rules.maxSize == nil && rules.symlinks != .skip
    if admitsEverything { return nil }
    entries = try EntryRules(rules)
    extensions = rules.extensions ?? []
    maxSize = rules.maxSize ?? .max
  }

  /// Why an entry is no row.
  func cause(_ type: ScanErrorType, size: Int64) -> WalkFailure.Cause {
    type == .oversized ? .oversized(size: size, limit: maxSize) : .extensionNotAllowed(allowed: extensions)
  }
}
