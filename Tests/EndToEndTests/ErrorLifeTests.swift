import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Errors from the scan that first meets them to the one that finds their places healthy.
  @Suite struct ErrorLifeTests {
    @Test func `what may not be read is one error for as long as that is so, and is resolved when it may`() throws {
      let tree = try TestTree()
      for name in ["locked", "locked/below", "half"] { try tree.directory(name) }
      for name in ["locked/1", "locked/below/2", "half/3", "open"] { try tree.file(name) }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      chmod(tree.path("locked"), 0)
      chmod(tree.path("half"), 0o444)
      let worker = try deployment.worker(wrapper: FailureTests.powerless)
      #expect(try deployment.scan().errorsCount == 2)
      let first = try deployment.errors(1)
      #expect(Set(first.map { $0["path"] as? String }) == ["locked", "half/3"])
      #expect(first.allSatisfy { $0["error_type"] as? String == "permission_denied" && $0["errno"] as? Int == 13 })
      #expect(first.allSatisfy { $0["resolved_at"] is NSNull })

      // Nothing has changed: the same two, still partial.
      let again = try deployment.scan()
      #expect(again.status == "partial" && again.exitCode == 3 && again.errorsCount == 2)
      let second = try deployment.errors(2)
      #expect(second.map { $0["id"] as? Int } == first.map { $0["id"] as? Int })
      #expect(second.map { $0["first_seen"] as? String } == first.map { $0["first_seen"] as? String })
      let end = try object(deployment, ["status", "x", "--json"])["completed_at"] as? String
      #expect(second.allSatisfy { $0["last_seen"] as? String == end })

      chmod(tree.path("half"), 0o755)
      let half = try deployment.scan()
      #expect(half.status == "partial" && half.errorsCount == 1)
      #expect(try deployment.errors(3).map { $0["path"] as? String } == ["locked"])
      chmod(tree.path("locked"), 0o755)
      try expectExact(deployment.scan(), added: 2, updated: 0, TreeRows(of: tree.root, in: deployment))
      #expect(try deployment.errors(4).isEmpty)
      let healed = try deployment.errors(1)
      #expect(healed.map { $0["id"] as? Int } == first.map { $0["id"] as? Int })
      for error in healed {
        #expect(error["resolved_scan"] as? Int == (error["path"] as? String == "locked" ? 4 : 3))
        #expect(try #require(error["resolved_at"] as? String) > #require(error["last_seen"] as? String))
      }
      #expect(worker.isRunning)
    }

    @Test func `what no row can hold and what has too long a name is an error, and costs nothing else`() throws {
      let tree = try TestTree(inMemory: true)
      for name in ["far", "far/below"] { try tree.directory(name) }
      for name in ["old", "far/f", "far/below/g"] { try tree.file(name, bytes: 3) }
      try tree.symlink("link", to: "far/" + String(repeating: "n", count: 256))
      for name in ["old", "far", "."] { try tree.setTime(name, -(1 << 40)) }
      let deployment = try TestDeployment()
      try deployment.succeed(["library", "add", "x", tree.root, "--symlinks", "follow"])
      let worker = try deployment.worker()
      let places =
        "SELECT path_text FROM catalog_files UNION SELECT path_text || '/' FROM catalog_directories ORDER BY 1"
      var ids: [Int?] = []
      for scan in 1...2 {
        let ended = try deployment.scan()
        #expect(ended.status == "partial" && ended.exitCode == 3 && ended.errorsCount == 4)
        #expect(ended.filesAdded == (scan == 1 ? 3 : 0) && ended.filesSeen == 3 && ended.directoriesSeen == 3)
        #expect(try deployment.database.query(places) == ["/", "far/", "far/below/", "far/below/g", "far/f", "link"])
        let errors = try deployment.errors(scan).sorted { "\($0["path"] ?? "")" < "\($1["path"] ?? "")" }
        #expect(errors.map { $0["path"] as? String } == ["", "far", "link", "old"])
        let types = ["timestamp_out_of_range", "timestamp_out_of_range", "name_too_long", "timestamp_out_of_range"]
        #expect(errors.map { $0["error_type"] as? String } == types)
        #expect(errors.map { $0["errno"] as? Int } == [nil, nil, 36, nil])
        if scan == 2 { #expect(errors.map { $0["id"] as? Int } == ids) }
        ids = errors.map { $0["id"] as? Int }
      }
      let signatures = "SELECT convert_from(name, 'UTF8') FROM directories WHERE signature IS NOT NULL"
      #expect(try deployment.database.query(signatures) == ["below"])

      unlink(tree.path("link"))
      for name in ["old", "far", "."] { #expect(utimensat(AT_FDCWD, tree.path(name), nil, 0) == 0) }
      let healed = try deployment.scan()
      #expect(healed.status == "completed" && healed.filesAdded == 1 && healed.errorsCount == 0)
      #expect(try TreeRows(of: tree.root, in: deployment).differences() == [])
      #expect(worker.isRunning)
    }

    @Test func `five thousand bad files are a thousand rows and a total of five thousand, now and in a rescan`() throws
    {
      let tree = try TestTree(inMemory: true)
      for index in 0..<10 {
        try tree.directory("\(index)")
        for file in 0..<500 { try tree.file("\(index)/\(file)") }
        chmod(tree.path("\(index)"), 0o444)
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 4, wrapper: FailureTests.powerless)
      let state = "SELECT ctid, xmin, xmax FROM errors ORDER BY id"
      var before: [String] = []
      for scan in 1...2 {
        #expect(try deployment.scan().errorsCount == 5_000)
        #expect(try deployment.errors(scan).count == 1_000)
        let totals = try deployment.succeed(["errors", "\(scan)", "--totals", "--json"])
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(totals.utf8)) as? [[String: Any]])
        #expect(rows.map { $0["error_type"] as? String } == ["permission_denied"])
        #expect(rows.map { $0["total"] as? Int } == [5_000])
        #expect(rows.map { $0["rows"] as? Int } == [1_000])
        if scan == 2 { #expect(try deployment.database.query(state) == before) }
        before = try deployment.database.query(state)
      }
      #expect(try #require(Int(deployment.database.query("SELECT count(*) FROM scan_shares")[0])) >= 2)
      #expect(worker.isRunning)
    }

    @Test func `a scan that has found nothing says why`() throws {
      let tree = try TestTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(wrapper: FailureTests.powerless)
      #expect(try deployment.scan().message == "No file was found: the root is empty.")
      try tree.directory("a")
      try tree.directory("a/b")
      let ended = try deployment.run(["scan", "x", "--wait"])
      #expect(ended.code == 0)
      #expect(ended.text.contains("No file was found: 2 directories hold no file."), "\(ended.text)")
      try tree.file("a/file")
      chmod(tree.path("a"), 0o444)
      let scan = try deployment.scan()
      chmod(tree.path("a"), 0o755)
      #expect(
        scan.message
          == "No file was found: no permission to read 2 places; 1 directory holds no other. See `rollcall errors 3`.")
      #expect(try deployment.scan().message == nil)

      unlink(tree.path("a/file"))
      try tree.file("a/file", bytes: 2)
      for (rules, message) in [
        (["--ignore", "*"], "the rules ignore 1 entry."),
        (
          ["--no-ignore", "--extensions", "pdf"],
          "the rules reject 1 file (1 by extension); 2 directories hold no other."
        ),
        (
          ["--extensions", "all", "--max-size", "1"],
          "the rules reject 1 file (1 by size); 2 directories hold no other."
        ),
      ] {
        try deployment.succeed(["library", "set", "x"] + rules)
        let shown = try #require(try deployment.scan().message)
        #expect(shown.hasPrefix("No file was found: \(message)"), "\(shown)")
      }
      #expect(worker.isRunning)
    }
  }
}

extension TestDeployment {
  /// What `errors` lists of a scan.
  func errors(_ scan: Int) throws -> [[String: Any]] {
    let text = try succeed(["errors", "\(scan)", "--json"])
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
  }
}

private func object(_ deployment: TestDeployment, _ command: [String]) throws -> [String: Any] {
  let text = try deployment.succeed(command)
  return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
}
