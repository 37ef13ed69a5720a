import PostgresClient
import ScanModel

/// The catalogue as the reaper sees it. The reaper's thread owns it.
public final class PostgresRepairCatalog: RepairCatalog {
  private let catalog: Catalog

  public init(catalog: Catalog) { self.catalog = catalog }

  public func queues() throws(CatalogError) -> [String] {
    try catalog.ping()
    let rows = try catalog.execute(Statements.repairQueues)
    return try wrap { () throws(PostgresError) in try rows.map { (row) throws(PostgresError) in try row.text(0) } }
  }

  public func openSlices(after: SliceID?, limit: Int) throws(CatalogError) -> [OpenSlice] {
    let rows = try catalog.execute(
      Statements.repairOpenSlices,
      [.int64(after?.scan.rawValue ?? 0), .int32(after?.number ?? 0), .int64(Int64(limit))])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in
        OpenSlice(
          slice: try slice(row), queue: try row.text(2), state: try decode(try row.text(3)), epoch: try row.int32(4))
      }
    }
  }

  public func repair(_ lost: [LostPointer], by actor: String) throws(CatalogError) -> [SliceID] {
    let slices = lost.map(\.slice)
    let rows = try catalog.execute(
      Statements.repairPointers,
      [
        .int64Array(slices.map(\.slice.scan.rawValue)), .int32Array(slices.map(\.slice.number)),
        .int32Array(slices.map(\.epoch)), .textArray(slices.map(\.state.rawValue)),
        .int64Array(lost.map { Int64($0.age / .milliseconds(1)) }), .text(actor),
      ])
    return try wrap { () throws(PostgresError) in try rows.map { (row) throws(PostgresError) in try slice(row) } }
  }

  public func scansAdrift(after: ScanID?, limit: Int) throws(CatalogError) -> [ScanID] {
    let rows = try catalog.execute(
      Statements.repairScansAdrift, [.int64(after?.rawValue ?? 0), .int64(Int64(limit))])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in ScanID(try row.int64(0)) }
    }
  }

  public func mend(_ scan: ScanID, by actor: String) throws(CatalogError) -> [ScanRepair] {
    let rows = try catalog.execute(Statements.repairScan, [.int64(scan.rawValue), .text(actor)])
    return try wrap { () throws(PostgresError) in
      try rows.map { (row) throws(PostgresError) in
        let number = try row.optionalInt64(1).map { Int32(truncatingIfNeeded: $0) }
        return ScanRepair(
          kind: try decode(try row.text(0)), slice: number.map { SliceID(scan: scan, number: $0) },
          queue: try row.text(2))
      }
    }
  }

  public func dropLeftSlices(limit: Int, by actor: String) throws(CatalogError) -> [ScanID: Int64] {
    let rows = try catalog.execute(Statements.repairSlicesLeft, [.text(actor), .int64(Int64(limit))])
    _ = try catalog.execute(Statements.repairStagedLeft)
    return try wrap { () throws(PostgresError) in
      var counts: [ScanID: Int64] = [:]
      for row in rows { counts[ScanID(try row.int64(0))] = try row.int64(1) }
      return counts
    }
  }

  public func record(_ returned: [ReturnedSlice], by actor: String) throws(CatalogError) {
    _ = try catalog.execute(
      Statements.repairReturned,
      [
        .text(actor), .int64Array(returned.map(\.slice.scan.rawValue)), .int32Array(returned.map(\.slice.number)),
        .textArray(returned.map(\.slot.worker.description)), .int32Array(returned.map { Int32($0.slot.index) }),
        .textArray(returned.map(\.reason)),
      ])
  }

  private func slice(_ row: PostgresRow) throws(PostgresError) -> SliceID {
    SliceID(scan: ScanID(try row.int64(0)), number: try row.int32(1))
  }
}
