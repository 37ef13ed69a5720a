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
  /// Of one that is listed again: directories in it that are visited for the first time.
  var appeared = 0
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
  /// Of a directory that the scan lists again: the children that it has staged; `nil` for any other.
  let staged: Set<Int64>?

  /// Whether the scan has listed it before.
  var isAgain: Bool { staged != nil }

  /// - Parameters:
  ///   - isBoundary: `nil`: as the directory's row has it.
  ///   - staged: see there.
  init(_ directory: KnownDirectory, isBoundary: Bool?, children: KnownChildren, staged: Set<Int64>? = nil) {
    self.directory = directory
    self.staged = staged
    self.isBoundary = isBoundary ?? directory.isBoundary
    self.children = children
    areSeen = [Bool](repeating: false, count: children.count)
  }
}

func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
  let (sum, overflow) = left.addingReportingOverflow(right)
  return overflow ? .max : sum
}
