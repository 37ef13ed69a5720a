import PostgresClient
import ScanModel
import Testing

@testable import Catalog

/// Paths of changes, told from what was moved since, and by the same scan.
@Suite struct ChangedPathsTests {
  /// Four scans, of which the later ones move what the earlier ones have named: `a` into `b`, `x` out of it again and
  /// a file out of `x`, then `b`.
  private static func scans() throws -> FinalisingScan {
    let scan = try FinalisingScan()
    for (id, parent, name) in [(10, scan.root, "bb"), (11, 10, "a2"), (12, scan.root, "x3")] {
      try scan.connection.query(
        "INSERT INTO directories (library_id, id, parent_id, name) VALUES (1, $1, $2, convert_to($3, 'UTF8'))",
        [.int64(Int64(id)), .int64(parent), .text(name)])
    }
    try scan.connection.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan, changed_scan)
      VALUES (1, 12, \(scan.root), 'g', 'f', 0, 0, 0, 0, 0, 1, 3), (1, 13, 12, 'kept', 'f', 0, 0, 0, 0, 0, 1, 1)
      """)
    for change in [
      "2, 'u', 'f', 12, 12, 'f', NULL, NULL", "2, 'm', 'd', 11, 10, 'a2', \(scan.root), 'a'",
      "3, 'm', 'd', 12, \(scan.root), 'x3', 11, 'x'", "3, 'm', 'f', 12, \(scan.root), 'g', 12, 'f'",
      "4, 'm', 'd', 10, \(scan.root), 'bb', \(scan.root), 'b'", "4, 'r', 'f', 14, 11, 'gone', NULL, NULL",
    ] {
      try scan.connection.query(
        """
        INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name, from_directory_id, from_name)
        VALUES (1, \(change))
        """)
    }
    try scan.connection.query(
      """
      INSERT INTO scans (library_id, mode, status, requested_through, root_path, queue, max_parallel, rules, rules_version,
                         started_at, completed_at)
      SELECT library_id, mode, 'completed', requested_through, root_path, queue, max_parallel, rules, rules_version, now(), now()
        FROM scans, generate_series(2, 5)
      """)
    return scan
  }

  private static func changes(_ scan: Int64, _ database: TestDatabase) throws -> [String] {
    let catalog = database.catalog()
    var lines: [String] = []
    try catalog.eachChange(of: #require(try catalog.scan(ScanID(scan)))) { change in
      let path = String(decoding: change.path, as: UTF8.self)
      if case .moved(let from) = change.change {
        lines.append("\(change.kind) \(change.id): \(String(decoding: from, as: UTF8.self)) to \(path)")
      } else {
        lines.append("\(change.kind) \(change.id): \(path)")
      }
    }
    return lines
  }

  @Test func `each scan's changes have the paths of its own time, also after later moves`() throws {
    let database = try Self.scans().database
    #expect(try Self.changes(1, database) == ["file 12: a/x/f", "file 13: a/x/kept"])
    #expect(try Self.changes(2, database) == ["directory 11: a to b/a2", "file 12: b/a2/x/f"])
    #expect(try Self.changes(3, database) == ["directory 12: b/a2/x to x3", "file 12: b/a2/x/f to g"])
    #expect(try Self.changes(4, database) == ["directory 10: b to bb", "file 14: bb/a2/gone"])
    #expect(try Self.changes(5, database) == [])
  }

  @Test func `directories that changed places, and one that went into the other, are told from before to after`() throws
  {
    let scan = try Self.scans()
    // x3 to where bb was, and bb into it.
    try scan.connection.script(
      """
      UPDATE directories SET name = 'moving' WHERE id = 12;
      UPDATE directories SET parent_id = 12, name = 'inner' WHERE id = 10;
      UPDATE directories SET name = 'bb' WHERE id = 12;
      INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name, from_directory_id, from_name)
      VALUES (1, 5, 'm', 'd', 12, \(scan.root), 'bb', \(scan.root), 'x3'), (1, 5, 'm', 'd', 10, 12, 'inner', \(scan.root), 'bb');
      """)
    #expect(try Self.changes(5, scan.database) == ["directory 10: bb to bb/inner", "directory 12: x3 to bb"])
    #expect(try Self.changes(4, scan.database) == ["directory 10: b to bb", "file 14: bb/a2/gone"])
    #expect(try Self.changes(1, scan.database) == ["file 12: a/x/f", "file 13: a/x/kept"])
  }

  @Test func `what moved has a place that it came from, and nothing else has; ids of both sorts may be the same`()
    throws
  {
    let scan = try Self.scans()
    for change in [
      "5, 'u', 'f', 1, 1, 'n', 1, 'n'", "5, 'm', 'f', 1, 1, 'n', 1, NULL", "5, 'u', 'd', 1, 1, 'n', NULL, NULL",
    ] {
      #expect(throws: PostgresError.self, "\(change)") {
        try scan.connection.query(
          """
          INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name, from_directory_id, from_name)
          VALUES (1, \(change))
          """)
      }
    }
  }
}
