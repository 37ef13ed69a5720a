import PostgresClient
import ScanModel

@testable import Catalog

struct PostgresFixture: CatalogFixture {
  let database: TestDatabase

  init() throws { database = try TestDatabase() }

  func addLibrary(_ name: String, rootPath: String, rules: LibraryRules) throws -> LibraryID {
    try database.catalog().addLibrary(name: name, rootPath: rootPath, rules: rules)
  }

  func closeLibrary(_ library: LibraryID) throws {
    _ = try database.catalog().execute(Statements.libraryClose, [.int64(library.rawValue)])
  }

  func slotCatalog(_ slot: SlotID, host: String, maxAttempts: Int) throws -> any WalkingCatalog {
    PostgresSlotCatalog(catalog: database.catalog(), slot: slot, host: host, maxAttempts: maxAttempts)
  }

  func repairCatalog() -> any RepairCatalog { PostgresRepairCatalog(catalog: database.catalog()) }

  func disturb(_ slice: SliceID, to state: SliceState) throws {
    try database.connection().query(
      """
      UPDATE slices SET state = $3, claim = CASE WHEN $3 IN ('running', 'done') THEN coalesce(claim, gen_random_uuid()) END,
                        worker = CASE WHEN $3 IN ('running', 'done') THEN coalesce(worker, 'w/0') END
       WHERE scan_id = $1 AND number = $2
      """, [.int64(slice.scan.rawValue), .int32(slice.number), .text(state.rawValue)])
  }

  func loseSlices(of scan: ScanID) throws {
    try change(scan, "DELETE FROM slices WHERE scan_id = $1")
  }

  func pause(_ scan: ScanID) throws {
    try change(scan, "UPDATE scans SET status = 'paused' WHERE id = $1 AND status IN ('pending', 'running')")
  }

  func resume(_ scan: ScanID) throws {
    try change(
      scan,
      """
      UPDATE scans SET status = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END
       WHERE id = $1 AND status = 'paused'
      """)
    try change(scan, "SELECT promote_slices($1)")
  }

  func cancel(_ scan: ScanID) throws {
    try change(scan, "SELECT cancel_scan(library_id, 'somebody', 'cli') FROM scans WHERE id = $1")
  }

  func scan(_ id: ScanID) throws -> ScanRecord? { try database.catalog().scan(id) }

  func slices(of scan: ScanID) throws -> [SliceFacts] {
    let rows = try database.connection().query(
      """
      SELECT number, kind, state, epoch, attempts, worker, cardinality(frontier) FROM slices
       WHERE scan_id = $1 ORDER BY number
      """, [.int64(scan.rawValue)])
    return try rows.map { row in
      SliceFacts(
        number: try row.int32(0), kind: try decode(try row.text(1)), state: try decode(try row.text(2)),
        epoch: try row.int32(3), attempts: Int(try row.int32(4)), worker: try row.optionalText(5),
        directories: Int(try row.int32(6)))
    }
  }

  func shares(of scan: ScanID) throws -> [String: [Int64]] {
    let rows = try database.connection().query(
      "SELECT worker, slices, entries FROM scan_shares WHERE scan_id = $1", [.int64(scan.rawValue)])
    return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.text(0), [try $0.int64(1), try $0.int64(2)]) })
  }

  private func change(_ scan: ScanID, _ sql: String) throws {
    try database.connection().query(sql, [.int64(scan.rawValue)])
  }
}
