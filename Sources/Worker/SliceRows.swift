import Catalog
import FileTree
import ScanModel

/// Takes what a walk finds, sends the rows, and sums up what the slice commits.
///
/// A directory's row is sent when it has been listed, so that it is written once; those that the slice
/// leaves to others are sent at its end, or when too many wait, without counts, which their own slices add.
final class SliceRows: WalkSink {
  typealias Failure = CatalogError

  /// Rows of one type that one slice records, and the bytes of all of them; the count goes on.
  private static let errorRowsPerType = 1_000
  private static let errorBytes = 1 << 20
  /// Found directories that wait for their listing; about as many as the walk itself holds.
  private static let waitingDirectories = 16_384

  private let writer: SliceWriter
  private let activity: SlotActivity
  private var results = SliceResults()
  private var found = FoundDirectories()
  private var errorRows: [ScanErrorType: Int] = [:]
  private var errorBytes = 0
  /// Directories that turned out to be gone.
  private var gone: Set<Int64> = []
  private var listing: Listing?

  /// The directory that is being listed, and which rows of its entries have been sent: they go with it.
  private struct Listing {
    let directory: Int64
    var hasSentFiles = false
    var sentDirectories: [Int64] = []
  }

  init(writer: SliceWriter, activity: SlotActivity) {
    self.writer = writer
    self.activity = activity
  }

  func willList(directory: Int64, attributes: FileAttributes) {
    listing = Listing(directory: directory)
    activity.noteProgress()
  }

  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(CatalogError) {
    listing?.hasSentFiles = true
    try writer.file(in: directory, name: name, attributes)
  }

  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(CatalogError) -> Int64 {
    let id = try writer.newDirectoryID()
    guard found.count < Self.waitingDirectories else {
      // Most likely left to another slice. Should this one list it after all, the row is written twice.
      listing?.sentDirectories.append(id)
      try writer.directory(
        id: id, parent: parent, name: name, attributes, isBoundary: isBoundary, files: nil, bytes: nil)
      return id
    }
    found.add(id: id, parent: parent, name: name, attributes, isBoundary: isBoundary)
    return id
  }

  func listed(directory id: Int64, _ listing: DirectoryListing) throws(CatalogError) {
    self.listing = nil
    results.directoriesSeen += 1
    results.filesAdded += Int64(listing.files)
    results.bytesSeen = saturatingSum(results.bytesSeen, listing.bytes)
    activity.note(entries: Int64(listing.files) + 1)
    let (files, bytes) = listing.isComplete ? (Int64(listing.files), listing.bytes) : (nil, nil)
    let isSent = try found.take(id) { (directory, name) throws(CatalogError) in
      try writer.directory(
        id: id, parent: directory.parent, name: name, listing.attributes, isBoundary: directory.isBoundary,
        files: files, bytes: bytes)
    }
    if !isSent {
      results.visited.append(VisitedDirectory(id: id, attributes: listing.attributes, files: files, bytes: bytes))
    }
  }

  func vanished(directory id: Int64) { vanish(id) }

  func failure(_ failure: WalkFailure) {
    // What stands in a directory's place is no directory: its row must not stay.
    if !failure.isEntry, case .replaced = failure.cause { vanish(failure.directory) }
    results.errorsCount += 1
    let type = failure.errorType
    guard errorRows[type, default: 0] < Self.errorRowsPerType, errorBytes < Self.errorBytes else { return }
    errorRows[type, default: 0] += 1
    errorBytes += failure.path.count
    var call: SystemError?
    if case .system(let error) = failure.cause { call = error }
    results.errors.append(
      SliceError(
        path: failure.path, type: type, operation: call?.operation.name, errno: call?.errno, message: failure.message))
  }

  /// Sends the rows of what was found and not listed; what is left of the frontier goes to other slices.
  /// What lies in a directory that is gone is gone with it, or was met elsewhere.
  func finish(remaining: [Int64]) throws(CatalogError) -> SliceResults {
    try found.takeAll { (id, directory, name) throws(CatalogError) in
      guard !gone.contains(directory.parent) else {
        gone.insert(id)
        return
      }
      try writer.directory(
        id: id, parent: directory.parent, name: name, directory.attributes, isBoundary: directory.isBoundary,
        files: nil, bytes: nil)
    }
    results.frontier = gone.isEmpty ? remaining : remaining.filter { !gone.contains($0) }
    return results
  }

  private func vanish(_ id: Int64) {
    let isOwn = found.remove(id)
    gone.insert(id)
    var sent: [Int64] = []
    var hasSentRows = !isOwn
    if let listing, listing.directory == id {
      sent = listing.sentDirectories
      hasSentRows = hasSentRows || listing.hasSentFiles
    }
    gone.formUnion(sent)
    results.vanished += sent
    if hasSentRows { results.vanished.append(id) }
    listing = nil
  }

  private func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
