import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Each type of error that a tree at rest can have, from the walk through Postgres to what `errors SCAN --json` shows.
  @Suite struct ErrorKindsTests {
    private static func tree() throws -> TestTree {
      let tree = try TestTree(inMemory: true)
      try tree.directory("locked")
      try tree.directory("up")
      for name in ["ok.mp4", "no.txt", "locked/below.mp4", "far.mp4"] { try tree.file(name, bytes: 10) }
      try tree.file("large.mp4", bytes: 11)
      try tree.file(named: [0xFF, 0x0A] + Array(".TXT".utf8))
      for (name, target) in [("out", "/etc"), ("up/loop", ".."), ("self", "self"), ("dangling", "nothing")] {
        try tree.symlink(name, to: target)
      }
      let far = [timespec(tv_sec: 1 << 40, tv_nsec: 0), timespec(tv_sec: 1 << 40, tv_nsec: 0)]
      try #require(utimensat(AT_FDCWD, tree.path("far.mp4"), far, 0) == 0)
      chmod(tree.path("locked"), 0)
      return tree
    }

    private struct Shown: Hashable {
      let path: String
      let type: String
      let errno: Int32?
      let message: String
    }

    private static let expected: [Shown] = [
      Shown(path: "no.txt", type: "invalid_extension", errno: nil, message: "allows only mp4"),
      Shown(path: "\\xff\n.TXT", type: "invalid_extension", errno: nil, message: "extension \"TXT\""),
      Shown(path: "large.mp4", type: "oversized", errno: nil, message: "11 bytes"),
      Shown(path: "out", type: "symlink_external", errno: nil, message: "leads out of the library's root"),
      Shown(path: "up/loop", type: "symlink_loop", errno: nil, message: "in which it lies"),
      Shown(path: "self", type: "symlink_loop", errno: ELOOP, message: "the target of the link"),
      Shown(path: "dangling", type: "file_not_found", errno: ENOENT, message: "the target of the link"),
      Shown(path: "far.mp4", type: "timestamp_out_of_range", errno: nil, message: "touch"),
      Shown(path: "locked", type: "permission_denied", errno: EACCES, message: "openat: Permission denied"),
    ]

    @Test func `each is shown with its place and reason, and resolved by the scan that finds it healthy`() throws {
      let tree = try Self.tree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root, "--extensions", "mp4", "--max-size", "10", "--symlinks", "follow")
      let worker = try deployment.worker(wrapper: FailureTests.powerless)
      let scan = try deployment.scan()
      #expect(scan.status == "partial" && scan.errorsCount == Int64(Self.expected.count))
      let first = try deployment.errors(1)
      #expect(first.count == Self.expected.count)
      for expected in Self.expected {
        let row = try #require(first.first { $0["path"] as? String == expected.path }, "\(expected.path)")
        #expect(row["error_type"] as? String == expected.type, "\(expected.path)")
        #expect((row["errno"] as? Int).map(Int32.init) == expected.errno, "\(expected.path)")
        #expect((row["operation"] is NSNull) == (expected.errno == nil), "\(expected.path)")
        let message = try #require(row["error_message"] as? String)
        #expect(message.contains(expected.message), "\(expected.path): \(message)")
        #expect(row["resolved_at"] is NSNull && row["scan_id"] as? Int == 1)
      }
      let bytes = first.compactMap { $0["path_base64"] as? String }
      #expect(bytes == [Data([0xFF, 0x0A] + Array(".TXT".utf8)).base64EncodedString()])
      let totals = Dictionary(grouping: Self.expected, by: \.type).mapValues(\.count)
      #expect(try deployment.errorTotals(1) == totals)

      try #require(utimensat(AT_FDCWD, tree.path("far.mp4"), nil, 0) == 0)
      chmod(tree.path("locked"), 0o755)
      try deployment.succeed(
        ["library", "set", "x", "--extensions", "all", "--max-size", "none", "--symlinks", "record"])
      #expect(try deployment.scan().status == "completed")
      #expect(try deployment.errors(2).isEmpty)
      let resolved = try deployment.errors(1)
      #expect(resolved.map { $0["id"] as? Int } == first.map { $0["id"] as? Int })
      #expect(resolved.allSatisfy { $0["resolved_scan"] as? Int == 2 && $0["resolved_at"] is String })
      #expect(try deployment.errorTotals(1) == totals, "what a scan has counted stays with it")
      #expect(worker.isRunning)
    }
  }
}

extension TestDeployment {
  /// What `errors` counts of a scan, by type.
  fileprivate func errorTotals(_ scan: Int) throws -> [String: Int] {
    let text = try succeed(["errors", "\(scan)", "--totals", "--json"])
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    return Dictionary(
      rows.map { ($0["error_type"] as? String ?? "", $0["total"] as? Int ?? 0) }, uniquingKeysWith: { $0 + $1 })
  }
}
