import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A file that has moved is the same row, with the same id; one that has not is never taken for it.
  @Suite struct MovedFilesTests {
    @Test func `a renamed file keeps its id, in its directory, across directories, and in a new one`() throws {
      let scene = try MoveScene(["a/here", "a/there", "a/new", "a/still", "b/other", "gone/out", "gone/below/too"])
      try scene.tree.symlink("a/link", to: "here")
      try scene.tree.fifo("a/pipe")
      _ = try scene.rescan.scan()
      let before = try scene.ids()
      try scene.move("a/here", to: "a/renamed")
      try scene.move("a/there", to: "b/there")
      try scene.tree.directory("c")
      try scene.tree.directory("c/d")
      try scene.move("a/new", to: "c/d/new")
      try scene.move("gone/out", to: "b/out")
      try scene.move("gone/below/too", to: "b/too")
      try FileManager.default.removeItem(atPath: scene.tree.path("gone"))
      try scene.move("a/link", to: "b/link")
      try scene.move("a/pipe", to: "pipe")
      let moves = [
        "a/here": "a/renamed", "a/there": "b/there", "a/new": "c/d/new", "gone/out": "b/out",
        "gone/below/too": "b/too", "a/link": "b/link", "a/pipe": "pipe",
      ]
      let expected = Dictionary(uniqueKeysWithValues: before.map { (moves[$0.key] ?? $0.key, $0.value) })
      let scan = try scene.expectScan(ids: expected, changes: moves.map { "moved \($0) -> \($1)" }.sorted())
      #expect(scan.filesMoved == 7)
      #expect(scan.filesRemoved == 0)
      try scene.expectScan(ids: expected, changes: [])
      let settled = try scene.rescan.state()
      try scene.expectScan(ids: expected, changes: [])
      #expect(try scene.rescan.state() == settled)
    }

    @Test func `files that move into, within and out of renamed directories keep their ids`() throws {
      let scene = try MoveScene([
        "from/file", "old/in", "old/stays", "old/out", "one/a", "one/same", "two/b", "two/same", "deep/below/too",
      ])
      let before = try scene.ids()
      try scene.move("old", to: "new")
      try scene.move("from/file", to: "new/file")
      try scene.move("new/in", to: "new/within")
      try scene.move("new/out", to: "from/out")
      // Directories that change places, and files that change directories with them.
      try scene.exchange("one", "two")
      try scene.move("one/b", to: "two/b")
      try scene.move("deep/below", to: "new/below")
      try scene.move("new/below/too", to: "deep/too")
      let moves = [
        "from/file": "new/file", "old/in": "new/within", "old/stays": "new/stays", "old/out": "from/out",
        "one/a": "two/a", "one/same": "two/same", "two/same": "one/same", "two/b": "two/b",
        "deep/below/too": "deep/too",
      ]
      let expected = Dictionary(uniqueKeysWithValues: before.map { (moves[$0.key]!, $0.value) })
      let scan = try scene.expectScan(
        ids: expected,
        changes: [
          "moved deep/below -> new/below", "moved deep/below/too -> deep/too", "moved from/file -> new/file",
          "moved old -> new", "moved old/in -> new/within", "moved old/out -> from/out", "moved one -> two",
          "moved two -> one", "moved two/b -> two/b",
        ])
      #expect(scan.filesMoved == 5)
      #expect(scan.filesUnchanged == 4)
      try scene.expectScan(ids: expected, changes: [])
    }

    @Test func `names that change hands in a chain, a ring and an exchange take their ids along`() throws {
      let scene = try MoveScene(["a", "b", "r/1", "r/2", "r/3", "x/1", "y/1"])
      let ids = try scene.ids()
      try scene.move("b", to: "c")
      try scene.move("a", to: "b")
      try scene.move("r/3", to: "r/aside")
      try scene.move("r/2", to: "r/3")
      try scene.move("r/1", to: "r/2")
      try scene.move("r/aside", to: "r/1")
      try scene.exchange("x/1", "y/1")
      let expected = [
        "b": ids["a"]!, "c": ids["b"]!, "r/1": ids["r/3"]!, "r/2": ids["r/1"]!, "r/3": ids["r/2"]!, "x/1": ids["y/1"]!,
        "y/1": ids["x/1"]!,
      ]
      let scan = try scene.expectScan(
        ids: expected,
        changes: [
          "moved a -> b", "moved b -> c", "moved r/1 -> r/2", "moved r/2 -> r/3", "moved r/3 -> r/1",
          "moved x/1 -> y/1", "moved y/1 -> x/1",
        ])
      #expect(scan.filesMoved == 7)
      #expect(scan.filesUpdated == 0)
      // What is settled is told by signatures that have stayed right.
      try scene.expectScan(ids: expected, changes: [])
      let settled = try scene.rescan.state()
      try scene.expectScan(ids: expected, changes: [])
      #expect(try scene.rescan.state() == settled)
    }

    @Test func `rotated logs take their ids along, and the new log gets one of its own`() throws {
      let scene = try MoveScene(["log", "log.1", "log.2"])
      for round in 1...3 {
        let ids = try scene.ids()
        try scene.move("log.2", to: "log.3")
        try scene.move("log.1", to: "log.2")
        try scene.move("log", to: "log.1")
        try scene.tree.file("log", bytes: 100 + round)
        var expected = ["log": -1, "log.1": ids["log"]!, "log.2": ids["log.1"]!, "log.3": ids["log.2"]!]
        var changes = ["added log", "moved log -> log.1", "moved log.1 -> log.2", "moved log.2 -> log.3"]
        if round > 1 {
          expected["log.3"] = ids["log.2"]!
          changes.append("removed log.3")
        }
        let scan = try scene.expectScan(ids: expected, changes: changes)
        #expect(scan.filesAdded == 1)
      }
    }

    @Test func `a file that is moved over another keeps its id, and the other one's goes`() throws {
      let scene = try MoveScene(["a", "b", "c", "d/e", "f"])
      let ids = try scene.ids()
      try scene.move("a", to: "b")
      try scene.move("c", to: "d/e")
      let expected = ["b": ids["a"]!, "d/e": ids["c"]!, "f": ids["f"]!]
      let changes = ["moved a -> b", "moved c -> d/e", "removed b", "removed d/e"]
      try scene.expectScan(ids: expected, changes: changes)
      // Their names have tombstones now, which live again only for what was nowhere else.
      try scene.move("b", to: "a")
      try scene.move("f", to: "b")
      try scene.tree.file("c")
      try scene.expectScan(
        ids: ["a": ids["a"]!, "b": ids["f"]!, "c": -1, "d/e": ids["c"]!],
        changes: ["added c", "moved b -> a", "moved f -> b"])
      scene.remove("b")
      try scene.expectScan(ids: ["a": ids["a"]!, "c": try scene.ids()["c"]!, "d/e": ids["c"]!], changes: ["removed b"])
      try scene.move("a", to: "b")
      try scene.expectScan(
        ids: ["b": ids["a"]!, "c": try scene.ids()["c"]!, "d/e": ids["c"]!], changes: ["moved a -> b"])
    }

    @Test func `a file that an editor saves anew keeps its id with its name, unless the old one is kept elsewhere`()
      throws
    {
      let scene = try MoveScene(["saved", "backed up"])
      let ids = try scene.ids()
      for name in ["saved", "backed up"] { try scene.tree.file("\(name).tmp", bytes: 50) }
      try scene.move("backed up", to: "backed up~")
      for name in ["saved", "backed up"] { try scene.move("\(name).tmp", to: name) }
      try scene.expectScan(
        ids: ["saved": ids["saved"]!, "backed up~": ids["backed up"]!, "backed up": -1],
        changes: ["added backed up", "moved backed up -> backed up~", "updated saved"])
    }

    @Test func `a file that is moved and edited is another one`() throws {
      let scene = try MoveScene(["edited", "kept"])
      let ids = try scene.ids()
      try scene.rescan.change("edited", to: "something")
      try scene.move("edited", to: "moved")
      try scene.expectScan(ids: ["moved": -1, "kept": ids["kept"]!], changes: ["added moved", "removed edited"])
    }

    @Test func `hard links are never taken for moves`() throws {
      let scene = try MoveScene(["one", "two", "three", "four", "five"])
      for name in ["one", "two", "three", "four", "five"] { try scene.tree.hardLink("\(name)'", to: name) }
      _ = try scene.rescan.scan()
      let ids = try scene.ids()
      scene.remove("one")
      scene.remove("two")
      try scene.tree.hardLink("two''", to: "two'")
      try scene.tree.hardLink("three''", to: "three")
      try scene.move("four", to: "four''")
      scene.remove("five")
      try scene.move("five'", to: "five''")
      try scene.expectScan(
        ids: [
          "one'": ids["one'"]!, "two'": ids["two'"]!, "two''": -1, "three": ids["three"]!, "three'": ids["three'"]!,
          "three''": -1, "four'": ids["four'"]!, "four''": -1, "five''": -1,
        ],
        changes: [
          "added five''", "added four''", "added three''", "added two''", "removed five", "removed five'",
          "removed four",
          "removed one", "removed two", "updated four'", "updated one'", "updated three", "updated three'",
          "updated two'",
        ])
    }

    /// As a file system does that has no inodes of its own, when it is mounted again.
    @Test(arguments: [false, true])
    func `files that are numbered anew stay what they are`(hasBirths: Bool) throws {
      let scene = try MoveScene(["kept"])
      for name in ["x", "y"] {
        try scene.tree.file(name)
        try scene.tree.setTime(name, 1_000_000_000)
      }
      _ = try scene.rescan.scan()
      let ids = try scene.ids()
      let database = scene.rescan.deployment.database
      try database.query(
        """
        UPDATE files f SET inode = o.inode \(hasBirths ? "" : ", btime_ns = NULL, ctime_ns = 1")
          FROM files o WHERE convert_from(f.name || o.name, 'UTF8') IN ('xy', 'yx')
        """)
      try database.query("UPDATE directories SET signature = NULL, signature_version = NULL")
      let notes = "SELECT (SELECT count(*) FROM found_identities), (SELECT count(*) FROM lost_identities)"
      let before = try database.query(notes)
      try scene.expectScan(ids: ids, changes: ["updated x", "updated y"])
      #expect(try database.query(notes) == before)
    }

    @Test(arguments: ["", "inode", "size", "mtime_ns", "btime_ns"])
    func `a new file is an old one only if all is alike that tells files`(column: String) throws {
      let scene = try MoveScene(["old", "kept"])
      let ids = try scene.ids()
      scene.remove("old")
      try scene.tree.file("new", bytes: 77)
      var stamps = stat()
      guard lstat(scene.tree.path("new"), &stamps) == 0 else { throw POSIXError(.EIO) }
      // As where an inode has been used again.
      try scene.rescan.deployment.database.query(
        """
        UPDATE files SET inode = \(stamps.st_ino), size = 77, btime_ns = NULL,
                         mtime_ns = \(stamps.st_mtim.tv_sec * 1_000_000_000 + stamps.st_mtim.tv_nsec)
         WHERE name = 'old'
        """)
      if !column.isEmpty {
        try scene.rescan.deployment.database.query(
          "UPDATE files SET \(column) = coalesce(\(column), 0) + 1 WHERE name = 'old'")
      }
      try scene.expectScan(
        ids: ["new": column.isEmpty ? ids["old"]! : -1, "kept": ids["kept"]!],
        changes: column.isEmpty ? ["moved old -> new"] : ["added new", "removed old"])
    }
  }
}
