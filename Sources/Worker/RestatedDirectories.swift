import Catalog
import ScanModel

/// Known directories of which their parent's listing tells what their rows do not: they were tombstones, or
/// have become boundaries or ceased to be. Who lists one writes its row anyway; the others' are written at
/// the slice's end, because the next slice does not see that listing.
struct RestatedDirectories {
  private struct Directory {
    let known: KnownDirectory
    let attributes: FileAttributes
    let isBoundary: Bool
  }

  private var directories: [Int64: Directory] = [:]

  mutating func add(_ known: KnownDirectory, _ attributes: FileAttributes, isBoundary: Bool) {
    directories[known.id] = Directory(known: known, attributes: attributes, isBoundary: isBoundary)
  }

  /// Forgets a directory; whether it is a boundary now, `nil` where it is none of these.
  mutating func take(_ id: Int64) -> Bool? { directories.removeValue(forKey: id)?.isBoundary }

  /// Notes the rows of all that are left. What is in them is for others to settle.
  mutating func noteAll(in results: inout SliceResults) {
    for (_, directory) in directories {
      results.note(
        directory.known, directory.attributes, isBoundary: directory.isBoundary, files: directory.known.files,
        bytes: directory.known.bytes, signature: nil, errors: directory.known.errors)
    }
    directories = [:]
  }
}
