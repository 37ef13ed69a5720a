import Foundation
import TestSupport
import Testing

/// A rescan whose removals were applied: the catalogue is exactly the tree's again.
func expectExact(
  _ scan: ScanResult, added: Int64, updated: Int64 = 0, moved: Int64 = 0, removed: Int64, _ rescan: Rescan,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try expectExact(
    scan, added: added, updated: updated, moved: moved, TreeRows(of: rescan.tree.root, in: rescan.deployment),
    sourceLocation: sourceLocation)
  #expect(scan.filesRemoved == removed, sourceLocation: sourceLocation)
  #expect(try rescan.staged() == [], sourceLocation: sourceLocation)
  try rescan.deployment.expectNothingLeft(sourceLocation: sourceLocation)
}

/// A rescan that found 1,100 files missing of 2,100, and removed none.
private func expectHeld(_ scan: ScanResult, _ rescan: Rescan, sourceLocation: SourceLocation = #_sourceLocation) throws
{
  #expect(scan.status == "partial", sourceLocation: sourceLocation)
  #expect(scan.exitCode == 3, sourceLocation: sourceLocation)
  #expect(scan.filesRemoved == 0, sourceLocation: sourceLocation)
  #expect(scan.removalsHeld == 1_100, sourceLocation: sourceLocation)
  #expect(scan.filesSeen == 1_001, sourceLocation: sourceLocation)
  #expect(scan.message?.contains("rollcall confirm \(scan.id)`") == true, sourceLocation: sourceLocation)
  #expect(
    try rescan.deployment.database.query("SELECT 1 FROM catalog_files WHERE removed_at IS NOT NULL") == [],
    sourceLocation: sourceLocation)
  try rescan.deployment.expectNothingLeft(sourceLocation: sourceLocation)
}

extension EndToEnd {
  @Suite struct RemovalRescanTests {
    @Test func `deleting and renaming files leaves exactly what is there`() throws {
      let tree = try TestTree()
      for name in ["a", "b"] { try tree.directory(name) }
      for index in 0..<500 { try tree.file("a/\(index)") }
      for name in ["b/deleted", "b/renamed", "b/kept"] { try tree.file(name) }
      let rescan = try Rescan(tree)
      for index in stride(from: 0, to: 500, by: 7) { unlink(tree.path("a/\(index)")) }
      unlink(tree.path("b/deleted"))
      rename(tree.path("b/renamed"), tree.path("b/anew"))
      try expectExact(rescan.scan(), added: 0, moved: 1, removed: 73, rescan)

      // The next listing of what was unsettled settles it, and after that there is nothing to write.
      try expectExact(rescan.scan(), added: 0, removed: 0, rescan)
      try rescan.deployment.database.query("VACUUM ANALYZE")
      let settled = try rescan.state()
      try expectExact(rescan.scan(), added: 0, removed: 0, rescan)
      #expect(try rescan.state() == settled)
    }

    @Test func `files and directories that change places, and change back, leave exactly what is there`() throws {
      let tree = try TestTree()
      for name in ["d", "d/below"] { try tree.directory(name) }
      for name in ["d/1", "d/below/2", "f"] { try tree.file(name, bytes: 3) }
      let rescan = try Rescan(tree)
      let ids =
        "SELECT name, id FROM files WHERE first_scan = 1 UNION SELECT name, id FROM directories WHERE first_scan = 1 ORDER BY 1"
      let before = try rescan.deployment.database.query(ids)

      rename(tree.path("d"), tree.outside("d"))
      rename(tree.path("f"), tree.path("d"))
      try tree.directory("f")
      try tree.file("f/inside")
      try expectExact(rescan.scan(), added: 1, moved: 1, removed: 2, rescan)

      unlink(tree.path("f/inside"))
      rmdir(tree.path("f"))
      rename(tree.path("d"), tree.path("f"))
      rename(tree.outside("d"), tree.path("d"))
      // Rows live again with their ids.
      try expectExact(rescan.scan(), added: 2, moved: 1, removed: 1, rescan)
      #expect(try rescan.deployment.database.query(ids) == before)
    }

    @Test func `a directory that becomes a link takes all below it along`() throws {
      let tree = try TestTree()
      for name in ["d", "d/below"] { try tree.directory(name) }
      for name in ["d/1", "d/below/2", "kept"] { try tree.file(name) }
      let rescan = try Rescan(tree)
      rename(tree.path("d"), tree.outside("d"))
      try tree.symlink("d", to: tree.outside("d"))
      try expectExact(rescan.scan(), added: 1, removed: 2, rescan)
      unlink(tree.path("d"))
      try expectExact(rescan.scan(), added: 0, removed: 1, rescan)
    }

    @Test func `more removals than the limits let go are held, found again, and go when a limit is raised`() throws {
      let tree = try TestTree(inMemory: true)
      for name in ["d", "d/below", "kept"] { try tree.directory(name) }
      for index in 0..<600 { try tree.file("\(index)") }
      for index in 0..<500 { try tree.file("d/below/\(index)") }
      for index in 0..<1_000 { try tree.file("kept/\(index)") }
      let rescan = try Rescan(tree)
      for index in 0..<600 { unlink(tree.path("\(index)")) }
      try FileManager.default.removeItem(atPath: tree.path("d"))
      try tree.file("kept/new")

      let scan = try rescan.scan()
      try expectHeld(scan, rescan)
      #expect(scan.filesAdded == 1)
      let live = "SELECT count(*), count(*) FILTER (WHERE first_scan = 1) FROM catalog_files WHERE removed_at IS NULL"
      #expect(try rescan.deployment.database.query(live) == ["2101\t2100"])
      #expect(try rescan.staged().count == 601)

      // A new scan looks for itself.
      let next = try rescan.scan()
      try expectHeld(next, rescan)
      #expect(try rescan.staged().count == 601)
      let discarded =
        "SELECT detail->>'by_scan', detail->>'files' FROM scan_events WHERE event = 'removals_discarded' AND scan_id = \(scan.id)"
      #expect(try rescan.deployment.database.query(discarded) == ["\(next.id)\t1100"])

      try rescan.deployment.succeed(["library", "set", "x", "--removal-limit", "1100"])
      try expectExact(rescan.scan(), added: 0, removed: 1_100, rescan)
    }

    @Test func `a mount of random changes ends each time exactly as the tree is`() throws {
      var random = SeededRandom(seed: 4)
      let tree = try TestTree()
      var paths = ["x"]
      try tree.directory("x")
      let rescan = try Rescan(tree)
      for round in 0..<6 {
        for step in 0..<40 {
          let parent = paths[Int.random(in: 0..<paths.count, using: &random)]
          let name = "\(parent)/\(round)-\(step % 9)"
          switch Int.random(in: 0..<6, using: &random) {
          case 0: if mkdir(tree.path(name), 0o755) == 0 { paths.append(name) }
          case 1:
            try FileManager.default.removeAll(tree.path(name));
            paths.removeAll { $0 == name || $0.hasPrefix(name + "/") }
          case 2:
            rename(tree.path(name), tree.path("x/moved \(step)"))
            paths.removeAll { $0 == name || $0.hasPrefix(name + "/") }
          default: try? tree.file(name, bytes: step)
          }
        }
        let scan = try rescan.scan()
        #expect(scan.status == "completed")
        #expect(try TreeRows(of: tree.root, in: rescan.deployment).differences() == [], "round \(round)")
        #expect(scan.filesSeen == scan.filesAdded + scan.filesUpdated + scan.filesMoved + scan.filesUnchanged)
        #expect(try rescan.staged() == [])
      }
    }
  }
}

extension FileManager {
  /// Removes what is there, if anything is.
  fileprivate func removeAll(_ path: String) throws {
    if (try? attributesOfItem(atPath: path)) != nil { try removeItem(atPath: path) }
  }
}
