import Foundation
import PostgresClient
import ScanModel

/// A library as workers need it that serve its queue.
public struct ServedLibrary: Sendable, Hashable {
  public let id: LibraryID
  public let name: String
  public let rootPath: String
  public let queue: String

  public init(id: LibraryID, name: String, rootPath: String, queue: String) {
    self.id = id
    self.name = name
    self.rootPath = rootPath
    self.queue = queue
  }

  public init(_ library: LibraryRecord) {
    id = library.id
    name = library.name
    rootPath = library.rootPath
    queue = library.rules.queue
  }

  init(_ row: PostgresRow) throws(PostgresError) {
    id = LibraryID(try row.int64(0))
    name = try row.text(1)
    rootPath = try row.text(2)
    queue = try row.text(3)
  }
}

/// What is made sure of before a scan reads anything.
extension Catalog {
  /// The libraries whose scans run on one of these queues, the oldest first.
  public func libraries(servedBy queues: [String]) throws(CatalogError) -> [ServedLibrary] {
    let rows = try execute(Statements.librariesServed, [.textArray(queues)])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in try ServedLibrary(row) }
    }
  }

  /// Proves that the database takes writes; throws 25006 where it does not.
  public func proveWritable() throws(CatalogError) { try ping() }

  /// Proves that the database takes so many bytes more, by writing them and taking them back. Throws what the server
  /// answers, such as 53100.
  ///
  /// - Returns: false where this user may make no temporary table, so that nothing is proved.
  public func proveRoom(bytes: Int64) throws(CatalogError) -> Bool {
    let rows = try execute(Statements.roomProve, [.int64(bytes)])
    return try wrap { () throws(PostgresError) in try rows[0].boolean(0) }
  }
}

extension PostgresSlotCatalog {
  public func proveRoom(bytes: Int64) throws(CatalogError) -> Bool { try catalog.proveRoom(bytes: bytes) }

  public func note(_ warnings: [PreflightFinding], of claim: SliceClaim) throws(CatalogError) {
    _ = try catalog.execute(Statements.preflightNote, claim.fence + [try Self.json(warnings)])
  }

  public func reject(_ claim: SliceClaim, _ findings: [PreflightFinding]) throws(CatalogError) -> SliceVerdict {
    try verdict(
      Statements.scanReject, of: claim.slice.scan,
      claim.fence + [.text(findings.rejection), try Self.json(findings)])
  }

  /// What an event of a scan says of findings: `{"failures": [{"check": …, "message": …, "advice": …}], "warnings": […]}`.
  private static func json(_ findings: [PreflightFinding]) throws(CatalogError) -> PostgresParameter {
    func described(_ findings: [PreflightFinding]) -> [[String: String]] {
      findings.map { ["check": $0.check.rawValue, "message": $0.message, "advice": $0.advice ?? ""] }
    }
    let detail = ["failures": described(findings.failures), "warnings": described(findings.warnings)]
    return try wrap { () throws(PostgresError) in .json(try Catalog.json(detail.filter { !$0.value.isEmpty })) }
  }
}

extension [PreflightFinding] {
  /// The message of a scan that they keep from beginning.
  public var rejection: String { "pre-flight failed: " + failures.map(\.line).joined(separator: "; ") }
}
