import Catalog
import FileTree
import ScanModel

/// A directory that is being compared, or waits for its rows.
final class ComparedListing {
  /// What the catalogue holds of the directory itself.
  let known: KnownDirectory
  let attributes: FileAttributes
  /// Of a directory that is too large to be kept: those that are not compared yet.
  let entries: DirectoryEntries
  /// Some of the entries are not in `entries` any more.
  var isSpilled = false
  /// Links in it whose targets could not be told.
  var unresolvedLinks: Set<[UInt8]> = []
  /// Once the listing has ended.
  var end: DirectoryListing?
  /// Entries that are no directories, and their bytes: in the tree, as far as they were compared, and by their rows.
  var tree: (files: Int64, bytes: Int64) = (0, 0)
  var rows: (files: Int64, bytes: Int64) = (0, 0)
  var failures = 0
  /// Names in it have come or gone, or belong to something else: its own times tell that too.
  var hasOtherNames = false
  /// A file's row is not as the file is, or there is no row, or no file or directory.
  var hasDifferences = false
  /// A directory in it is another than its row's. The row is compared by every scan, whatever the signature says.
  var hasOtherDirectories = false
  /// A recorded mount point lies in it.
  var hasMounts = false

  var id: Int64 { known.id }
  /// What it lacks is missing.
  var isComplete: Bool { end?.isComplete == true }

  init(_ known: KnownDirectory, _ attributes: FileAttributes, _ entries: DirectoryEntries) {
    self.known = known
    self.attributes = attributes
    self.entries = entries
  }

  func count(row: CataloguedEntries.Entry) {
    guard !row.isDirectory else { return }
    rows = (rows.files + 1, saturatingSum(rows.bytes, row.attributes.size))
  }

  /// Counts what `entries` holds: before they go, and at the end.
  func countEntries() {
    tree = (tree.files + entries.files, saturatingSum(tree.bytes, entries.bytes))
    failures += entries.failures
  }

  /// Whether a scan would have made a signature of it, which can be made here.
  var isSettled: Bool {
    guard let end else { return false }
    return end.isComplete && end.hasUsualTimes && failures == 0 && !end.hasLinks && !isSpilled && !hasMounts
      && !hasOtherDirectories
  }
}
