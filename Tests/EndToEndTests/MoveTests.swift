import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Directories that moved, told by the released program.
  @Suite struct MoveTests {
    private static func ids(_ rescan: Rescan) throws -> [String] {
      try rescan.deployment.database.query(
        """
        SELECT 'f', id, inode FROM catalog_files WHERE removed_at IS NULL
        UNION ALL SELECT 'd', id, inode FROM catalog_directories WHERE removed_at IS NULL ORDER BY 1, 2
        """)
    }

    /// Tuples that were written: of files; of directories, added or removed, and updated.
    private static func written(_ rescan: Rescan) throws -> [Int] {
      try rescan.deployment.database.query(
        """
        SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FILTER (WHERE relname ~ '^files_'),
               sum(n_tup_ins + n_tup_del) FILTER (WHERE relname ~ '^directories_'),
               sum(n_tup_upd) FILTER (WHERE relname ~ '^directories_')
          FROM pg_stat_user_tables
        """)[0].split(separator: "\t").compactMap { Int($0) }
    }

    @Test func `a renamed directory of very many files is one row, and no file is written`() throws {
      let tree = try TestTree(inMemory: true)
      for name in ["large", "large/below", "other"] { try tree.directory(name) }
      for index in 0..<20_000 { try tree.file("large/\(index % 2 == 0 ? "" : "below/")\(index)") }
      let rescan = try Rescan(tree)
      let ids = try Self.ids(rescan)
      let before = try Self.written(rescan)
      rename(tree.path("large"), tree.path("other/renamed"))
      let scan = try rescan.scan()
      try expectExact(scan, added: 0, removed: 0, rescan)
      #expect(scan.filesUnchanged == 20_000)
      #expect(try Self.ids(rescan) == ids)
      let after = try Self.written(rescan)
      #expect(after[0] == before[0], "files")
      #expect(after[1] == before[1], "directories added or removed")
      // The directory itself, its place and its times; the two that it left and went to.
      #expect((1...5).contains(after[2] - before[2]), "\(after[2] - before[2]) updates of directories")
      let changed =
        "SELECT path_text || '/' FROM catalog_directories JOIN directories USING (id) WHERE changed_scan = 2 ORDER BY 1"
      #expect(try rescan.deployment.database.query(changed) == ["/", "other/", "other/renamed/"])

      let changes = try #require(
        try JSONSerialization.jsonObject(with: Data(rescan.deployment.succeed(["changes", "2", "--json"]).utf8))
          as? [[String: Any]])
      #expect(changes.map { $0["change"] as? String } == ["moved"])
      #expect(changes.map { $0["kind"] as? String } == ["directory"])
      #expect(changes.map { $0["from_path"] as? String } == ["large"])
      #expect(changes.map { $0["path"] as? String } == ["other/renamed"])
      #expect(
        try rescan.deployment.succeed(["changes", "2"])
          == "moved     directory  large -> other/renamed\nScan 2: 0 added, 0 updated, 0 removed, 1 directory moved.\n")
    }

    /// A directory that is deleted leaves its inode to the next one, on file systems such as ext4.
    @Test func `a directory that has the inode of a deleted one is not taken for it`() throws {
      let tree = try TestTree()
      for name in ["a", "b"] { try tree.directory(name) }
      for name in ["a/1", "b/2"] { try tree.file(name) }
      let rescan = try Rescan(tree)
      let id = "SELECT id FROM catalog_directories WHERE path_text = 'a'"
      let before = try rescan.deployment.database.query(id)
      unlink(tree.path("a/1"))
      rmdir(tree.path("a"))
      try tree.directory("c")
      try tree.file("c/3")
      try expectExact(rescan.scan(), added: 1, removed: 1, rescan)
      #expect(try rescan.deployment.database.query(id) == before, "its tombstone")
      #expect(try rescan.deployment.database.query("SELECT * FROM scan_changes WHERE change = 'm'") == [])
    }

    @Test func `directories that move while two workers scan a large tree keep their rows`() throws {
      let tree = try TestTree(inMemory: true)
      for parent in 0..<40 {
        try tree.directory("\(parent)")
        for child in 0..<50 {
          try tree.directory("\(parent)/\(child)")
          try tree.file("\(parent)/\(child)/file")
        }
      }
      let rescan = try Rescan(tree)
      let ids = try Self.ids(rescan)
      // All of them rotate, with what is in them; and the children of each go to the next.
      for child in 0..<50 {
        rename(tree.path("0/\(child)"), tree.outside("\(child)"))
        for parent in 1..<40 { rename(tree.path("\(parent)/\(child)"), tree.path("\(parent - 1)/\(child)")) }
        rename(tree.outside("\(child)"), tree.path("39/\(child)"))
      }
      rename(tree.path("0"), tree.outside("0"))
      for parent in 1..<40 { rename(tree.path("\(parent)"), tree.path("\(parent - 1)")) }
      rename(tree.outside("0"), tree.path("39"))
      let workers = try [rescan.deployment.worker(slots: 2), rescan.deployment.worker(slots: 2)]
      let scan = try rescan.deployment.scan()
      try expectExact(scan, added: 0, removed: 0, rescan)
      #expect(try Self.ids(rescan) == ids)
      #expect(
        try rescan.deployment.database.query("SELECT directories_moved FROM scans ORDER BY id DESC LIMIT 1") == ["2040"]
      )
      for worker in workers { #expect(worker.isRunning) }
    }

    @Test
    func `directories that move in the middle of a scan by two workers keep their rows, and so does what is in them`()
      throws
    {
      let tree = try TestTree(inMemory: true)
      for parent in 0..<60 {
        try tree.directory("tree \(parent)")
        for child in 0..<20 {
          try tree.directory("tree \(parent)/\(parent) \(child)")
          try tree.file("tree \(parent)/\(parent) \(child)/file \(parent) \(child)")
        }
      }
      let rescan = try Rescan(tree)
      let deployment = rescan.deployment
      let ids = try Self.ids(rescan)
      // So that what is walked is told by its row.
      for parent in 0..<60 { try tree.file("tree \(parent)/new") }
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "1000"])
      let workers = try [deployment.worker(slots: 2), deployment.worker(slots: 2)]
      try deployment.succeed(["scan", "x"])
      var (walked, other): ([String], [String]) = ([], [])
      try eventually("some of it is walked") {
        for worker in workers { worker.send(SIGSTOP) }
        walked = try deployment.database.query(
          """
          SELECT substr(convert_from(name, 'UTF8'), 6) FROM directories
           WHERE files IS NOT NULL AND changed_scan = (SELECT max(id) FROM scans) AND name LIKE 'tree %' ORDER BY name
          """)
        other = (0..<60).map { "\($0)" }.filter { !walked.contains($0) }
        if walked.count >= 3, other.count >= 3 { return true }
        for worker in workers { worker.send(SIGCONT) }
        return false
      }
      func move(_ from: String, _ to: String) { #expect(rename(tree.path(from), tree.path(to)) == 0) }
      for child in 0..<10 {
        move("tree \(walked[0])/\(walked[0]) \(child)", "tree \(other[0])/\(walked[0]) \(child)")
        move("tree \(other[0])/\(other[0]) \(child)", "tree \(walked[0])/\(other[0]) \(child)")
      }
      move("tree \(walked[1])", "tree \(other[1])/from walked")
      move("tree \(other[2])", "tree \(walked[2])/from other")
      for worker in workers { worker.send(SIGCONT) }

      let scan = try eventually("the scan ends", within: .seconds(120)) { () -> ScanResult? in
        let scan = try deployment.status()
        return scan.status == "running" || scan.status == "pending" ? nil : scan
      }
      #expect(scan.status == "completed")
      let rows = try TreeRows(of: tree.root, in: deployment)
      #expect(try rows.differences() == [])
      let after = Set(try Self.ids(rescan))
      #expect(ids.filter { !after.contains($0) } == [])
      #expect(after.count == ids.count + 60)
      #expect(scan.filesRemoved == 0)
      #expect(
        try deployment.database.query("SELECT directories_moved FROM scans ORDER BY id DESC LIMIT 1") == ["22"])
      for worker in workers { #expect(worker.isRunning) }
    }
  }
}
