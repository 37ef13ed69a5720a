/// What the first levels below a library's root are (R12). Raw values stand in rows and on the command line.
public enum Layout: String, Sendable, CaseIterable, Codable {
  /// Directories like all others.
  case flat
  /// A directory of the root is a category, one of a category is a course.
  case categoryCourse = "category/course"
}

/// What becomes of symbolic links (R13).
public enum SymlinkPolicy: String, Sendable, CaseIterable, Codable {
  /// Ignored, as if a glob said so.
  case skip
  /// A row; the target is neither entered nor judged.
  case record
  /// Targets inside the root are entered where the walk does not come otherwise.
  case follow
}

/// What a file is that offends against the rule of extensions or of size (R13).
public enum RejectedPolicy: String, Sendable, CaseIterable, Codable {
  /// An error row, which makes the scan `partial`.
  case error
  /// Ignored, as if a glob said so.
  case skip
}
