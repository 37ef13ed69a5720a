import Catalog
import FileTree
import ScanModel

/// The errors of a slice: counted without end, and recorded up to a number of rows and bytes.
///
/// What a directory's listing meets is compared with what the directory had at its last visit, when the listing
/// ends: an error that was there before costs nothing, one that is not met again is resolved. Healthy
/// directories that were so before cost nothing either. Only where errors meet errors the open rows of the library
/// are fetched, once.
///
/// An error for whose row there is no room has no path either: `count` asks for none.
struct ErrorRows {
  private static let rowsPerType = 1_000
  private static let mostBytes = 1 << 20

  /// The directory that is being listed.
  struct Listing {
    let directory: Int64
    let known: DirectoryErrors
    fileprivate(set) var met = DirectoryErrors()
    /// Where its rows begin among the slice's.
    let firstRow: Int
    /// Its open rows that were not met so far; `nil` before they were needed.
    fileprivate(set) var unmet: UnmetErrors?
  }

  private var errors = SliceErrors()
  private let known: KnownRows
  /// The open rows of the library, by directory.
  private var open: [Int64: [KnownError]]?
  private(set) var listing: Listing?
  /// Directories of this slice that could not be read and whose rows are not sent: why, and the error's row, if there
  /// is room for it.
  private var unsent: [Int64: (type: ScanErrorType, row: SliceError?)] = [:]
  /// Listed directories whose mounts were missing; the second look tells whether they still are.
  private var awaitingMounts: Set<Int64> = []
  /// Directories that could not be listed to their end.
  private var halfListed: Set<Int64> = []
  private var rows: [ScanErrorType: Int] = [:]
  /// Of all rows that are kept, unsent ones too.
  private var bytes = 0

  init(known: KnownRows) { self.known = known }

  /// A directory is being listed.
  ///
  /// - Parameter known: what it had at its last visit.
  mutating func begin(_ directory: Int64, known: DirectoryErrors) {
    listing = Listing(directory: directory, known: known, firstRow: errors.rows.count)
  }

  /// Something in the directory that is being listed, or its listing itself, failed. False where that is another
  /// directory.
  mutating func note(_ failure: WalkFailure) throws(CatalogError) -> Bool {
    guard let directory = listing?.directory, directory == failure.directory else { return false }
    let type = failure.errorType
    guard failure.isEntry else {
      listing?.met.unread = type
      keep(SliceError(failure, at: .directory(directory)))
      return true
    }
    listing?.met.entries[type] += 1
    let error = SliceError(failure, at: .entry(of: directory))
    if try takeMet(failure.name, type)?.message != error.message { keep(error) }
    return true
  }

  /// Counts an error of an entry of the directory that is being listed. False, and nothing done, where there is room
  /// for its row, or where that is another directory.
  mutating func count(
    _ type: ScanErrorType, of name: UnsafeRawBufferPointer, in directory: Int64
  ) throws(CatalogError) -> Bool {
    guard listing?.directory == directory, !hasRoom(for: type) else { return false }
    listing?.met.entries[type] += 1
    // One that is open already stays as it is.
    if hasKnownErrors { _ = try takeMet(Array(name), type) }
    return true
  }

  private var hasKnownErrors: Bool { listing?.known.entries.isEmpty == false }

  /// The open row of an error that is met again.
  private mutating func takeMet(_ name: [UInt8], _ type: ScanErrorType) throws(CatalogError) -> KnownError? {
    guard hasKnownErrors, let directory = listing?.directory else { return nil }
    if listing?.unmet == nil {
      let unmet = UnmetErrors(try openErrors(of: directory))
      listing?.unmet = unmet
    }
    // In place: a copy for each error would cost the square of their number.
    return listing?.unmet?.take(name, type)
  }

  private mutating func openErrors(of directory: Int64) throws(CatalogError) -> [KnownError] {
    if open == nil { open = Dictionary(grouping: try known.openErrors(), by: \.directory) }
    return open?.removeValue(forKey: directory) ?? []
  }

  /// The end of the listing; what the directory has now.
  mutating func listed(isComplete: Bool) throws(CatalogError) -> DirectoryErrors {
    guard let listing else { return DirectoryErrors() }
    self.listing = nil
    var now = listing.met
    // What the listing did not come to is as it was.
    if !isComplete { now.entries = now.entries.union(listing.known.entries) }
    if now.unread != nil {
      halfListed.insert(listing.directory)
    } else if listing.known.unread == .mountMissing {
      now.unread = .mountMissing
      awaitingMounts.insert(listing.directory)
    }
    errors.changes += now.all
    guard !listing.known.isEmpty else { return now }
    errors.changes -= listing.known.all
    if now.isEmpty {
      errors.healed.append(listing.directory)
      return now
    }
    if let before = listing.known.unread, before != now.unread {
      errors.reread.append(DirectoryReading(id: listing.directory, unread: now.unread))
    }
    if isComplete, !listing.known.entries.isEmpty {
      let unmet = if let unmet = listing.unmet { unmet } else { UnmetErrors(try openErrors(of: listing.directory)) }
      errors.resolved += unmet.ids
    }
    return now
  }

  /// All that the slice has found out.
  ///
  /// - Parameter lostMounts: directories whose mounts are missing, and why they are.
  mutating func finish(_ lostMounts: [Int64: String], _ mounts: RecordedMounts = RecordedMounts()) throws(CatalogError)
    -> SliceErrors
  {
    for directory in awaitingMounts.subtracting(lostMounts.keys).sorted() {
      errors.changes[.mountMissing] -= 1
      errors.reread.append(DirectoryReading(id: directory, unread: nil))
      errors.unread.append(DirectoryReading(id: directory, unread: nil))
    }
    for (directory, reason) in lostMounts.sorted(by: { $0.key < $1.key }) {
      try note(lostMount: directory, mounts.path(of: directory), reason)
    }
    return errors
  }

  private mutating func note(
    lostMount directory: Int64, _ path: [UInt8], _ reason: String
  ) throws(CatalogError) {
    // As it was before this slice; of one that another slice has listed, as that has left it.
    let before = try known.directory(directory)?.errors.unread
    let isFleeting = halfListed.contains(directory) || before != nil && before != .mountMissing
    if isFleeting {
      errors.changes[.mountMissing] += 1
      errors.fleeting[.mountMissing] += 1
    } else if before == nil {
      errors.note(unread: directory, known: nil, .mountMissing)
    }
    keep(
      SliceError(
        place: isFleeting ? .fleeting : .directory(directory), path: path, type: .mountMissing, operation: nil,
        errno: nil, message: reason))
  }

  /// The directory went while it was listed, and with it what was met in it.
  mutating func drop() {
    guard let listing else { return }
    for row in errors.rows[listing.firstRow...] { forget(row) }
    errors.rows.removeSubrange(listing.firstRow...)
    self.listing = nil
  }

  /// A directory is not entered by the rules: nothing is wrong with it any more.
  mutating func leave(_ directory: KnownDirectory) {
    guard !directory.errors.isEmpty else { return }
    errors.changes -= directory.errors.all
    errors.healed.append(directory.id)
  }

  /// A directory that this slice has found, and whose row is not sent, could not be read.
  mutating func note(unsent directory: Int64, _ failure: WalkFailure) {
    let row = SliceError(failure, at: .directory(directory))
    unsent[directory] = (row.type, reserve(row) ? row : nil)
  }

  /// What such a directory has, now that its row is being sent.
  mutating func sent(_ directory: Int64) -> DirectoryErrors {
    guard let (type, row) = unsent.removeValue(forKey: directory) else { return DirectoryErrors() }
    errors.changes[type] += 1
    if let row { errors.rows.append(row) }
    return DirectoryErrors(unread: type)
  }

  /// Another directory could not be read.
  ///
  /// - Parameter known: `nil` where this very scan has found it.
  mutating func note(unread known: KnownDirectory?, _ failure: WalkFailure) {
    let error = SliceError(failure, at: .directory(failure.directory))
    errors.note(unread: failure.directory, known: known, error.type)
    keep(error)
  }

  /// What failed is not there any more.
  mutating func note(fleeting failure: WalkFailure) {
    let error = SliceError(failure, at: .fleeting)
    errors.changes[error.type] += 1
    errors.fleeting[error.type] += 1
    keep(error)
  }

  private mutating func keep(_ error: SliceError) {
    if reserve(error) { errors.rows.append(error) }
  }

  /// Takes the room of a row, if there is some.
  private mutating func reserve(_ error: SliceError) -> Bool {
    guard hasRoom(for: error.type) else { return false }
    rows[error.type, default: 0] += 1
    bytes += error.size
    return true
  }

  private func hasRoom(for type: ScanErrorType) -> Bool {
    rows[type, default: 0] < Self.rowsPerType && bytes < Self.mostBytes
  }

  private mutating func forget(_ error: SliceError) {
    rows[error.type, default: 0] -= 1
    bytes -= error.size
  }
}

extension SliceError {
  /// Bytes of what grows with the tree.
  fileprivate var size: Int { path.count + message.utf8.count }

  fileprivate init(_ failure: WalkFailure, at place: Place) {
    let call = failure.cause.call
    self.init(
      place: place, path: failure.path, type: failure.errorType, operation: call?.operation.name, errno: call?.errno,
      message: failure.message)
  }
}

extension WalkFailure {
  /// The last one of its path.
  var name: [UInt8] { Array(path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]) }
}
