import Foundation

/// A Postgres with a tablespace on a small file system of its own, which it mounts in a name space of its own.
public final class SmallPostgres {
  public let postgres: PrivatePostgres

  /// `nil` where mounting is not permitted, which is told.
  ///
  /// - Parameter mebibytes: the size of the file system.
  public init?(mebibytes: Int = 64) throws {
    let trial = try ChildProcess(["unshare", "--mount", "mount", "-t", "tmpfs", "rollcall-test", "/mnt"])
    guard try trial.wait().code == 0 else {
      print("NOT RUN: a Postgres whose disk is full, as mounting is not permitted here")
      return nil
    }
    postgres = try PrivatePostgres { directory in
      let script = """
        mkdir "$0/small" && mount -t tmpfs -o size=\(mebibytes)m rollcall-test "$0/small" && chown postgres: "$0/small" \
        && exec "$@"
        """
      return ["unshare", "--mount", "sh", "-ec", script, directory]
    }
    try postgres.waitUntilReady()
    try administer("CREATE TABLESPACE small LOCATION '\(postgres.path)/small'")
  }

  /// Moves a database, to which nobody is connected, there.
  public func move(_ database: String) throws { try administer("ALTER DATABASE \(database) SET TABLESPACE small") }

  /// Fills the tablespace with a table `filler` of the database, but for so many MiB or somewhat less.
  public func fill(_ database: TestDatabase, leaving mebibytes: Int) throws {
    // A page a row; it ends where there is no more room.
    let page = "SELECT repeat('0 ', 2000)::oidvector AS filler FROM generate_series(1, 8)"
    try database.query(
      """
      CREATE TABLE IF NOT EXISTS filler AS \(page); CREATE TABLE slack AS
      SELECT repeat('0 ', 2000)::oidvector AS filler FROM generate_series(1, \(mebibytes * 128));
      DO $$ BEGIN
        LOOP
          BEGIN INSERT INTO filler \(page); EXCEPTION WHEN disk_full THEN EXIT; END;
        END LOOP;
      END $$;
      DROP TABLE slack;
      """)
  }

  private func administer(_ sql: String) throws {
    try run(["psql", "--dbname=\(postgres.conninfo)", "--set=ON_ERROR_STOP=1", "--command=\(sql)"])
  }
}
