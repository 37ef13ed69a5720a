import TestSupport
import Testing

extension EndToEnd {
  /// A catalogue that somebody has written to, beside a tree that is as it was.
  @Suite struct TamperedRowsTests {
    struct Tampering: CustomTestStringConvertible {
      let sql: String
      let differences: [String]
      var testDescription: String { sql }
    }

    /// The signature of a directory whose rows do not hold what it stands for: no scan would mend them.
    private static let vouching = "changed directory d signature"

    private static let ofFiles = [
      ("size = 9", "file", "size"), ("mtime_ns = mtime_ns + 1", "file", "mtime_ns"),
      ("ctime_ns = ctime_ns - 1", "file", "ctime_ns"), ("btime_ns = 7", "file", "btime_ns"),
      ("inode = inode + 1", "file", "inode"), ("mode = mode + 1", "file", "mode"), ("kind = 's'", "socket", "kind"),
    ].map { change, kind, column in
      Tampering(
        sql: "UPDATE files SET \(change) WHERE name = 'f'", differences: ["changed \(kind) d/f \(column)", vouching])
    }

    private static let ofDirectories = [
      ("inode = inode + 1", "inode"), ("mode = mode + 1", "mode"), ("mtime_ns = 1", "mtime_ns"),
      ("ctime_ns = 1", "ctime_ns"), ("btime_ns = 1", "btime_ns"), ("files = files + 1", "files"),
      ("bytes = bytes + 1", "bytes"), ("boundary = true", "boundary"), ("followed = true", "followed"),
      ("signature = substr(sha256('x'), 1, 16)", "signature"),
    ].map { change, column in
      Tampering(
        sql: "UPDATE directories SET \(change) WHERE name = 'd'", differences: ["changed directory d \(column)"])
    }

    private static let ofNames = [
      Tampering(
        sql: "UPDATE files SET removed_at = now() WHERE name = 'f'", differences: ["unknown file d/f", vouching]),
      Tampering(sql: "DELETE FROM files WHERE name = 'f'", differences: ["unknown file d/f", vouching]),
      Tampering(
        sql: "UPDATE files SET name = 'h' WHERE name = 'f'",
        differences: ["unknown file d/f", "missing file d/h", vouching]),
      Tampering(
        sql: "UPDATE directories SET removed_at = now() WHERE name = 'e'",
        differences: ["unknown directory d/e", vouching]),
      Tampering(
        sql: "UPDATE directories SET name = 'a' WHERE name = 'd'",
        differences: ["unknown directory d", "missing directory a 3", "changed directory  signature"]),
      // A row of each sort under one name: the file's is the wrong one.
      Tampering(
        sql: "UPDATE files SET name = 'e' WHERE name = 'g'",
        differences: ["unknown file d/g", "missing file d/e", vouching]),
    ]

    @Test func `each column and row that is not as the tree has it is told, and nothing else`() throws {
      let tree = try TestTree()
      for name in ["d", "d/e", "z"] { try tree.directory(name) }
      for name in ["d/f", "d/g", "d/e/1", "z/1"] { try tree.file(name, bytes: 3) }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      try deployment.database.query(
        "CREATE TABLE kept AS TABLE files; CREATE TABLE kept_directories AS TABLE directories")
      for tampering in Self.ofFiles + Self.ofDirectories + Self.ofNames {
        try deployment.expectEqual()
        try deployment.database.query(tampering.sql)
        try deployment.expectDifferences(tampering.differences, of: tampering.sql)
        try deployment.database.query(
          """
          DELETE FROM files; INSERT INTO files TABLE kept;
          DELETE FROM directories; INSERT INTO directories TABLE kept_directories
          """)
      }
      #expect(worker.isRunning)
    }
  }
}
