import PostgresClient

/// The schema's history: forward-only, one transaction each, checksummed, one migrator at a time.
/// A migration that has been released is never edited; the next one mends it.
enum Migrations {
  /// Version n is the n-th from 1.
  static let all: [[UInt8]] = [
    PackageResources.migration_0001_tables_sql,
    PackageResources.migration_0002_views_sql,
    PackageResources.migration_0003_libraries_sql,
    PackageResources.migration_0004_admission_sql,
    PackageResources.migration_0005_slices_sql,
    PackageResources.migration_0006_rescans_sql,
    PackageResources.migration_0007_removals_sql,
    PackageResources.migration_0008_takeover_sql,
    PackageResources.migration_0009_repairs_sql,
    PackageResources.migration_0010_exclusions_sql,
    PackageResources.migration_0011_kept_look_sql,
    PackageResources.migration_0012_judging_sql,
    PackageResources.migration_0013_followed_links_sql,
    PackageResources.migration_0014_bounds_sql,
    PackageResources.migration_0015_errors_sql,
    PackageResources.migration_0016_layouts_sql,
    PackageResources.migration_0017_mounts_sql,
    PackageResources.migration_0018_settling_sql,
    PackageResources.migration_0019_rewalk_sql,
    PackageResources.migration_0020_moves_sql,
    PackageResources.migration_0021_moved_files_sql,
    PackageResources.migration_0022_preflight_sql,
  ]
}

/// What a migration run did.
public struct MigrationReport: Sendable, Equatable {
  /// Versions that this run applied; empty where the schema was up to date.
  public let applied: [Int]
  public let version: Int
}

extension Catalog {
  /// Brings the schema up to date. Safe to run from several hosts at once and to repeat.
  public func migrate() throws(CatalogError) -> MigrationReport {
    try wrap { () throws(PostgresError) in
      try connection.connect()
      _ = try connection.execute(Statements.migrationLock)
    }
    // The lock goes with the session at the latest: a connection that was lost holds none.
    defer { _ = try? connection.execute(Statements.migrationUnlock) }
    let done = try verifiedVersion()
    var applied: [Int] = []
    for version in (done + 1)..<(max(done, Migrations.all.count) + 1) {
      try wrap { () throws(PostgresError) in try apply(version) }
      logger.info("applied migration", metadata: ["version": "\(version)"])
      applied.append(version)
    }
    return MigrationReport(applied: applied, version: Migrations.all.count)
  }

  /// The version that the database has, after comparing each applied migration with this program's.
  private func verifiedVersion() throws(CatalogError) -> Int {
    let rows: PostgresRows
    do {
      rows = try connection.execute(Statements.migrationsApplied)
    } catch let error where error.sqlState == SQLState.undefinedTable {
      try wrap { () throws(PostgresError) in
        try connection.script(String(decoding: PackageResources.migration_table_sql, as: UTF8.self))
      }
      return 0
    } catch {
      throw .postgres(error)
    }
    for row in rows {
      let (version, checksum) = try wrap { () throws(PostgresError) in (Int(try row.int32(0)), try row.text(1)) }
      guard version <= Migrations.all.count else { throw .schemaNewer(found: version, known: Migrations.all.count) }
      let ours = try wrap { () throws(PostgresError) in try self.checksum(version) }
      guard ours == checksum else { throw .migrationChanged(version: version) }
    }
    return rows.count
  }

  private func apply(_ version: Int) throws(PostgresError) {
    let checksum = try checksum(version)
    try connection.transaction { () throws(PostgresError) in
      try connection.script(String(decoding: Migrations.all[version - 1], as: UTF8.self))
      _ = try connection.execute(Statements.migrationRecord, [.int32(Int32(version)), .text(checksum)])
    }
  }

  private func checksum(_ version: Int) throws(PostgresError) -> String {
    try connection.execute(Statements.migrationChecksum, [.bytes(Migrations.all[version - 1])])[0].text(0)
  }
}
