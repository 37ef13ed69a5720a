import Catalog
import ScanModel

/// Known directories whose listings are not what they were: kept until their rows are compared, many in
/// one query.
struct ChangedDirectories {
  struct Directory {
    let known: KnownDirectory
    let attributes: FileAttributes
    let isBoundary: Bool
    let entries: DirectoryEntries
    /// The listing reached its end: what it lacks is missing.
    let isComplete: Bool
    /// The scan has listed it before: counted is what differs from that.
    let isAgain: Bool
    /// What judged the entries; `nil` where everything is admitted.
    let rules: DirectoryRules?
    let errors: DirectoryErrors
    /// Unless anything turns out to be unsettled.
    var signature: DirectorySignature?
  }

  private static let mostDirectories = 64
  private static let mostEntries = 16_384

  private(set) var directories: [Directory] = []
  private var entries = 0

  var isFull: Bool { directories.count >= Self.mostDirectories || entries >= Self.mostEntries }

  mutating func append(_ directory: Directory) {
    directories.append(directory)
    entries += directory.entries.count
  }

  /// All of them; none is left.
  mutating func takeAll() -> [Directory] {
    defer { self = ChangedDirectories() }
    return directories
  }
}
