import Catalog
import FileTree
import ScanModel

/// Takes what a walk lists, and compares it with the catalogue's rows: those of many directories in one query.
///
/// A directory's entries are kept until its listing ends, sorted, and merged with the sorted rows (`EntryMerge`). One
/// that is too large is compared in parts as it is listed, each with the rows of its names; at its end all its rows
/// are looked for.
///
/// The walk enters what the frontier knows by itself; `children` has what else is to be visited.
final class TreeComparison: WalkSink {
  typealias Failure = VerificationError

  /// Only what both looks find is reported.
  enum Look {
    case first
    case second(Suspects)
  }

  /// Entries of one directory that are kept: some 12 MB.
  private static let keptEntries = 131_072
  private static let mostDirectories = 64
  private static let mostEntries = 16_384

  let scope: VerificationScope
  let frontier: SliceFrontier
  let look: Look
  let known: [Int64: KnownDirectory]
  let account: VerificationAccount
  let digest = SignatureDigest()
  lazy var paths = DirectoryPaths(frontier)

  /// Directories that the walk has entered by itself, or was to begin with.
  private(set) var met: Set<Int64>
  /// Directories of the frontier that are not to be visited first, by the directories in which they lie and by name.
  private var descent: [Int64: [[UInt8]: Int64]] = [:]
  /// Known child directories that are there, by the directories in which they lie.
  var children: [Int64: [Int64]] = [:]
  var suspects = Suspects()
  /// A listing repeated a name.
  private(set) var needsNamesOnce = false
  /// Rows that a second look misses too, to be looked for.
  var absent: [AbsentRow] = []
  private var listing: ComparedListing?
  private var waiting: [ComparedListing] = []
  private var waitingEntries = 0
  private var spareEntries: [DirectoryEntries] = []

  init(
    _ scope: VerificationScope, _ frontier: SliceFrontier, _ look: Look, _ account: VerificationAccount
  ) {
    self.scope = scope
    self.frontier = frontier
    self.look = look
    self.account = account
    let pairs = frontier.directories.compactMap { directory in directory.known.map { (directory.id, $0) } }
    known = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    met = Set(frontier.visits)
    for directory in frontier.directories where directory.known != nil && !met.contains(directory.id) {
      if let parent = directory.parent { descent[parent, default: [:]][directory.name] = directory.id }
    }
  }

  func willList(directory: Int64, attributes: FileAttributes) throws(VerificationError) -> Bool {
    guard let known = known[directory] else { return true }
    let entries = spareEntries.popLast() ?? DirectoryEntries()
    entries.removeAll()
    listing = ComparedListing(known, attributes, entries)
    return true
  }

  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(VerificationError) {
    try keep(name, attributes, .plain)
  }

  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(VerificationError) -> Int64? {
    try keep(name, attributes, isBoundary ? .boundary : .plain)
    return enter(name, in: parent)
  }

  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(VerificationError) -> Int64? {
    try keep(name, attributes, .followed)
    return enter(name, in: parent)
  }

  private func enter(_ name: UnsafeRawBufferPointer, in parent: Int64) -> Int64? {
    guard let id = descent[parent]?[Array(name)] else { return nil }
    met.insert(id)
    return id
  }

  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(VerificationError) {
    try keep(name, .unknown, .rejected)
  }

  private func keep(
    _ name: UnsafeRawBufferPointer, _ attributes: FileAttributes, _ sort: DirectoryEntries.Entry.Sort
  ) throws(VerificationError) {
    guard let listing else { return }
    if listing.entries.count >= Self.keptEntries { try compareKept(listing) }
    listing.entries.append(name: name, attributes, sort)
  }

  private func compareKept(_ listing: ComparedListing) throws(VerificationError) {
    listing.isSpilled = true
    sort(listing)
    try comparePart(of: listing)
    listing.entries.removeAll()
  }

  /// A listing that shows a rename is no basis: its directory is listed again.
  private func sort(_ listing: ComparedListing) {
    do { try listing.entries.sort() } catch {
      needsNamesOnce = true
      suspects.note(listing.id)
      listing.entries.countFiles()
    }
    listing.countEntries()
  }

  func listed(directory: Int64, _ end: DirectoryListing) throws(VerificationError) {
    guard let listing else { return }
    self.listing = nil
    listing.end = end
    sort(listing)
    if case .first = look { account.note(files: listing.tree.files, bytes: listing.tree.bytes) }
    if listing.isSpilled {
      try comparePart(of: listing)
      try lookForAllRows(of: listing)
      try finish(listing)
      return spareEntries.append(listing.entries)
    }
    waiting.append(listing)
    waitingEntries += listing.entries.count
    if waiting.count >= Self.mostDirectories || waitingEntries >= Self.mostEntries { try compareWaiting() }
  }

  /// Compares what waits. To be called when the walk has ended, too.
  func compareWaiting() throws(VerificationError) {
    let listings = waiting
    (waiting, waitingEntries) = ([], 0)
    if !listings.isEmpty { try compare(listings) }
    spareEntries += listings.map(\.entries)
    try lookForAbsent()
  }

  /// It was there when its parent was listed: churn.
  func vanished(directory: Int64) throws(VerificationError) { listing = nil }

  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(VerificationError) -> Bool {
    // What a rule forbids has no row, and shall have none.
    !cause.isUnread && !cause.isUnresolvedLink
  }

  func failure(_ failure: WalkFailure) throws(VerificationError) {
    if failure.isEntry {
      let name = failure.name
      if failure.cause.isUnresolvedLink {
        listing?.unresolvedLinks.insert(name)
      } else {
        name.withUnsafeBytes { listing?.entries.append(name: $0, .unknown, .unreadable) }
      }
      return try differs(.unreadable, name, in: failure.directory, .file) { .unreadable(failure) }
    }
    if case .mountMissing(let reason, _) = failure.cause {
      listing = nil
      return try mountIsMissing(failure.directory, reason)
    }
    // What stands in its place has come since its parent was listed.
    guard !failure.cause.isExchange else { return listing = nil }
    try differs(.unreadable, [], in: failure.directory, .directory) { .unreadable(failure) }
  }

  /// Notes a difference at the first look, and reports it at the second if the first had it.
  ///
  /// - Parameter name: empty for the directory itself.
  func differs(
    _ sort: Suspects.Sort, _ name: [UInt8], in directory: Int64, _ kind: FileKind,
    _ difference: () throws(VerificationError) -> Difference.Sort
  ) throws(VerificationError) {
    guard isCertain(sort, name, in: directory) else { return }
    try account.tell(Difference(sort: try difference(), kind: kind, path: paths.path(of: name, in: directory)))
  }

  /// Whether a difference that is found is to be reported: the first look only notes it.
  func isCertain(_ sort: Suspects.Sort, _ name: [UInt8], in directory: Int64) -> Bool {
    name.withUnsafeBytes { bytes in
      switch look {
      case .first:
        suspects.note(sort, bytes, in: directory)
        return false
      case .second(let earlier): return earlier.has(sort, bytes, in: directory)
      }
    }
  }
}

extension Difference.Sort {
  fileprivate static func unreadable(_ failure: WalkFailure) -> Self {
    .unreadable(failure.errorType, errno: failure.cause.call?.errno, message: failure.message)
  }
}
