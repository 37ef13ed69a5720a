import Foundation
import TestSupport
import Testing

/// What happens to a tree while the walk goes by.
@Suite struct RaceTests {
  /// How some of the scans go during which a directory is exchanged.
  struct Race: Sendable, CustomTestStringConvertible {
    let policy: String
    /// Where the kernel lacks openat2(2), directories are opened name by name.
    let withOpenat2: Bool
    let scans: Int

    var testDescription: String { "\(scans) scans, \(policy), \(withOpenat2 ? "with" : "without") openat2" }

    var wrapper: [String] { withOpenat2 ? [] : ["python3", OracleProgram.path("without_openat2.py")] }
  }

  private static let races = [
    Race(policy: "record", withOpenat2: true, scans: 120), Race(policy: "record", withOpenat2: false, scans: 60),
    Race(policy: "follow", withOpenat2: true, scans: 120), Race(policy: "follow", withOpenat2: false, scans: 60),
  ]

  @Test(arguments: races)
  func `a directory exchanged for a link during hundreds of scans leads no walk outside`(_ race: Race) async throws {
    try await inTurn {
      let deployment = try TestDeployment()
      let tree = try TestTree()
      let traps = try Self.makeTraps(tree)
      try deployment.addLibrary(
        tree.root, "--removal-limit-percent", "100", "--symlinks", race.policy, "--ignore", "store")
      let worker = try deployment.worker(slots: 2, wrapper: race.wrapper)
      try Self.scan(deployment, during: traps, of: tree, times: race.scans)

      let names = Self.names.map { "'\($0)'" }.joined(separator: ",")
      let strangers = """
        SELECT DISTINCT path_text FROM (
          SELECT path_text FROM catalog_files UNION ALL SELECT path_text FROM catalog_directories
          UNION ALL SELECT rollcall_text(path) FROM scan_errors) p
         WHERE NOT regexp_split_to_array(path_text, '/') <@ ARRAY[\(names)]
        """
      try require("what lies outside", try deployment.database.query(strangers), [])
      try require("scans", try deployment.database.query("SELECT count(*) FROM scans"), ["\(race.scans)"])
      let ends = "SELECT status, count(*) FROM scans GROUP BY 1 ORDER BY 1"
      let scans = try deployment.database.query(ends)
      try require(
        "scans that did not end well", scans.filter { !$0.hasPrefix("completed") && !$0.hasPrefix("partial") }, [])
      let met = """
        SELECT bool_or(kind = 'symlink'), bool_or(kind = 'directory') FROM (
          SELECT kind FROM catalog_files WHERE path_text = 'a/swapped' UNION ALL
          SELECT 'directory' FROM catalog_directories WHERE path_text = 'a/swapped') p
        """
      try require("scans met the link and the directory", try deployment.database.query(met), ["t\tt"])
      let struck = "SELECT count(*) FROM scan_errors WHERE error_type IN ('path_traversal', 'changed_during_scan')"
      print("\(race): exchanged under a walk \(try deployment.database.query(struck)[0]) times")
      let followed = "SELECT count(*) > 0 FROM catalog_files WHERE path_text = 'followed/below/1'"
      try require("a link was followed", try deployment.database.query(followed), [race.policy == "follow" ? "t" : "f"])

      try deployment.succeed(["library", "set", "x", "--symlinks", "record", "--no-ignore"])
      try require("the last scan", try deployment.scan().status, "completed")
      try require("differences", try TreeRows(of: tree.root, in: deployment).differences(), [])
      try require("the worker runs", worker.isRunning, true)
      try deployment.requireNothingLeft()
    }
  }

  /// Scans while each of the paths is exchanged for the link beside it, again and again.
  private static func scan(
    _ deployment: TestDeployment, during traps: [String], of tree: TestTree, times: Int
  ) throws {
    let exchange = try ChildProcess(
      ["python3", OracleProgram.path("exchange.py")]
        + traps.flatMap { [tree.path($0), tree.path("\($0) link")] })
    try eventually("it exchanges") { exchange.outputSoFar.contains("exchanging") }
    for round in 0..<times {
      try deployment.redis(
        ["LPUSH", deployment.key("queue"), #"{"library":"x","request_id":"\#(round)/\#(round)"}"#])
      try eventually("scan \(round) ends") {
        try deployment.database.query(script: OracleProgram.wait(for: 1, round)) == ["t"]
      }
    }
    guard exchange.isRunning else { throw Broken(description: "it exchanged nothing: \(exchange.errorsSoFar)") }
    exchange.send(SIGKILL)
    _ = try exchange.wait()
  }

  /// Directories and links to change them for: to /etc, to an outside of the test's own, and up. One of them is what a
  /// link is followed to.
  ///
  /// - Returns: the directories.
  private static func makeTraps(_ tree: TestTree) throws -> [String] {
    let outside = tree.outside("outside")
    try run(["mkdir", "-p", "\(outside)/marked directory", "\(outside)/below"])
    try run(["touch", "\(outside)/marked", "\(outside)/below/marked"])
    for path in ["a", "a/b", "a/b/c", "store"] { try tree.directory(path) }
    let traps = [
      ("swapped", "/etc"), ("a/swapped", outside), ("a/b/c/swapped", "../../../../outside"), ("store/swapped", outside),
    ]
    for (path, target) in traps {
      for directory in [path, "\(path)/below"] {
        try tree.directory(directory)
        for name in ["1", "2"] { try tree.file("\(directory)/\(name)") }
      }
      try tree.symlink("\(path) link", to: target)
    }
    try tree.symlink("followed", to: "store/swapped")
    return traps.map(\.0)
  }

  /// All that the tree has, and none that lies outside.
  private static let names = ["", "a", "b", "c", "store", "swapped", "swapped link", "followed", "below", "1", "2"]

  @Test(arguments: [1, 2])
  func `a storm of changes during scans ends none of them, and a scan after it is exact`(_ seed: Int) async throws {
    try await inTurn {
      let deployment = try TestDeployment()
      let tree = try TestTree(inMemory: seed % 2 == 0)
      for directory in ["a", "a/b", "c", "c/d"] + (0..<40).map({ "c/\($0)" }) {
        try tree.directory(directory)
        for name in 0..<20 { try tree.file("\(directory)/kept \(name)") }
      }
      try deployment.addLibrary(tree.root, "--removal-limit-percent", "100")
      let worker = try deployment.worker(slots: 2)
      let storm = try ChildProcess(["python3", OracleProgram.path("storm.py"), tree.root, "\(seed)"])
      try eventually("it storms") { storm.outputSoFar.contains("storming") }
      for _ in 0..<30 {
        let scan = try deployment.scan()
        try require("the end of scan \(scan.id)", scan.status, "completed")
        let kept =
          "SELECT count(*) FROM catalog_files WHERE name LIKE 'kept %' AND removed_at IS NULL AND first_scan = 1"
        try require("files out of the storm", try deployment.database.query(kept), ["880"])
      }
      guard storm.isRunning else { throw Broken(description: "there was no storm: \(storm.errorsSoFar)") }
      storm.send(SIGKILL)
      _ = try storm.wait()

      let scan = try deployment.scan()
      let rows = try TreeRows(of: tree.root, in: deployment)
      try require("the last scan", scan.status, "completed")
      try require("differences", try rows.differences(), [])
      try require("files_seen", scan.filesSeen, try rows.files)
      let counted = scan.filesAdded + scan.filesUpdated + scan.filesMoved + scan.filesUnchanged
      try require("the files' counters", counted, scan.filesSeen)
      try require("the worker runs", worker.isRunning, true)
      try deployment.requireNothingLeft()
    }
  }
}
