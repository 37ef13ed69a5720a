import Foundation
import TestSupport
import Testing

/// A library that has been scanned once, and is scanned again.
struct Rescan {
  let tree: TestTree
  let deployment: TestDeployment
  let wrapper: [String]

  /// - Parameter wrapper: what the workers run in.
  init(_ tree: TestTree, wrapper: [String] = []) throws {
    self.tree = tree
    deployment = try TestDeployment()
    self.wrapper = wrapper
    try deployment.addLibrary(tree.root)
    #expect(try scan().status == "completed")
  }

  /// Scans with a worker that is gone afterwards, and with it what it had not told the statistics.
  func scan() throws -> ScanResult {
    let worker = try deployment.worker(wrapper: wrapper)
    let scan = try deployment.scan()
    worker.send(SIGTERM)
    #expect(try worker.wait().code == 0)
    try eventually("its sessions are over") {
      try deployment.database.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      ).isEmpty
    }
    return scan
  }

  /// Every tuple of the catalogue as it lies on disk, and what the server has counted of writes.
  func state() throws -> [String] {
    let tuples = ["files", "directories"].map {
      "SELECT '\($0)', count(*), md5(string_agg(ctid::text || xmin::text, ',' ORDER BY ctid)) FROM \($0)"
    }
    return try deployment.database.query(
      tuples.joined(separator: " UNION ALL ") + """
         UNION ALL SELECT relname, n_tup_ins + n_tup_upd + n_tup_del, pg_total_relation_size(relid)::text
          FROM pg_stat_user_tables WHERE relname ~ '^(files|directories)_' ORDER BY 1, 2
        """)
  }

  /// What the last scan has staged, as kind and name.
  func staged() throws -> [String] {
    try deployment.database.query(
      """
      SELECT kind::text || ' ' || convert_from(name, 'UTF8') FROM staged_removals
       WHERE scan_id = (SELECT max(id) FROM scans) ORDER BY 1
      """)
  }

  func change(_ path: String, to text: String) throws {
    let file = try #require(fopen(tree.path(path), "r+"))
    fputs(text, file)
    fclose(file)
  }
}

/// A rescan whose counters add up, and that leaves a catalogue which is exactly the tree's.
func expectExact(
  _ scan: ScanResult, added: Int64, updated: Int64, moved: Int64 = 0, _ rows: TreeRows,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(scan.status == "completed", sourceLocation: sourceLocation)
  #expect(try rows.differences() == [], sourceLocation: sourceLocation)
  #expect(scan.filesSeen == (try rows.files), sourceLocation: sourceLocation)
  #expect(scan.filesAdded == added, sourceLocation: sourceLocation)
  #expect(scan.filesUpdated == updated, sourceLocation: sourceLocation)
  #expect(scan.filesMoved == moved, sourceLocation: sourceLocation)
  #expect(scan.filesUnchanged == scan.filesSeen - added - updated - moved, sourceLocation: sourceLocation)
  #expect(scan.directoriesSeen == (try rows.directories), sourceLocation: sourceLocation)
  #expect(scan.bytesSeen == (try rows.bytes), sourceLocation: sourceLocation)
  #expect(scan.errorsCount == 0, sourceLocation: sourceLocation)
  #expect(try rows.miscounted() == [], sourceLocation: sourceLocation)
}

extension EndToEnd {
  @Suite struct RescanTests {
    @Test func `a rescan of what has not changed writes no row, and grows nothing`() throws {
      let tree = try TestTree()
      try tree.makeEveryShape(flat: 20_000)
      let rescan = try Rescan(tree)
      // Otherwise autovacuum might come in between.
      try rescan.deployment.database.query("VACUUM ANALYZE")
      let before = try rescan.state()
      for _ in 0..<2 {
        let scan = try rescan.scan()
        try expectExact(scan, added: 0, updated: 0, TreeRows(of: tree.root, in: rescan.deployment))
        #expect(try rescan.state() == before)
        #expect(try rescan.staged() == [])
      }
      try rescan.deployment.expectNothingLeft()
      #expect(
        try rescan.deployment.database.query(
          "SELECT count(*) FROM directories WHERE signature IS NULL OR signature_version <> (1 << 24) + 1") == ["0"])
    }

    @Test func `what is new and what has changed is found, however little it shows`() throws {
      let tree = try TestTree()
      for name in ["a", "a/b", "still", "empty"] { try tree.directory(name) }
      for name in ["a/edited", "a/restored", "a/chmod", "a/b/linked", "a/kept", "still/1", "still/2"] {
        try tree.file(name, bytes: 4)
      }
      try tree.symlink("a/link", to: "kept")
      let rescan = try Rescan(tree)
      let ids = "SELECT name, id FROM files WHERE first_scan = 1 ORDER BY 1"
      let before = try rescan.deployment.database.query(ids)

      try rescan.change("a/edited", to: "longer than before")
      var stamps = stat()
      lstat(tree.path("a/restored"), &stamps)
      try rescan.change("a/restored", to: "same")
      utimensat(AT_FDCWD, tree.path("a/restored"), [stamps.st_atim, stamps.st_mtim], 0)
      chmod(tree.path("a/chmod"), 0o600)
      try tree.hardLink("a/second name", to: "a/b/linked")
      unlink(tree.path("a/link"))
      try tree.symlink("a/link", to: "edited")
      for name in ["new", "new/deep"] { try tree.directory(name) }
      for name in ["empty/first", "new/deep/er", "a/b/new", "0", "~"] { try tree.file(name, bytes: 1) }
      chmod(tree.path("still"), 0o700)

      let scan = try rescan.scan()
      try expectExact(scan, added: 6, updated: 5, TreeRows(of: tree.root, in: rescan.deployment))
      #expect(try rescan.staged() == [])
      #expect(try rescan.deployment.database.query(ids) == before, "rows keep their ids")
      let changed = "SELECT count(*) FROM files WHERE changed_scan = \(scan.id)"
      #expect(try rescan.deployment.database.query(changed) == ["11"])

      let again = try rescan.state()
      try expectExact(rescan.scan(), added: 0, updated: 0, TreeRows(of: tree.root, in: rescan.deployment))
      #expect(try rescan.state() == again)
    }

    @Test func `what is missing becomes a tombstone, and with a directory all below it`() throws {
      let tree = try TestTree()
      for name in ["a", "swapped", "linked", "linked/below", "deleted", "deleted/below"] { try tree.directory(name) }
      for name in ["a/deleted", "a/renamed", "a/kept", "turned", "linked/below/f", "deleted/below/f", "swapped/f"] {
        try tree.file(name)
      }
      let rescan = try Rescan(tree)
      unlink(tree.path("a/deleted"))
      rename(tree.path("a/renamed"), tree.path("a/anew"))
      rename(tree.path("linked"), tree.outside("linked"))
      try tree.symlink("linked", to: tree.outside("linked"))
      rename(tree.path("deleted"), tree.outside("deleted"))
      rename(tree.path("swapped"), tree.outside("swapped"))
      try tree.file("swapped", bytes: 3)
      unlink(tree.path("turned"))
      try tree.directory("turned")
      try tree.file("turned/inside")

      let scan = try rescan.scan()
      try expectExact(scan, added: 3, moved: 1, removed: 5, rescan)
      let removed = """
        SELECT path_text FROM catalog_files WHERE removed_at IS NOT NULL AND changed_scan = \(scan.id)
        UNION ALL SELECT path_text || '/' FROM catalog_directories WHERE removed_at IS NOT NULL ORDER BY 1
        """
      #expect(
        try rescan.deployment.database.query(removed) == [
          "a/deleted", "deleted/", "deleted/below/", "deleted/below/f", "linked/", "linked/below/",
          "linked/below/f", "swapped/", "swapped/f", "turned",
        ])
      let unsettled =
        "SELECT path_text || '/' FROM catalog_directories c JOIN directories d USING (id) WHERE signature IS NULL"
      #expect(try Set(rescan.deployment.database.query(unsettled)).isSuperset(of: ["/", "a/"]))
    }

    @Test func `what comes back gets its rows and ids back, with a directory all below it`() throws {
      let tree = try TestTree()
      for name in ["d", "d/e"] { try tree.directory(name) }
      for name in ["f", "d/g", "d/e/h"] { try tree.file(name, bytes: 2) }
      let rescan = try Rescan(tree)
      let ids = "SELECT name, id FROM files UNION SELECT name, id FROM directories ORDER BY 1, 2"
      let before = try rescan.deployment.database.query(ids)
      try rescan.deployment.database.query(
        script: Array(
          """
          UPDATE files SET removed_at = now();
          UPDATE directories SET removed_at = now() WHERE parent_id IS NOT NULL;
          UPDATE directories SET signature = NULL, signature_version = NULL;
          """.utf8))
      let scan = try rescan.scan()
      try expectExact(scan, added: 3, updated: 0, TreeRows(of: tree.root, in: rescan.deployment))
      #expect(try rescan.deployment.database.query(ids) == before)
      let again = try rescan.state()
      try expectExact(rescan.scan(), added: 0, updated: 0, TreeRows(of: tree.root, in: rescan.deployment))
      #expect(try rescan.state() == again)
    }

    @Test func `a directory that cannot be read any more keeps all that is known of it`() throws {
      let tree = try TestTree()
      for name in ["locked", "locked/below", "half", "open"] { try tree.directory(name) }
      for name in ["locked/1", "locked/below/2", "half/3", "open/4"] { try tree.file(name) }
      let rescan = try Rescan(tree, wrapper: FailureTests.powerless)
      let rows = "SELECT path_text, id FROM catalog_files WHERE removed_at IS NULL ORDER BY 1"
      let before = try rescan.deployment.database.query(rows)
      chmod(tree.path("locked"), 0)
      chmod(tree.path("half"), 0o444)
      let scan = try rescan.scan()
      chmod(tree.path("half"), 0o755)
      chmod(tree.path("locked"), 0o755)
      #expect(scan.status == "partial")
      #expect(scan.filesSeen == 1)
      #expect(scan.filesUnchanged == 1)
      #expect(scan.errorsCount == 2)
      #expect(try rescan.staged() == [])
      #expect(try rescan.deployment.database.query(rows) == before)
      try expectExact(rescan.scan(), added: 0, updated: 0, TreeRows(of: tree.root, in: rescan.deployment))
    }

    @Test func `a few changes in a directory of very many files are found in bounded memory`() throws {
      let tree = try TestTree(inMemory: true)
      try tree.directory("flat")
      for index in 0..<100_000 { try tree.file("flat/\(index)") }
      let rescan = try Rescan(tree)
      try tree.file("flat/0new")
      try tree.file("flat/~new")
      try rescan.change("flat/5000", to: "x")
      try rescan.change("flat/99999", to: "x")
      unlink(tree.path("flat/31234"))
      let worker = try rescan.deployment.worker()
      let scan = try rescan.deployment.scan()
      #expect(try worker.peakResidentBytes() < 64 << 20)
      try expectExact(scan, added: 2, updated: 2, removed: 1, rescan)
    }
  }
}
