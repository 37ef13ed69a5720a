import PostgresClient

/// Every statement of the catalogue, each from the file of its name under `SQL/`.
enum Statements {
  static let admit = load("admit", PackageResources.admit_sql)
  static let directoriesVanished = load("directories_vanished", PackageResources.directories_vanished_sql)
  static let directoriesVisited = load("directories_visited", PackageResources.directories_visited_sql)
  static let directoryIDs = load("directory_ids", PackageResources.directory_ids_sql)
  static let errorsAdd = load("errors_add", PackageResources.errors_add_sql)
  static let fileIDs = load("file_ids", PackageResources.file_ids_sql)
  static let libraryAdd = load("library_add", PackageResources.library_add_sql)
  static let libraryClose = load("library_close", PackageResources.library_close_sql)
  static let libraryForget = load("library_forget", PackageResources.library_forget_sql)
  static let libraryList = load("library_list", PackageResources.library_list_sql)
  static let libraryPartitions = load("library_partitions", PackageResources.library_partitions_sql)
  static let migrationChecksum = load("migration_checksum", PackageResources.migration_checksum_sql)
  static let migrationLock = load("migration_lock", PackageResources.migration_lock_sql)
  static let migrationRecord = load("migration_record", PackageResources.migration_record_sql)
  static let migrationUnlock = load("migration_unlock", PackageResources.migration_unlock_sql)
  static let migrationsApplied = load("migrations_applied", PackageResources.migrations_applied_sql)
  static let scanByID = load("scan_by_id", PackageResources.scan_by_id_sql)
  static let scanEnd = load("scan_end", PackageResources.scan_end_sql)
  static let scanErrors = load("scan_errors", PackageResources.scan_errors_sql)
  static let scanHistory = load("scan_history", PackageResources.scan_history_sql)
  static let scanOfLibrary = load("scan_of_library", PackageResources.scan_of_library_sql)
  static let scanWorkers = load("scan_workers", PackageResources.scan_workers_sql)
  static let scansCurrent = load("scans_current", PackageResources.scans_current_sql)
  static let schemaVersion = load("schema_version", PackageResources.schema_version_sql)
  static let sliceClaim = load("slice_claim", PackageResources.slice_claim_sql)
  static let sliceFailed = load("slice_failed", PackageResources.slice_failed_sql)
  static let sliceFence = load("slice_fence", PackageResources.slice_fence_sql)
  static let sliceFrontier = load("slice_frontier", PackageResources.slice_frontier_sql)
  static let sliceInspect = load("slice_inspect", PackageResources.slice_inspect_sql)
  static let sliceRefused = load("slice_refused", PackageResources.slice_refused_sql)
  static let sliceRelease = load("slice_release", PackageResources.slice_release_sql)
  static let sliceSettle = load("slice_settle", PackageResources.slice_settle_sql)
  static let slicesDrop = load("slices_drop", PackageResources.slices_drop_sql)
  static let slicesQueued = load("slices_queued", PackageResources.slices_queued_sql)

  private static func load(_ name: String, _ file: [UInt8]) -> PostgresStatement {
    PostgresStatement(name: name, sql: String(decoding: file, as: UTF8.self))
  }
}
