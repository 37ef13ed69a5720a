import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// What is claimed and cannot be read: a row that no release of this program wrote.
@Suite struct ClaimFailureTests {
  @Test func `a slice that cannot be read counts its attempts, and at the last its scan fails`() throws {
    let fixture = try PostgresFixture()
    let scan = try fixture.admitScan(maxParallel: 4)
    let connection = fixture.database.connection()
    try connection.query("UPDATE scans SET rules = '[]'")
    let slot = try fixture.slotCatalog(SlotID(worker: WorkerID(name: "w"), index: 0), host: "h", maxAttempts: 3)
    let slice = SliceID(scan: scan, number: 1)
    for attempt: Int64 in 1...3 {
      guard case .open(let epoch, _, _, _) = try slot.standing(of: slice) else { throw Closed() }
      #expect(failure { () throws(CatalogError) in try slot.claim(slice, epoch: epoch, as: ClaimID()) } != nil)
      let failed = try connection.number("SELECT count(*) FROM scan_events WHERE event = 'slice_failed'")
      #expect(failed == attempt)
    }
    #expect(try slot.standing(of: slice) == .ended)
    let record = try connection.texts("SELECT status || ': ' || error_message FROM scans")
    #expect(record.count == 1 && record[0].hasPrefix("failed: rules cannot be read"), "\(record)")
    #expect(try connection.number("SELECT count(*) FROM slices") == 0)
  }

  private struct Closed: Error {}
}
