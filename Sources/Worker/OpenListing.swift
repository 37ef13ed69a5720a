import Catalog

/// The directory that is being listed, and what of its entries has been sent: that goes with it.
struct OpenListing {
  let directory: Int64
  let entries: DirectoryEntries
  var known: KnownListing?
  /// Files sent before the listing's end, and their bytes.
  var sentFiles: (count: Int64, bytes: Int64) = (0, 0)
  /// Some of the entries are not in `entries` any more.
  var isSpilled = false
  var sentDirectories: [Int64] = []
  /// Directories in it that were tombstones.
  var revivedDirectories: [Int64] = []

  init(directory: Int64, entries: DirectoryEntries) {
    self.directory = directory
    self.entries = entries
  }

  mutating func note(sent entries: DirectoryEntries) {
    sentFiles = (sentFiles.count + entries.files, saturatingSum(sentFiles.bytes, entries.bytes))
  }
}

/// What earlier scans knew of the directory that is being listed. A class: it is changed in its place.
final class KnownListing {
  let directory: KnownDirectory
  /// As it is now.
  let isBoundary: Bool
  let children: KnownChildren
  /// Links in it whose targets could not be told.
  var unresolvedLinks: Set<[UInt8]> = []
  /// Which of the children the listing has.
  var areSeen: [Bool]

  /// - Parameter isBoundary: `nil`: as the directory's row has it.
  init(_ directory: KnownDirectory, isBoundary: Bool?, children: KnownChildren) {
    self.directory = directory
    self.isBoundary = isBoundary ?? directory.isBoundary
    self.children = children
    areSeen = [Bool](repeating: false, count: children.count)
  }
}

func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
  let (sum, overflow) = left.addingReportingOverflow(right)
  return overflow ? .max : sum
}
