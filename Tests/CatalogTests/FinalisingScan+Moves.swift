import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// Files whose rows the test makes, each with an inode of its own.
extension FinalisingScan {
  /// - Parameters:
  ///   - inode: as the row has it by now.
  ///   - before: the inode that was under this name before the scan, where it was another.
  ///   - isNew: the scan has added it.
  func file(
    _ name: String, in directory: Int64? = nil, inode: Int64, before: Int64? = nil, isNew: Bool = false
  ) throws -> Int64 {
    let id = try files(1, in: directory ?? root)[0]
    let place: [PostgresParameter] = [.int64(id), .int64(directory ?? root), .text(name), .int64(inode)]
    try connection.query(
      "UPDATE files SET name = convert_to($3, 'UTF8'), inode = $4, size = $4 WHERE id = $1 AND directory_id = $2", place
    )
    if isNew { try connection.query("UPDATE files SET first_scan = 1 WHERE id = $1", [.int64(id)]) }
    if isNew || before != nil {
      try connection.query(
        "INSERT INTO found_identities (library_id, file_id, directory_id, name, inode, scan_id) VALUES (1, $1, $2, convert_to($3, 'UTF8'), $4, 1)",
        place)
    }
    if let before {
      try connection.query(
        """
        INSERT INTO lost_identities (library_id, file_id, directory_id, name, kind, size, mtime_ns, inode, scan_id)
        SELECT 1, id, directory_id, name, kind, $2, mtime_ns, $2, 1 FROM files WHERE id = $1
        """, [.int64(id), .int64(before)])
      try connection.query(
        """
        INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
        SELECT 1, 1, 'u', kind, id, directory_id, name FROM files WHERE id = $1
        """, [.int64(id)])
    }
    let column = isNew ? "files_added" : before == nil ? "files_unchanged" : "files_updated"
    try connection.query("UPDATE scans SET files_seen = files_seen + 1, \(column) = \(column) + 1")
    return id
  }

  /// The row is missing: staged, and not seen.
  func miss(_ id: Int64) throws {
    try stage(files: [id])
    try connection.query("UPDATE scans SET files_seen = files_seen - 1, files_unchanged = files_unchanged - 1")
  }

  /// So many files in a ring, each of which has gone to the next one's name; their ids, in the order of the names that
  /// they had.
  func ring(_ count: Int64) throws -> [Int64] {
    try (0..<count).map { try file("ring \($0)", inode: 100 + ($0 + count - 1) % count, before: 100 + $0) }
  }

  func moveAll(limit: Int32) throws -> [Int64] {
    var files: [Int64] = []
    while true {
      let batch = try catalog.applyMoves(claim, limit: limit)
      files.append(batch.files)
      guard batch.isLeft else { return files }
    }
  }

  /// Live files, as name, id and inode.
  var rows: [String] {
    get throws {
      try connection.query(
        "SELECT convert_from(name, 'UTF8') || ' ' || id || ' ' || inode FROM files WHERE removed_at IS NULL ORDER BY name"
      ).map { row throws(PostgresError) in try row.text(0) }
    }
  }

  /// As added, updated, moved, unchanged and removed; they must sum up to what was seen.
  var counters: [Int64] {
    get throws {
      let row = try connection.query(
        "SELECT files_added, files_updated, files_moved, files_unchanged, files_removed, files_seen FROM scans")[0]
      let counters = try (0..<6).map { column throws(PostgresError) in try row.int64(column) }
      #expect(counters[0..<4].reduce(0, +) == counters[5])
      return Array(counters[0..<5])
    }
  }
}
