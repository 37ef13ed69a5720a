import Foundation
import TestSupport
import Testing

/// `changes SCAN`: each file that a scan has added, updated or removed.
@Suite struct ChangesTests {
  private static func scan(_ deployment: TestDeployment) throws -> [String: Any] {
    let ended = try deployment.run(["scan", "x", "--wait", "--json"])
    #expect(ended.code == 0, "\(ended.errors)")
    return try object(ended)
  }

  private static func count(_ changes: [[String: Any]], _ change: String) -> Int {
    changes.count { $0["change"] as? String == change }
  }

  @Test func `what scans did is listed, by its bytes, and adds up to what they have counted`() throws {
    let tree = try TestTree()
    for name in ["d", "gone"] { try tree.directory(name) }
    let hostile = Array("d/a\n\u{1b}[31m\u{202e}\\".utf8)
    let invalid = Array("d/".utf8) + [0xFF, 0x5C]
    for name in ["kept", "edited", "gone/1", "gone/2", "d/back"] { try tree.file(name) }
    for name in [hostile, invalid] { close(open(tree.root + "/", name)) }
    try tree.symlink("link", to: "kept")
    let deployment = try TestDeployment()
    let worker = try deployment.worker()
    try deployment.succeed(["library", "add", "x", tree.root])

    let first = try Self.scan(deployment)
    let firstChanges = try array(deployment.run(["changes", "1", "--json"]))
    #expect(firstChanges.count == 8 && Self.count(firstChanges, "added") == 8)
    #expect(first["files_added"] as? Int == 8)
    #expect(
      Set(firstChanges[0].keys) == [
        "change", "excluded", "kind", "id", "path", "path_base64", "from_path", "from_path_base64",
      ])
    #expect(firstChanges.allSatisfy { $0["excluded"] as? Bool == false })
    let link = try #require(firstChanges.first { $0["kind"] as? String == "symlink" })
    #expect(link["path"] as? String == "link" && link["path_base64"] is NSNull)
    #expect(firstChanges.contains { $0["path"] as? String == String(decoding: hostile, as: UTF8.self) })
    let bytes = try #require(firstChanges.first { $0["path"] as? String == #"d/\xff\x5c"# })
    #expect(bytes["path_base64"] as? String == Data(invalid).base64EncodedString())

    chmod(tree.path("edited"), 0o600)
    for name in ["gone/1", "gone/2", "gone", "d/back"] { remove(tree.path(name)) }
    unlink(tree.root + "/", hostile)
    try tree.file("new")
    let second = try Self.scan(deployment)
    try tree.file("d/back")
    let third = try Self.scan(deployment)
    #expect(try array(deployment.run(["changes", "1", "--json"])).count == 8)
    for (id, scan) in [("2", second), ("3", third)] {
      let changes = try array(deployment.run(["changes", id, "--json"]))
      for (change, counter) in [("added", "files_added"), ("updated", "files_updated"), ("removed", "files_removed")] {
        #expect(Self.count(changes, change) == scan[counter] as? Int, "\(change) by scan \(id)")
      }
    }
    let back = try array(deployment.run(["changes", "3", "--json"]))
    #expect(back.map { $0["path"] as? String } == ["d/back"])
    #expect(back[0]["id"] as? Int == firstChanges.first { $0["path"] as? String == "d/back" }?["id"] as? Int)

    let text = try deployment.succeed(["changes", "2"])
    #expect(text.split(separator: "\n").last == "Scan 2: 1 added, 1 updated, 4 removed.")
    let lines = text.split(separator: "\n").dropLast().sorted()
    #expect(
      lines == [
        "added     file       new", #"removed   file       d/a\x0a\x1b[31m\xe2\x80\xae\x5c"#,
        "removed   file       d/back",
        "removed   file       gone/1", "removed   file       gone/2", "updated   file       edited",
      ])
    #expect(worker.isRunning)
  }

  @Test func `what rules have excluded is removed, and says so`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    try deployment.database.query(
      """
      INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
      SELECT 1, 1, c::"char", 's', 7, root_directory, 'n' FROM libraries, unnest('{r,x}'::text[]) c
      """)
    // Nobody has begun it.
    #expect(
      try deployment.succeed(["changes", "1"])
        == "removed   socket     n\nexcluded  socket     n\nScan 1 so far: 0 added, 0 updated, 2 removed (1 excluded by rules).\n"
    )
    let changes = try array(deployment.run(["changes", "1", "--json"]))
    #expect(changes.map { $0["change"] as? String } == ["removed", "removed"])
    #expect(changes.map { $0["excluded"] as? Bool } == [false, true])
    #expect(changes.map { $0["kind"] as? String } == ["socket", "socket"])
  }

  @Test func `a scan that is not there has no changes, nor has one that found nothing`() throws {
    let deployment = try TestDeployment()
    expectFailure(try deployment.run(["changes", "1"]), code: 1, saying: "there is no scan 1")
    expectFailure(try deployment.run(["changes", "1", "--json"]), code: 1, saying: "there is no scan 1")
    expectFailure(try deployment.run(["changes", "x"]), code: 2, saying: "--help")
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    #expect(try deployment.succeed(["changes", "1"]) == "Scan 1 has changed no file so far.\n")
    #expect(try array(deployment.run(["changes", "1", "--json"])).isEmpty)
  }

  @Test func `a million changes are streamed`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    try deployment.succeed(["scan", "x"])
    try deployment.database.query(
      """
      SET synchronous_commit = off;
      INSERT INTO directories_1 (library_id, id, parent_id, name)
      SELECT 1, 1000000 + n, (SELECT root_directory FROM libraries WHERE id = 1), convert_to('d' || n, 'UTF8')
        FROM generate_series(0, 50000) n;
      INSERT INTO scan_changes_1 (library_id, scan_id, change, kind, file_id, directory_id, name)
      SELECT 1, 1, 'u', 'f', n, 1000000 + n / 20, convert_to('file-' || n, 'UTF8') FROM generate_series(1, 500000) n;
      INSERT INTO files_1 (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                           changed_scan)
      SELECT 1, 1000000 + n, 1000000 + n / 20, convert_to('new-' || n, 'UTF8'), 'f', n, n, n, n, 33188, 1, 1
        FROM generate_series(1, 500000) n;
      """)
    let directory = try TemporaryDirectory()
    let output = directory.appending("changes")
    let command = try deployment.start(
      ["changes", "1", "--json"], wrapper: ["sh", "-c", "exec \"$0\" \"$@\" > '\(output)'"])
    var peak = 0
    while command.isRunning { peak = max(peak, (try? command.peakResidentBytes()) ?? 0) }
    #expect(try command.wait().code == 0)
    let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 1_000_002)
    #expect(lines[1].contains(#""path":"d0/file-1""#) && lines[500_001].contains(#""path":"d0/new-1""#))
    #expect(lines[1_000_000].hasSuffix("}") && lines[1_000_001] == "]")
    #expect(peak < 64 << 20, "\(peak >> 20) MiB")
  }
}

/// A path below a root that is no UTF-8.
private func open(_ root: String, _ name: [UInt8]) -> Int32 {
  let path = (Array(root.utf8) + name + [0]).map { CChar(bitPattern: $0) }
  return open(path, O_CREAT | O_WRONLY, 0o644)
}

private func unlink(_ root: String, _ name: [UInt8]) {
  let path = (Array(root.utf8) + name + [0]).map { CChar(bitPattern: $0) }
  #expect(unlink(path) == 0)
}
