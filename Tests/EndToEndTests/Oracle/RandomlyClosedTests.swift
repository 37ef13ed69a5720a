import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Random trees of which an ordinary user may see only a part, another one in each scan.
  @Suite struct RandomlyClosedTests {
    /// Seeds of Tests/Oracle/grow.py with some hundred entries.
    @Test(arguments: [7_001, 7_002, 7_004, 7_007])
    func `what may be seen is exact, and what may not stays as it was`(_ seed: Int) throws {
      let trees = try TestTree(inMemory: seed % 2 == 0)
      let root = trees.outside("random")
      try OracleProgram.grow(0, [(seed, root)])
      let deployment = try TestDeployment()
      try deployment.addLibrary(root, "--removal-limit-percent", "100")
      let user = try OrdinaryUser(of: deployment)
      let worker = try user.worker()
      var rows: Set<String> = []
      var errors: Set<String> = []
      for round in 0..<4 {
        try OracleProgram.shut("\(round)", seed, root)
        let seen = try OracleProgram.seen(of: root, by: user)
        let kept = { Self.isKept($0, seen) }
        rows = rows.filter(kept).union(Self.words(["file", "directory"], seen))
        errors = errors.filter(kept).union(Self.words(["openat", "statx"], seen))
        let scan = try deployment.scan()
        #expect(scan.status == (errors.isEmpty ? "completed" : "partial"))
        #expect(try Self.catalogue(deployment).symmetricDifference(rows) == [])
        #expect(try Self.errors(of: scan.id, deployment).symmetricDifference(errors) == [])
        #expect(scan.errorsCount == errors.count)
      }
      try OracleProgram.shut("open", seed, root)
      let scan = try deployment.scan()
      #expect(scan.status == "completed")
      #expect(try TreeRows(of: root, in: deployment).differences() == [])
      #expect(try uid(of: worker) != 0)
      try deployment.expectNothingLeft()
    }

    private static func words(_ kinds: [String], _ seen: [String: Set<String>]) -> [String] {
      kinds.flatMap { kind in (seen[kind] ?? []).map { "\(kind) \($0)" } }
    }

    /// Whether a row or an error stays as it was: nobody could look at its place. What is below a closed directory
    /// neither comes nor goes; but an entry of one that is listed, if it could not be looked at, is told anew.
    private static func isKept(_ word: String, _ seen: [String: Set<String>]) -> Bool {
      let parts = word.split(separator: " ", omittingEmptySubsequences: false)
      var above = directories(above: parts[1])
      let closed = seen["closed"] ?? []
      if parts[0] == "statx" {
        guard let parent = above.popLast() else { return false }
        if seen["openat"]?.contains(parent) == true { return true }
      }
      return above.contains { closed.contains($0) }
    }

    /// All but the root, of a path in hexadecimal: a slash is `2f` at an even place.
    private static func directories(above path: Substring) -> [String] {
      let digits = Array(path)
      return stride(from: 0, to: digits.count, by: 2).filter { digits[$0] == "2" && digits[$0 + 1] == "f" }
        .map { String(digits[..<$0]) }
    }

    private static func catalogue(_ deployment: TestDeployment) throws -> Set<String> {
      try Set(
        deployment.database.query(
          """
          SELECT 'file ' || encode(path, 'hex') FROM catalog_files WHERE removed_at IS NULL
          UNION ALL SELECT 'directory ' || encode(path, 'hex') FROM catalog_directories WHERE removed_at IS NULL
          """))
    }

    private static func errors(of scan: Int64, _ deployment: TestDeployment) throws -> Set<String> {
      try Set(
        deployment.database.query(
          """
          SELECT operation || ' ' || encode(path, 'hex') FROM scan_errors
           WHERE scan_id = \(scan) AND error_type = 'permission_denied' AND errno = \(EACCES)
          """))
    }

    private func uid(of process: ChildProcess) throws -> uid_t {
      var status = stat()
      try #require(stat("/proc/\(process.pid)", &status) == 0)
      return status.st_uid
    }
  }
}
