import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Moves beside removals, limits and scans that fail.
  @Suite struct ManyMovesTests {
    @Test func `more files than the removal limits let go may move`() throws {
      let scene = try MoveScene((0..<2_000).map { "a/\($0)" } + ["kept"], inMemory: true)
      let ids = try scene.ids()
      try scene.tree.directory("b")
      var expected = ids
      for index in 0..<1_800 {
        try scene.move("a/\(index)", to: "b/\(index)'")
        expected["b/\(index)'"] = expected.removeValue(forKey: "a/\(index)")
      }
      let scan = try scene.expectScan(ids: expected, changes: try moves(1_800).sorted())
      #expect(scan.filesMoved == 1_800)
      #expect(scan.removalsHeld == 0)
    }

    private func moves(_ count: Int) throws -> [String] { (0..<count).map { "moved a/\($0) -> b/\($0)'" } }

    @Test func `what has moved does so also where what is missing is held, and counts for nothing there`() throws {
      let scene = try MoveScene((0..<2_100).map { "a/\($0)" } + ["b/over"], inMemory: true)
      let ids = try scene.ids()
      for index in 0..<1_100 { scene.remove("a/\(index)") }
      for index in 1_100..<1_400 { try scene.move("a/\(index)", to: "b/\(index)") }
      try scene.move("a/1400", to: "b/over")
      let scan = try scene.rescan.scan()
      #expect(scan.status == "partial")
      #expect(scan.removalsHeld == 1_100)
      #expect(scan.filesMoved == 301)
      #expect(scan.filesAdded == 0)
      #expect(scan.filesRemoved == 1)
      #expect(scan.filesSeen == 1_000)
      #expect(scan.filesUnchanged == 699)
      let after = try scene.ids()
      #expect(after.count == 2_100)
      for index in 0..<1_100 { #expect(after["a/\(index)"] == ids["a/\(index)"]) }
      for index in 1_100..<1_400 { #expect(after["b/\(index)"] == ids["a/\(index)"]) }
      #expect(after["b/over"] == ids["a/1400"])

      try scene.rescan.deployment.succeed(["library", "set", "x", "--removal-limit", "1100"])
      let expected = after.filter { path, _ in !path.hasPrefix("a/") || Int(path.dropFirst(2))! > 1_400 }
      try scene.expectScan(ids: expected, changes: (0..<1_100).map { "removed a/\($0)" }.sorted())
    }

    @Test func `a scan that fails in between takes no id away`() throws {
      let scene = try MoveScene(["a", "b", "c", "d/e", "old", "over", "under", "kept"])
      let ids = try scene.ids()
      try scene.exchange("a", "b")
      try scene.move("c", to: "d/c")
      try scene.move("d/e", to: "f")
      try scene.move("over", to: "under")
      try scene.rescan.deployment.database.query(
        """
        CREATE FUNCTION refuse_verdict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no verdict'; END $$;
        CREATE TRIGGER refuse_verdict BEFORE UPDATE ON scans FOR EACH ROW
          WHEN (NEW.removal_verdict IS NOT NULL) EXECUTE FUNCTION refuse_verdict()
        """)
      #expect(try scene.rescan.scan().status == "failed")
      try scene.rescan.deployment.database.query("DROP TRIGGER refuse_verdict ON scans")
      try scene.move("old", to: "new")
      try scene.move("d/c", to: "g")
      let scan = try scene.rescan.scan()
      #expect(scan.status == "completed")
      let after = try scene.ids()
      #expect(
        after == [
          "a": ids["b"]!, "b": ids["a"]!, "g": ids["c"]!, "f": ids["d/e"]!, "new": ids["old"]!, "under": ids["over"]!,
          "kept": ids["kept"]!,
        ])
      // What the scan in between had added and is still there is not told as removed.
      #expect(
        try scene.changes(scan) == [
          "moved a -> b", "moved b -> a", "moved c -> g", "moved d/e -> f", "moved old -> new", "moved over -> under",
          "removed d/c", "removed under",
        ])
      #expect([scan.filesAdded, scan.filesUpdated, scan.filesMoved, scan.filesRemoved] == [0, 0, 6, 2])
      #expect(scan.filesSeen == scan.filesAdded + scan.filesUpdated + scan.filesMoved + scan.filesUnchanged)
      #expect(try TreeRows(of: scene.tree.root, in: scene.rescan.deployment).differences() == [])
    }

    @Test func `a file that a scan in between has found again is none that the tree has lost`() throws {
      let scene = try MoveScene(["a", "b", "kept"])
      let ids = try scene.ids()
      scene.remove("b")
      try scene.expectScan(ids: ["a": ids["a"]!, "kept": ids["kept"]!], changes: ["removed b"])
      try scene.move("a", to: "b")
      #expect(try scene.rescan.scan().status == "completed")
      // As if that scan had come to nothing but for its rows: the tombstone lives again, and what is missing stays.
      try scene.rescan.deployment.database.query(
        """
        UPDATE scans SET status = 'cancelled' WHERE id = 3;
        UPDATE files SET directory_id = (SELECT root_directory FROM libraries), name = 'a', removed_at = NULL WHERE id = \(ids["a"]!);
        UPDATE files SET removed_at = NULL WHERE id = \(ids["b"]!);
        UPDATE directories SET signature = NULL, signature_version = NULL
        """)
      let scan = try scene.rescan.scan()
      #expect(try scene.ids() == ["b": ids["a"]!, "kept": ids["kept"]!])
      #expect(try scene.changes(scan) == ["moved a -> b"])
      #expect([scan.filesMoved, scan.filesRemoved, scan.filesUnchanged] == [1, 0, 1])
    }

    @Test func `what is noted to tell moves goes when nobody wants it any more`() throws {
      let scene = try MoveScene(["a", "b", "c"])
      let notes =
        "SELECT (SELECT count(*) FROM found_identities), (SELECT count(*) FROM lost_identities), (SELECT count(*) FROM staged_moves)"
      #expect(try scene.rescan.deployment.database.query(notes) == ["0\t0\t0"], "of a first scan nothing is noted")
      try scene.exchange("a", "b")
      try scene.tree.file("d")
      #expect(try scene.rescan.scan().status == "completed")
      #expect(try scene.rescan.deployment.database.query(notes) == ["3\t2\t0"])
      let reaper = try scene.rescan.deployment.reaper(more: [
        "ROLLCALL_RECONCILE_INTERVAL": "1s", "ROLLCALL_CLEANUP_INTERVAL": "1s",
      ])
      try eventually("it is deleted", within: .seconds(60)) {
        try scene.rescan.deployment.database.query(notes) == ["0\t0\t0"]
      }
      reaper.send(SIGTERM)
      #expect(try reaper.wait(within: .seconds(10)).code == 0)
    }

    @Test func `a scan after a first one that came to nothing notes none of its files`() throws {
      let scene = try MoveScene(["a", "b"])
      try scene.rescan.deployment.database.query("UPDATE scans SET status = 'cancelled'")
      try scene.tree.file("c")
      try scene.move("a", to: "d")
      let ids = try scene.ids()
      let scan = try scene.rescan.scan()
      #expect(scan.status == "completed")
      #expect(try scene.rescan.deployment.database.query("SELECT count(*) FROM found_identities") == ["0"])
      #expect(try scene.ids()["d"] != ids["a"], "an id of a scan that came to nothing goes with its name")
      try scene.tree.file("e")
      _ = try scene.rescan.scan()
      #expect(try scene.rescan.deployment.database.query("SELECT count(*) FROM found_identities") == ["1"])
    }
  }
}
