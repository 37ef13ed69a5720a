import Catalog
import FileTree
import ScanModel

/// Takes what a walk finds, compares it with what the catalogue knows, sends the rows that are new, and sums
/// up what the slice commits.
///
/// A directory's entries are collected until its listing ends. Those of a new directory are all sent. A
/// known one whose signature is the listing's is done with; the listing of any other waits until the rows of
/// many are compared at once (`RowComparison`).
///
/// A new directory's row is sent when it has been listed, so that it is written once; those that the slice
/// leaves to others are sent at its end, or when too many wait, without counts, which their own slices add.
final class SliceRows: WalkSink {
  typealias Failure = CatalogError

  /// Rows of one type that one slice records, and the bytes of all of them; the count goes on.
  private static let errorRowsPerType = 1_000
  private static let errorBytes = 1 << 20
  /// Found directories that wait for their listing; about as many as the walk itself holds.
  private static let waitingDirectories = 16_384
  /// Entries of a new directory that are kept to be sorted: some 12 MB. A larger one is sent as it is listed,
  /// and gets its signature from the next scan.
  private static let keptEntries = 131_072

  private let writer: SliceWriter
  private let known: KnownRows
  private let activity: SlotActivity
  private let signatureVersion: Int32
  private let oneFilesystem: Bool
  private let digest = SignatureDigest()
  private var results = SliceResults()
  private var found = FoundDirectories()
  private var waiting: KnownDirectories
  private var changed = ChangedDirectories()
  private var errorRows: [ScanErrorType: Int] = [:]
  private var errorBytes = 0
  /// Directories that turned out to be gone.
  private var gone: Set<Int64> = []
  /// Of them those that earlier scans knew.
  private var goneKnown: [Int64] = []
  private var listing: Listing?
  private var spareEntries: [DirectoryEntries] = []

  /// The directory that is being listed, and what of its entries has been sent: that goes with it.
  private struct Listing {
    let directory: Int64
    let entries: DirectoryEntries
    var known: Known?
    /// Files sent before the listing's end, and their bytes.
    var sentFiles: (count: Int64, bytes: Int64) = (0, 0)
    /// Some of the entries are not in `entries` any more.
    var isSpilled = false
    var sentDirectories: [Int64] = []

    mutating func note(sent entries: DirectoryEntries) {
      sentFiles = (sentFiles.count + entries.files, saturatingSum(sentFiles.bytes, entries.bytes))
    }
  }

  /// What earlier scans knew of the directory that is being listed. A class: it is changed in its place.
  private final class Known {
    let directory: KnownDirectories.Waiting
    let children: KnownChildren
    /// Which of the children the listing has.
    var areSeen: [Bool]

    init(_ directory: KnownDirectories.Waiting, _ children: KnownChildren) {
      self.directory = directory
      self.children = children
      areSeen = [Bool](repeating: false, count: children.count)
    }
  }

  init(
    claim: SliceClaim, frontier: SliceFrontier, writer: SliceWriter, known: KnownRows, activity: SlotActivity
  ) {
    self.writer = writer
    self.known = known
    self.activity = activity
    signatureVersion = claim.signatureVersion
    oneFilesystem = claim.rules.oneFilesystem
    waiting = KnownDirectories(frontier, rows: known)
  }

  func willList(directory: Int64, attributes: FileAttributes) throws(CatalogError) {
    let entries = spareEntries.popLast() ?? DirectoryEntries()
    entries.removeAll()
    var listing = Listing(directory: directory, entries: entries)
    if !found.contains(directory), let known = try waiting.take(directory) {
      listing.known = Known(known, try waiting.takeChildren(of: directory))
    }
    self.listing = listing
    activity.noteProgress()
  }

  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(CatalogError) {
    try keep(name, attributes, .plain)
  }

  private func keep(
    _ name: UnsafeRawBufferPointer, _ attributes: FileAttributes, _ sort: DirectoryEntries.Entry.Sort
  ) throws(CatalogError) {
    guard let listing else { return }
    if listing.known == nil, listing.entries.count >= Self.keptEntries { try spill() }
    listing.entries.append(name: name, attributes, sort)
  }

  /// Sends a large new directory's files in the order in which they came.
  private func spill() throws(CatalogError) {
    guard let entries = listing?.entries else { return }
    listing?.isSpilled = true
    entries.countFiles()
    listing?.note(sent: entries)
    try send(entries)
    entries.removeAll()
  }

  private func send(_ entries: DirectoryEntries) throws(CatalogError) {
    guard let directory = listing?.directory else { return }
    for place in 0..<entries.count where entries[place].isFile {
      let entry = entries[place]
      try entries.withName(of: entry) { (name) throws(CatalogError) in
        try writer.file(in: directory, name: name, entry.attributes)
      }
    }
  }

  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(CatalogError) -> Int64 {
    try keep(name, attributes, isBoundary ? .boundary : .plain)
    if let id = try knownDirectory(name, in: parent, attributes, isBoundary: isBoundary) { return id }
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

  /// The id of a directory that earlier scans knew under this name, also if another one bears it now.
  private func knownDirectory(
    _ name: UnsafeRawBufferPointer, in parent: Int64, _ attributes: FileAttributes, isBoundary: Bool
  ) throws(CatalogError) -> Int64? {
    guard let parentKnown = listing?.known else { return nil }
    if let place = parentKnown.children.place(of: name) {
      parentKnown.areSeen[place] = true
      let directory = parentKnown.children.directories[place]
      if isBoundary && oneFilesystem {
        // The walk does not enter it: this is all that is seen of it.
        results.note(
          directory, attributes, isBoundary: true, files: directory.files, bytes: directory.bytes, signature: nil)
      } else {
        waiting.add(KnownDirectories.Waiting(directory: directory, isBoundary: isBoundary))
      }
      return directory.id
    }
    guard parentKnown.children.hasRemoved, let id = try known.removedDirectory(name, in: parent) else { return nil }
    results.revivedDirectories.append(id)
    waiting.add(KnownDirectories.Waiting(directory: KnownDirectory(id: id), isBoundary: isBoundary))
    return id
  }

  func listed(directory id: Int64, _ listing: DirectoryListing) throws(CatalogError) {
    guard let current = self.listing else { return }
    self.listing = nil
    let entries = current.entries
    do { try entries.sort() } catch { throw .nameRepeated(directory: id) }
    results.directoriesSeen += 1
    results.bytesSeen = saturatingSum(results.bytesSeen, entries.bytes)
    activity.note(entries: entries.files + current.sentFiles.count + 1)
    let isSettled = listing.isComplete && entries.failures == 0 && !current.isSpilled
    let signature = isSettled ? digest.signature(of: entries, version: signatureVersion) : nil
    if let known = current.known {
      try compare(id, known, entries, listing, signature)
    } else {
      self.listing = current
      try send(entries)
      self.listing = nil
      try listedNew(current, listing, signature)
      spareEntries.append(entries)
    }
  }

  private func listedNew(
    _ current: Listing, _ listing: DirectoryListing, _ signature: DirectorySignature?
  ) throws(CatalogError) {
    let id = current.directory
    let added = current.entries.files + current.sentFiles.count
    let sum = saturatingSum(current.entries.bytes, current.sentFiles.bytes)
    results.filesAdded += added
    results.bytesSeen = saturatingSum(results.bytesSeen, current.sentFiles.bytes)
    let (files, bytes) = listing.isComplete ? (added, sum) : (nil, nil)
    let isSent = try found.take(id) { (directory, name) throws(CatalogError) in
      try writer.directory(
        id: id, parent: directory.parent, name: name, listing.attributes, isBoundary: directory.isBoundary,
        files: files, bytes: bytes, signature: signature)
    }
    if !isSent {
      results.visited.append(
        VisitedDirectory(id: id, attributes: listing.attributes, files: files, bytes: bytes, signature: signature))
    }
  }

  private func compare(
    _ id: Int64, _ known: Known, _ entries: DirectoryEntries, _ listing: DirectoryListing,
    _ signature: DirectorySignature?
  ) throws(CatalogError) {
    let directory = known.directory.directory
    if let signature, signature == directory.signature {
      results.filesUnchanged += entries.files
      results.note(
        directory, listing.attributes, isBoundary: known.directory.isBoundary, files: entries.files,
        bytes: entries.bytes, signature: signature)
      return spareEntries.append(entries)
    }
    var isUnsettled = false
    if listing.isComplete {
      for (place, isSeen) in known.areSeen.enumerated() where !isSeen {
        isUnsettled = noteMissing(known.children, place, in: id, entries) || isUnsettled
      }
    }
    changed.append(
      ChangedDirectories.Directory(
        known: directory, attributes: listing.attributes, isBoundary: known.directory.isBoundary, entries: entries,
        isComplete: listing.isComplete, signature: isUnsettled ? nil : signature))
    if changed.isFull { try compareChanged() }
  }

  /// False where the name is there after all, and could only not be looked at.
  private func noteMissing(
    _ children: KnownChildren, _ place: Int, in parent: Int64, _ entries: DirectoryEntries
  ) -> Bool {
    let name = children.name(at: place)
    return name.withUnsafeBytes { name in
      guard !entries.hasUnreadable(name) else { return false }
      results.missing.append(id: children.directories[place].id, directory: parent, isDirectory: true, name: name)
      return true
    }
  }

  private func compareChanged() throws(CatalogError) {
    let directories = changed.takeAll()
    guard !directories.isEmpty else { return }
    var comparison = try RowComparison(directories, known: known, writer: writer)
    try comparison.run(into: &results)
    spareEntries += directories.map(\.entries)
    activity.noteProgress()
  }

  func vanished(directory id: Int64) throws(CatalogError) { try vanish(id) }

  func failure(_ failure: WalkFailure) throws(CatalogError) {
    try noteUnread(failure)
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

  /// What could not be read is there nevertheless, and what is known of it stays.
  private func noteUnread(_ failure: WalkFailure) throws(CatalogError) {
    if failure.isEntry {
      let name = failure.path[(failure.path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
      if let listing, listing.directory == failure.directory {
        name.withUnsafeBytes { listing.entries.append(name: $0, .unknown, .unreadable) }
      }
    } else if case .replaced = failure.cause {
      // What stands in a directory's place is no directory: its row must not stay.
      try vanish(failure.directory)
    } else if listing?.directory != failure.directory, !found.contains(failure.directory),
      try waiting.take(failure.directory) != nil
    {
      results.unsettled.append(failure.directory)
    }
  }

  /// Sends the rows of what was found and not listed; looks again at what seems to be missing; what is left of
  /// the frontier goes to other slices. What lies in a directory that is gone is gone with it, or was met
  /// elsewhere.
  func finish(remaining: [Int64], looking check: AbsenceCheck) throws(WalkError<CatalogError>) -> SliceResults {
    do {
      try compareChanged()
      try sendFound()
    } catch {
      throw .sink(error)
    }
    try SecondLook(check: check, known: known).confirm(&results, gone: goneKnown)
    results.frontier = gone.isEmpty ? remaining : remaining.filter { !gone.contains($0) }
    return results
  }

  private func sendFound() throws(CatalogError) {
    try found.takeAll { (id, directory, name) throws(CatalogError) in
      guard !gone.contains(directory.parent) else {
        gone.insert(id)
        return
      }
      try writer.directory(
        id: id, parent: directory.parent, name: name, directory.attributes, isBoundary: directory.isBoundary,
        files: nil, bytes: nil)
    }
  }

  private func vanish(_ id: Int64) throws(CatalogError) {
    let isOwn = found.remove(id)
    gone.insert(id)
    let current = listing?.directory == id ? listing : nil
    listing = nil
    if let current { spareEntries.append(current.entries) }
    let sent = current?.sentDirectories ?? []
    gone.formUnion(sent)
    results.vanished += sent
    let known = try current == nil && !isOwn ? waiting.take(id) : current?.known?.directory
    if known != nil {
      // A tombstone that was about to live again stays one.
      if let index = results.revivedDirectories.firstIndex(of: id) {
        results.revivedDirectories.remove(at: index)
      } else {
        goneKnown.append(id)
      }
    } else if !isOwn || (current?.sentFiles.count ?? 0) > 0 {
      results.vanished.append(id)
    }
  }
}

private func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
  let (sum, overflow) = left.addingReportingOverflow(right)
  return overflow ? .max : sum
}

extension FileAttributes {
  /// Of an entry that could not be looked at.
  fileprivate static var unknown: FileAttributes {
    FileAttributes(
      kind: .file, mode: 0, size: 0, device: 0, inode: 0, mtime_ns: 0, ctime_ns: 0, btime_ns: nil)
  }
}
