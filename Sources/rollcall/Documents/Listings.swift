import Catalog
import Foundation
import ScanModel

/// A library as `--json` shows it.
struct LibraryDocument: Encodable {
  struct LastScan: Encodable {
    let id: Int64
    let status: String
    let requestedAt: Date
    let filesSeen: Int64
    let bytesSeen: Decimal

    private enum CodingKeys: String, CodingKey {
      case id, status
      case requestedAt = "requested_at"
      case filesSeen = "files_seen"
      case bytesSeen = "bytes_seen"
    }
  }

  let id: Int64
  let name: String
  let rootPath: String
  let rules: LibraryRules
  @OrNull var lastScan: LastScan?

  init(_ library: LibraryRecord) {
    id = library.id.rawValue
    name = library.name
    rootPath = library.rootPath
    rules = library.rules
    lastScan = library.lastScan.map {
      LastScan(
        id: $0.id.rawValue, status: $0.status.rawValue, requestedAt: $0.requestedAt, filesSeen: $0.filesSeen,
        bytesSeen: $0.bytesSeen)
    }
  }

  private enum CodingKeys: String, CodingKey {
    case id, name, rules
    case rootPath = "root_path"
    case lastScan = "last_scan"
  }
}

/// A queue as `--json` shows it.
struct QueueDocument: Encodable {
  let queue: String
  /// Jobs that nobody has taken yet.
  let waiting: Int
  /// Jobs that a slot has taken and not yet finished.
  let inFlight: Int
  /// Messages that could not be read or run.
  let dead: Int
  let workersAlive: Int

  private enum CodingKeys: String, CodingKey {
    case queue, waiting, dead
    case inFlight = "in_flight"
    case workersAlive = "workers_alive"
  }
}
