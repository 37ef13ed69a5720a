import Foundation
import TestSupport
import Testing

/// A library's rows go with its partitions, however many they are.
@Suite struct LargeLibraryTests {
  @Test func `a library of a million files is removed in the time that its partitions take to drop`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "large", "/usr/share/doc"])
    try deployment.succeed(["library", "add", "other", "/usr/bin"])
    try deployment.database.query(
      """
      SET synchronous_commit = off;
      INSERT INTO directories_1 (library_id, id, parent_id, name, files, bytes)
      SELECT 1, 1000000 + n, (SELECT root_directory FROM libraries WHERE id = 1), convert_to('d' || n, 'UTF8'), 100, 0
        FROM generate_series(1, 10000) n;
      INSERT INTO files_1 (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                           changed_scan)
      SELECT 1, n, 1000000 + n / 100, convert_to('file-' || n, 'UTF8'), 'f', n, n, n, n, 33188, 1, 1
        FROM generate_series(1, 1000000) n;
      """)
    #expect(try deployment.database.query("SELECT count(*) FROM files") == ["1000000"])
    let begin = ContinuousClock.now
    try deployment.succeed(["library", "remove", "large", "--yes"])
    let took = ContinuousClock.now - begin
    print("a library of a million files was removed within \(took)")
    #expect(
      try deployment.database.query(
        "SELECT tup_deleted < 10000 FROM pg_stat_database WHERE datname = current_database()")
        == ["t"])
    #expect(try deployment.database.query("SELECT count(*) FROM files") == ["0"])
    #expect(
      try deployment.database.query("SELECT to_regclass('files_1') IS NULL, to_regclass('files_2') IS NOT NULL") == [
        "t\tt"
      ])
    #expect(try deployment.succeed(["library", "add", "large", "/usr/share/doc"]).contains("Added"))
  }
}
