import ScanModel

/// Whether globs ignore a place: by itself, or with a directory above it.
func ignores(_ globs: [String], _ path: String, isDirectory: Bool = false) throws -> Bool {
  try EntryRules(LibraryRules(ignore: globs)).isIgnored(path: Array(path.utf8), isDirectory: isDirectory)
}

/// The problem with a glob, which must have one.
func problem(with glob: String) -> RuleError? {
  do throws(RuleError) {
    _ = try EntryRules(LibraryRules(ignore: [glob]))
    return nil
  } catch { return error }
}
