import Catalog
import Foundation

/// A file-level error of a scan as `--json` shows it.
struct ErrorDocument: Encodable {
  let id: Int64
  let scan: Int64
  let path: String
  @OrNull var pathBase64: String?
  let errorType: String
  @OrNull var operation: String?
  @OrNull var errno: Int32?
  let errorMessage: String
  let firstSeen: Date
  let lastSeen: Date
  @OrNull var resolvedScan: Int64?
  @OrNull var resolvedAt: Date?

  init(_ error: ScanErrorRecord) {
    let path = EscapedPath(error.path)
    id = error.id
    scan = error.scan.rawValue
    self.path = path.path
    pathBase64 = path.pathBase64
    errorType = error.type
    operation = error.operation
    errno = error.errno
    errorMessage = error.message
    firstSeen = error.firstSeen
    lastSeen = error.lastSeen
    resolvedScan = error.resolvedScan?.rawValue
    resolvedAt = error.resolvedAt
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(scan, forKey: .scan)
    try container.encode(path, forKey: .path)
    try container.encode(pathBase64, forKey: .pathBase64)
    try container.encode(errorType, forKey: .errorType)
    try container.encode(operation, forKey: .operation)
    try container.encode(errno, forKey: .errno)
    try container.encode(errorMessage, forKey: .errorMessage)
    // The same under two names: the older one is a contract.
    try container.encode(firstSeen, forKey: .createdAt)
    try container.encode(firstSeen, forKey: .firstSeen)
    try container.encode(lastSeen, forKey: .lastSeen)
    try container.encode(resolvedScan, forKey: .resolvedScan)
    try container.encode(resolvedAt, forKey: .resolvedAt)
  }

  private enum CodingKeys: String, CodingKey {
    case id, path, operation, errno
    case scan = "scan_id"
    case pathBase64 = "path_base64"
    case errorType = "error_type"
    case errorMessage = "error_message"
    case createdAt = "created_at"
    case firstSeen = "first_seen"
    case lastSeen = "last_seen"
    case resolvedScan = "resolved_scan"
    case resolvedAt = "resolved_at"
  }
}

/// The errors of one type in a scan as `--json` shows them.
struct ErrorTotalDocument: Encodable {
  let errorType: String
  let total: Int64
  /// How many of them are listed.
  let rows: Int64
  let advice: String

  init(_ total: ScanErrorTotal) {
    errorType = total.type
    self.total = total.total
    rows = total.rows
    advice = ErrorAdvice.text(for: total.type)
  }

  private enum CodingKeys: String, CodingKey {
    case total, rows, advice
    case errorType = "error_type"
  }
}
