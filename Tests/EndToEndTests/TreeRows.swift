import TestSupport
import Testing

/// An independent listing of a tree as a table beside the catalogue, in the library's own database.
struct TreeRows {
  private let database: TestDatabase

  /// - Parameters: those of `IndependentListing`.
  init(
    of root: String, in deployment: TestDeployment, oneFilesystem: Bool = false, wrapper: [String] = []
  ) throws {
    database = deployment.database
    let rows = try IndependentListing.copyText(of: root, oneFilesystem: oneFilesystem, wrapper: wrapper)
    let head =
      "DROP TABLE IF EXISTS listing; CREATE TABLE listing (\(IndependentListing.columns));\nCOPY listing FROM STDIN;\n"
    try database.query(script: Array(head.utf8) + rows + Array("\\.\n".utf8))
  }

  var files: Int64 { get throws { try number("SELECT count(*) FROM listing WHERE kind <> 'directory'") } }
  var directories: Int64 { get throws { try number("SELECT count(*) FROM listing WHERE files IS NOT NULL") } }
  var bytes: Int64 { get throws { try number("SELECT coalesce(sum(size), 0) FROM listing WHERE kind <> 'directory'") } }

  /// What tells the catalogue of the library `x` from the listing: at most ten lines, none if they are equal.
  func differences() throws -> [String] {
    try fileDifferences()
      + Self.difference(
        of: "SELECT path, inode, files, bytes FROM", "catalog_directories WHERE library = 'x' AND removed_at IS NULL",
        "listing WHERE kind = 'directory'", in: database)
  }

  /// Scans whose changes, as rows of their own or as files that are theirs, are not as many as they have counted.
  func miscounted() throws -> [String] {
    try database.query(
      """
      SELECT 'scan ' || s.id, s.files_added, c.added, s.files_updated, c.updated, s.files_moved, c.moved, s.files_removed,
             c.removed
        FROM scans s CROSS JOIN LATERAL (
          SELECT (SELECT count(*) FROM files f WHERE f.library_id = s.library_id AND f.first_scan = s.id)
                   + count(*) FILTER (WHERE change = 'a') AS added,
                 count(*) FILTER (WHERE change = 'u') AS updated,
                 count(*) FILTER (WHERE change = 'm' AND kind <> 'd') AS moved, count(*) FILTER (WHERE change IN ('r', 'x')) AS removed
            FROM scan_changes c WHERE c.library_id = s.library_id AND c.scan_id = s.id) c
       WHERE (s.files_added, s.files_updated, s.files_moved, s.files_removed) <> (c.added, c.updated, c.moved, c.removed)
      """)
  }

  /// What `differences` tells of files.
  func fileDifferences() throws -> [String] {
    try Self.difference(
      of: "SELECT path, kind, size, mtime_ns, ctime_ns, inode, mode FROM",
      "catalog_files WHERE library = 'x' AND removed_at IS NULL", "listing WHERE kind <> 'directory'", in: database)
  }

  private static func difference(
    of columns: String, _ catalogue: String, _ listing: String, in database: TestDatabase
  ) throws -> [String] {
    try database.query(
      """
      WITH c AS MATERIALIZED (\(columns) \(catalogue)), l AS MATERIALIZED (\(columns) \(listing))
      (SELECT 'only in the catalogue', * FROM (TABLE c EXCEPT ALL TABLE l) a LIMIT 5)
      UNION ALL (SELECT 'only in the tree', * FROM (TABLE l EXCEPT ALL TABLE c) b LIMIT 5)
      """)
  }

  private func number(_ sql: String) throws -> Int64 { try #require(Int64(try database.query(sql)[0])) }
}

/// A scan that has ended `completed` with a catalogue and counters that are exactly the tree's.
func expectExact(_ scan: ScanResult, _ rows: TreeRows, sourceLocation: SourceLocation = #_sourceLocation) throws {
  #expect(scan.status == "completed", sourceLocation: sourceLocation)
  #expect(scan.exitCode == 0, sourceLocation: sourceLocation)
  #expect(try rows.differences() == [], sourceLocation: sourceLocation)
  #expect(scan.filesSeen == (try rows.files), sourceLocation: sourceLocation)
  #expect(scan.filesAdded == scan.filesSeen, sourceLocation: sourceLocation)
  #expect(scan.directoriesSeen == (try rows.directories), sourceLocation: sourceLocation)
  #expect(scan.bytesSeen == (try rows.bytes), sourceLocation: sourceLocation)
  #expect(scan.errorsCount == 0, sourceLocation: sourceLocation)
  #expect(try rows.miscounted() == [], sourceLocation: sourceLocation)
}

extension TestDeployment {
  /// The keys of this deployment; an empty list has none.
  func keys() throws -> [String] {
    let stem = key("")
    return try redis(["--scan", "--pattern", "\(prefix):*"]).split(separator: "\n").map {
      $0.hasPrefix(stem) ? String($0.dropFirst(stem.count)) : String($0)
    }
  }

  /// No lock, in-flight entry, queue entry or slice outlives a scan (a slot finishes its job just after
  /// it has ended the scan).
  func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) throws {
    var left: [String] = []
    do {
      try eventually("nothing is left", within: .seconds(60)) {
        left = try keys().filter { $0 != "dead" && !$0.hasPrefix("worker") && !$0.hasPrefix("reaper:") }
        return left.isEmpty
      }
    } catch is NotInTime {
      Issue.record("left in Redis: \(left)", sourceLocation: sourceLocation)
    }
    #expect(try database.query("SELECT * FROM slices") == [], sourceLocation: sourceLocation)
    #expect(
      try database.query("SELECT id, open_slices FROM scans WHERE open_slices <> 0") == [],
      sourceLocation: sourceLocation)
  }
}
