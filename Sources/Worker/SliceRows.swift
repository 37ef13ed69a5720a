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

  /// Found directories that wait for their listing; about as many as the walk itself holds.
  private static let waitingDirectories = 16_384
  /// So many more are looked for at once, before they are sent.
  private static let excessDirectories = 1_024
  /// Entries of a new directory that are kept to be sorted: some 12 MB. A larger one is sent as it is listed,
  /// and gets its signature from the next scan.
  private static let keptEntries = 131_072

  let writer: SliceWriter
  let known: KnownRows
  let activity: SlotActivity
  private let signatureVersion: Int32
  let oneFilesystem: Bool
  let mounts: MountWatch
  let followsLinks: Bool
  /// Directories that the scan has listed before.
  let again: Set<Int64>
  let layout: Layout
  private let digest = SignatureDigest()
  var results = SliceResults()
  var found = FoundDirectories()
  var waiting: KnownDirectories
  /// Known directories whose own rows change, whether or not this slice lists them.
  var restated = RestatedDirectories()
  var changed = ChangedDirectories()
  var errors: ErrorRows
  /// Directories that turned out to be gone.
  var gone: Set<Int64> = []
  /// Of them those that earlier scans knew.
  var goneKnown: [Int64] = []
  var listing: OpenListing?
  var spareEntries: [DirectoryEntries] = []

  let check: AbsenceCheck
  /// Earlier scans knew directories, so that one that is found may be one of them.
  let hasHistory: Bool
  var sought = SoughtDirectories()
  /// By the ids of the walk, those of the known directories that these turned out to be.
  var aliases: [Int64: Int64] = [:]
  var places = KnownPlaces()
  /// Known directories that lie elsewhere than their rows say.
  var moved: [Int64: (from: DirectoryPlace, to: DirectoryPlace, inode: UInt64?)] = [:]
  /// Known directories whose places others have, and of which nobody knows where they are.
  var displaced: [Int64: DirectoryPlace] = [:]
  /// New directories whose rows were sent before their names were free.
  var placedLater: [Int64: DirectoryPlace] = [:]
  /// Known directories that were taken for those that have their names now.
  var kept: [Int64: DirectoryPlace] = [:]
  /// Of the moved ones those that the scan has listed where they were.
  var listedBefore: Set<Int64> = []
  /// Known directories that this slice has listed.
  var listedKnown: Set<Int64> = []
  /// New directories beyond those that wait.
  private var excess: [Int64] = []
  var youngest: YoungestBirth?
  /// Why it could not be told whether known directories are where they were.
  var lookFailure: WalkError<Never>?

  /// - Parameter check: looks for known directories where they were, and again for all that is missing.
  init(
    claim: SliceClaim, frontier: SliceFrontier, mounts: MountWatch = MountWatch(), writer: SliceWriter,
    known: KnownRows, activity: SlotActivity, looking check: AbsenceCheck
  ) {
    self.writer = writer
    self.known = known
    self.mounts = mounts
    self.activity = activity
    signatureVersion = claim.signatureVersion
    oneFilesystem = claim.rules.oneFilesystem
    followsLinks = claim.rules.symlinks == .follow
    layout = claim.rules.layout
    again = frontier.again
    waiting = KnownDirectories(frontier, rows: known)
    errors = ErrorRows(known: known)
    self.check = check
    hasHistory = frontier.hasHistory
  }

  @discardableResult
  func willList(directory walked: Int64, attributes: FileAttributes) throws(CatalogError) -> Bool {
    let directory = try own(walked)
    // What is at its former place is another directory.
    if directory == walked, moved[directory] != nil { return false }
    let entries = spareEntries.popLast() ?? DirectoryEntries()
    entries.removeAll()
    var listing = OpenListing(directory: directory, entries: entries)
    if !found.contains(directory), let known = try waiting.take(directory) {
      let children = try waiting.takeChildren(of: directory)
      listing.known = KnownListing(
        known, isBoundary: restated.take(directory), children: children,
        staged: isListedAgain(directory) ? try self.known.staged(children.directories.map(\.id)) : nil)
      if hasHistory { listedKnown.insert(directory) }
    }
    errors.begin(directory, known: listing.known?.directory.errors ?? DirectoryErrors())
    self.listing = listing
    activity.noteProgress()
    return true
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
  ) throws(CatalogError) -> Int64? {
    try directory(name, in: parent, attributes, isBoundary: isBoundary, isFollowed: false)
  }

  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(CatalogError) -> Int64? {
    let id = try directory(name, in: parent, attributes, isBoundary: false, isFollowed: true)
    if let id { results.followed.append(id) }
    return id
  }

  private func directory(
    _ name: UnsafeRawBufferPointer, in walked: Int64, _ attributes: FileAttributes, isBoundary: Bool, isFollowed: Bool
  ) throws(CatalogError) -> Int64? {
    let parent = try own(walked)
    let (shown, isShownAsBoundary) = asCatalogued(name, attributes, isBoundary: isBoundary)
    try keep(name, shown, isFollowed ? .followed : isShownAsBoundary ? .boundary : .plain)
    if listing?.known?.isAgain == true {
      guard listsFirst(name) else { return nil }
      listing?.appeared += 1
    }
    if let id = try knownDirectory(name, in: parent, attributes, isBoundary: isBoundary, isFollowed: isFollowed) {
      return id
    }
    if hasHistory && !isBoundary && !isFollowed {
      let id = try seekLater(
        name, in: parent, attributes, former: nil, mayLiveAgain: listing?.known?.children.hasRemoved ?? false)
      try boundFound(with: id)
      return id
    }
    let id = try writer.newDirectoryID()
    if hasHistory {
      places.note(
        id, at: DirectoryPlace(parent: parent, name: Array(name)), isBoundary: isBoundary, isFollowed: isFollowed)
    }
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

  /// Of more directories than wait some are sent: most likely they are left to other slices.
  private func boundFound(with id: Int64) throws(CatalogError) {
    guard found.count >= Self.waitingDirectories else { return }
    excess.append(id)
    guard excess.count >= Self.excessDirectories else { return }
    try seek()
    for id in excess where found.contains(id) { try send(id) }
    excess = []
  }

  func send(_ id: Int64) throws(CatalogError) {
    _ = try found.take(id) { (directory, name) throws(CatalogError) in
      guard !gone.contains(directory.parent) else {
        gone.insert(id)
        return
      }
      if directory.parent == listing?.directory { listing?.sentDirectories.append(id) }
      try send(id, directory, name, directory.attributes, files: nil, bytes: nil, errors: errors.sent(id))
    }
  }

  private func send(
    _ id: Int64, _ directory: FoundDirectories.Directory, _ name: UnsafeRawBufferPointer, _ attributes: FileAttributes,
    files: Int64?, bytes: Int64?, signature: DirectorySignature? = nil, errors: DirectoryErrors
  ) throws(CatalogError) {
    func send(_ name: UnsafeRawBufferPointer) throws(CatalogError) {
      try writer.directory(
        id: id, parent: directory.parent, name: name, attributes, isBoundary: directory.isBoundary, files: files,
        bytes: bytes, signature: signature, errors: errors)
    }
    guard directory.waitsForPlace else { return try send(name) }
    let place = DirectoryPlace(parent: directory.parent, name: Array(name))
    placedLater[id] = place
    try place.vacated(by: id).name.withUnsafeBufferPointer { (name) throws(CatalogError) in
      try send(UnsafeRawBufferPointer(name))
    }
  }

  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(CatalogError) {
    // In a directory that nobody knew there is no row of it.
    guard listing?.known != nil else { return }
    listing?.entries.append(name: name, .unknown, .rejected)
  }

  func listed(directory walked: Int64, _ listing: DirectoryListing) throws(CatalogError) {
    guard let current = self.listing else { return }
    self.listing = nil
    let id = current.directory
    let entries = current.entries
    do { try entries.sort() } catch { throw .nameRepeated(directory: id) }
    if let known = current.known, known.isAgain {
      count(listing, again: known, appeared: current.appeared)
    } else {
      count(listing)
      results.bytesSeen = saturatingSum(results.bytesSeen, entries.bytes)
    }
    activity.note(entries: entries.files + current.sentFiles.count + 1)
    let isSettled =
      listing.isComplete && listing.hasUsualTimes && entries.failures == 0 && !listing.hasLinks && !current.isSpilled
    let errors = try errors.listed(isComplete: listing.isComplete)
    let signature = isSettled ? digest.signature(of: entries, version: signatureVersion) : nil
    if let known = current.known {
      try compare(id, known, entries, listing, signature, errors)
    } else {
      self.listing = current
      try send(entries)
      self.listing = nil
      try listedNew(current, listing, signature, errors)
      spareEntries.append(entries)
    }
  }

  private func count(_ listing: DirectoryListing) {
    results.directoriesSeen += 1
    results.entriesIgnored += Int64(listing.ignored)
    guard layout == .categoryCourse else { return }
    if listing.depth == 0 { results.categoriesFound += Int64(listing.directories) }
    if listing.depth == 1 { results.coursesFound += Int64(listing.directories) }
  }

  private func listedNew(
    _ current: OpenListing, _ listing: DirectoryListing, _ signature: DirectorySignature?, _ errors: DirectoryErrors
  ) throws(CatalogError) {
    let id = current.directory
    let added = current.entries.files + current.sentFiles.count
    let sum = saturatingSum(current.entries.bytes, current.sentFiles.bytes)
    results.filesAdded += added
    results.bytesSeen = saturatingSum(results.bytesSeen, current.sentFiles.bytes)
    let isCounted = listing.isComplete && listing.failures == 0 && current.entries.failures == 0
    let (files, bytes) = isCounted ? (added, sum) : (nil, nil)
    let isSent = try found.take(id) { (directory, name) throws(CatalogError) in
      try send(
        id, directory, name, listing.attributes, files: files, bytes: bytes, signature: signature, errors: errors)
    }
    if !isSent {
      results.visited.append(
        VisitedDirectory(
          id: id, attributes: listing.attributes, files: files, bytes: bytes, signature: signature, errors: errors))
    }
  }
}
