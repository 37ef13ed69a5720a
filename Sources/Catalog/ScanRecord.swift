import Foundation
import PostgresClient
import ScanModel

/// A scan's record (R2), as `scan_records` shows it.
public struct ScanRecord: Sendable {
  public let id: ScanID
  public let libraryID: LibraryID
  public let library: String
  public let rootPath: String
  public let mode: ScanMode
  public let status: ScanStatus
  public let requestedBy: String?
  public let requestedThrough: String
  public let requestID: String?
  public let requestedAt: Date
  public let startedAt: Date?
  public let completedAt: Date?
  public let counters: ScanCounters
  public let message: String?
  public let errorMessage: String?
  public let queue: String
  public let maxParallel: Int

  /// For the model of the catalogue that tests run against; everybody else reads rows.
  package init(
    id: ScanID, libraryID: LibraryID, library: String, rootPath: String, mode: ScanMode, status: ScanStatus,
    requestedBy: String?, requestedThrough: String, requestID: String?, requestedAt: Date, startedAt: Date?,
    completedAt: Date?, counters: ScanCounters, message: String?, errorMessage: String?, queue: String,
    maxParallel: Int
  ) {
    self.id = id
    self.libraryID = libraryID
    self.library = library
    self.rootPath = rootPath
    self.mode = mode
    self.status = status
    self.requestedBy = requestedBy
    self.requestedThrough = requestedThrough
    self.requestID = requestID
    self.requestedAt = requestedAt
    self.startedAt = startedAt
    self.completedAt = completedAt
    self.counters = counters
    self.message = message
    self.errorMessage = errorMessage
    self.queue = queue
    self.maxParallel = maxParallel
  }
}

/// What a scan has counted so far.
public struct ScanCounters: Sendable, Equatable {
  public var categories: Int64 = 0
  public var courses: Int64 = 0
  public var directoriesSeen: Int64 = 0
  /// Directories that are elsewhere than before, or have another name. What lies below them is unchanged.
  public var directoriesMoved: Int64 = 0
  public var filesSeen: Int64 = 0
  public var filesAdded: Int64 = 0
  public var filesUpdated: Int64 = 0
  public var filesMoved: Int64 = 0
  public var filesUnchanged: Int64 = 0
  public var filesRemoved: Int64 = 0
  public var removalsHeld: Int64 = 0
  /// Sum of the sizes of the files seen; Postgres keeps it as NUMERIC, as sparse files can exceed 64 bits.
  public var bytesSeen: Decimal = 0
  public var errors: Int64 = 0
  public var slicesRedone: Int64 = 0
  /// Entries that the library's rules passed over in silence.
  public var entriesIgnored: Int64 = 0

  package init() {}
}

extension ScanRecord {
  /// Decodes the columns of `scan_records` that begin at `first`.
  init(_ row: PostgresRow, first: Int = 0) throws(PostgresError) {
    id = ScanID(try row.int64(first))
    libraryID = LibraryID(try row.int64(first + 1))
    library = try row.text(first + 2)
    rootPath = try row.text(first + 3)
    mode = try decode(try row.text(first + 4))
    status = try decode(try row.text(first + 5))
    requestedBy = try row.optionalText(first + 6)
    requestedThrough = try row.text(first + 7)
    requestID = try row.optionalText(first + 8)
    requestedAt = try row.timestamp(first + 9)
    startedAt = try row.optionalTimestamp(first + 10)
    completedAt = try row.optionalTimestamp(first + 11)
    counters = try ScanCounters(row, first: first + 12, later: first + 29)
    message = try row.optionalText(first + 25)
    errorMessage = try row.optionalText(first + 26)
    queue = try row.text(first + 27)
    maxParallel = Int(try row.int32(first + 28))
  }
}

extension ScanCounters {
  init(_ row: PostgresRow, first: Int, later: Int) throws(PostgresError) {
    categories = try row.int64(first)
    courses = try row.int64(first + 1)
    directoriesSeen = try row.int64(first + 2)
    filesSeen = try row.int64(first + 3)
    filesAdded = try row.int64(first + 4)
    filesUpdated = try row.int64(first + 5)
    filesMoved = try row.int64(first + 6)
    filesUnchanged = try row.int64(first + 7)
    filesRemoved = try row.int64(first + 8)
    removalsHeld = try row.int64(first + 9)
    let bytes = try row.text(first + 10)
    guard let number = Decimal(string: bytes) else { throw .decoding("bytes_seen \"\(bytes)\" is not a number") }
    bytesSeen = number
    errors = try row.int64(first + 11)
    slicesRedone = try row.int64(first + 12)
    entriesIgnored = try row.int64(later)
    directoriesMoved = try row.int64(later + 1)
  }
}

/// A column that holds one of an enumeration's words.
func decode<Word: RawRepresentable<String>>(_ text: String) throws(PostgresError) -> Word {
  guard let word = Word(rawValue: text) else { throw .decoding("unknown \(Word.self) \"\(text)\"") }
  return word
}
