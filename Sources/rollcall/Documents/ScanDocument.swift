import Catalog
import Foundation
import ScanModel

/// A scan as `--json` shows it; the names are a contract. What is not known is `null`.
struct ScanDocument: Encodable {
  let id: Int64
  let library: String
  let rootPath: String
  let mode: String
  let status: String
  @OrNull var requestedBy: String?
  let requestedThrough: String
  @OrNull var requestID: String?
  let requestedAt: Date
  @OrNull var startedAt: Date?
  @OrNull var completedAt: Date?
  @OrNull var progress: Double?
  @OrNull var filesPerSecond: Double?
  @OrNull var etaSeconds: Double?
  let categoriesFound: Int64
  let coursesFound: Int64
  let directoriesSeen: Int64
  let directoriesMoved: Int64
  let filesSeen: Int64
  let filesAdded: Int64
  let filesUpdated: Int64
  let filesMoved: Int64
  let filesUnchanged: Int64
  let filesRemoved: Int64
  let removalsHeld: Int64
  let bytesSeen: Decimal
  let errorsCount: Int64
  let slicesRedone: Int64
  let entriesIgnored: Int64
  @OrNull var heartbeatAlive: Bool?
  @OrNull var message: String?
  @OrNull var errorMessage: String?

  /// - Parameter heartbeatAlive: whether a live worker holds a slice of the scan; `nil` where that is not
  ///   known, or where the scan has ended.
  init(_ scan: ScanRecord, heartbeatAlive: Bool?, now: Date = Date()) {
    id = scan.id.rawValue
    library = scan.library
    rootPath = scan.rootPath
    mode = scan.mode.rawValue
    status = scan.status.rawValue
    requestedBy = scan.requestedBy
    requestedThrough = scan.requestedThrough
    requestID = scan.requestID
    requestedAt = scan.requestedAt
    startedAt = scan.startedAt
    completedAt = scan.completedAt
    progress = scan.progress
    filesPerSecond = scan.filesPerSecond(now: now)
    etaSeconds = nil
    categoriesFound = scan.counters.categories
    coursesFound = scan.counters.courses
    directoriesSeen = scan.counters.directoriesSeen
    directoriesMoved = scan.counters.directoriesMoved
    filesSeen = scan.counters.filesSeen
    filesAdded = scan.counters.filesAdded
    filesUpdated = scan.counters.filesUpdated
    filesMoved = scan.counters.filesMoved
    filesUnchanged = scan.counters.filesUnchanged
    filesRemoved = scan.counters.filesRemoved
    removalsHeld = scan.counters.removalsHeld
    bytesSeen = scan.counters.bytesSeen
    errorsCount = scan.counters.errors
    slicesRedone = scan.counters.slicesRedone
    entriesIgnored = scan.counters.entriesIgnored
    self.heartbeatAlive = heartbeatAlive
    message = scan.message
    errorMessage = scan.errorMessage
  }

  private enum CodingKeys: String, CodingKey {
    case id, library, mode, status, progress, message
    case rootPath = "root_path"
    case requestedBy = "requested_by"
    case requestedThrough = "requested_through"
    case requestID = "request_id"
    case requestedAt = "requested_at"
    case startedAt = "started_at"
    case completedAt = "completed_at"
    case filesPerSecond = "files_per_second"
    case etaSeconds = "eta_seconds"
    case categoriesFound = "categories_found"
    case coursesFound = "courses_found"
    case directoriesSeen = "directories_seen"
    case directoriesMoved = "directories_moved"
    case filesSeen = "files_seen"
    case filesAdded = "files_added"
    case filesUpdated = "files_updated"
    case filesMoved = "files_moved"
    case filesUnchanged = "files_unchanged"
    case filesRemoved = "files_removed"
    case removalsHeld = "removals_held"
    case bytesSeen = "bytes_seen"
    case errorsCount = "errors_count"
    case slicesRedone = "slices_redone"
    case entriesIgnored = "entries_ignored"
    case heartbeatAlive = "heartbeat_alive"
    case errorMessage = "error_message"
  }
}
