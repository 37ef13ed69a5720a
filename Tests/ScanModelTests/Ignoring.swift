import ScanModel

/// Whether globs ignore a place: by itself, or with a directory above it.
func ignores(_ globs: [String], _ path: String, isDirectory: Bool = false) throws -> Bool {
  try EntryRules(LibraryRules(ignore: globs)).isIgnored(path: Array(path.utf8), isDirectory: isDirectory)
}

/// What is wrong with globs; `nil` where nothing is.
func problem(with globs: String...) -> RuleError? {
  do throws(RuleError) {
    _ = try EntryRules(LibraryRules(ignore: globs))
    return nil
  } catch { return error }
}
