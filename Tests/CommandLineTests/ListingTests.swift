import Foundation
import TestSupport
import Testing

/// Listings: one JSON array each, newest first, also when there is nothing; and tables for people.
@Suite struct ListingTests {
  static let listings = [["status"], ["history"], ["workers"], ["library", "list"]]

  @Test func `listings of nothing are empty arrays, and a sentence for people`() throws {
    let deployment = try TestDeployment()
    for listing in Self.listings {
      #expect(try array(deployment.run(listing + ["--json"])).isEmpty)
      let text = try deployment.succeed(listing)
      #expect(text.hasPrefix("No ") && text.split(separator: "\n").count == 1, "\(text)")
    }
    let queues = try array(deployment.run(["queue", "--json"]))
    #expect(queues.map { $0["queue"] as? String } == ["default"])
    for name in ["waiting", "in_flight", "dead", "workers_alive"] { #expect(queues[0][name] as? Int == 0) }
  }

  @Test func `libraries are listed newest first with rules and last scan`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "old", "/usr/share"])
    try deployment.succeed(["library", "add", "new", "/usr/bin", "--queue", "nas", "--max-parallel", "2"])
    try deployment.succeed(["scan", "old"])
    let libraries = try array(deployment.run(["library", "list", "--json"]))
    #expect(libraries.map { $0["name"] as? String } == ["new", "old"])
    let rules = try #require(libraries[0]["rules"] as? [String: Any])
    #expect(rules["queue"] as? String == "nas" && rules["max_parallel"] as? Int == 2)
    #expect(rules["one_filesystem"] as? Bool == false)
    #expect(libraries[0]["last_scan"] is NSNull)
    #expect((libraries[1]["last_scan"] as? [String: Any])?["status"] as? String == "pending")
    let shown = try object(deployment.run(["library", "show", "old", "--json"]))
    #expect(Set(shown.keys) == Set(libraries[1].keys))

    let queues = try array(deployment.run(["queue", "--json"]))
    #expect(queues.map { $0["queue"] as? String } == ["default", "nas"])
    #expect(queues[0]["waiting"] as? Int == 1)
  }

  @Test func `workers are listed newest first, a dead one as dead`() throws {
    let deployment = try TestDeployment()
    let first = try deployment.worker(
      slots: 1, ["--name", "first"], more: ["ROLLCALL_LOCK_TTL": "3 s", "ROLLCALL_LOCK_RENEW": "1 s"])
    // Registrations know whole seconds.
    try eventually("the next second") {
      let start = try array(deployment.run(["workers", "--json"])).first?["started_at"] as? String
      return try #require(start).prefix(19) < Date().formatted(.iso8601).prefix(19)
    }
    let second = try deployment.worker(slots: 3, ["--name", "second", "--queues", "b,default"])
    let workers = try array(deployment.run(["workers", "--json"]))
    #expect(workers.map { ($0["worker"] as? String)?.split(separator: "-").first } == ["second", "first"])
    let heartbeat = try #require(workers[0]["heartbeat"] as? [String: Any])
    #expect(heartbeat["queues"] as? [String] == ["b", "default"])
    #expect(heartbeat["pid"] as? Int == Int(second.pid))
    #expect((heartbeat["slots"] as? [Any])?.count == 3)

    first.send(SIGKILL)
    try eventually("the heartbeat of a killed worker ends") {
      try array(deployment.run(["workers", "--json"])).last?["alive"] as? Bool == false
    }
    #expect(try deployment.succeed(["workers"]).contains("dead"))
  }

  @Test func `tables align and hold no colour where there is no terminal`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "a", "/usr/share/doc"])
    try deployment.succeed(["scan", "a"])
    for listing in [["status"], ["history"], ["library", "list"], ["queue"], ["status", "a"], ["config"]] {
      let text = try deployment.succeed(listing)
      #expect(!text.contains("\u{1b}"))
      #expect(text.hasSuffix("\n") && !text.contains(" \n"))
    }
  }

  @Test func `a terminal is shown colour unless NO_COLOR is set`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "a", "/usr/share/doc"])
    try deployment.succeed(["scan", "a"])
    let command = "'\(try RollcallBinary.path())' status a"
    for (more, isColored) in [
      (["TERM": "xterm"], true), (["TERM": "xterm", "NO_COLOR": "1"], false), (["TERM": "dumb"], false),
    ] {
      let environment = deployment.environment.merging(more) { $1 }
      let shown = try ChildProcess(["script", "-qec", command, "/dev/null"], environment: environment).wait()
      #expect(shown.text.contains("pending"))
      #expect(shown.text.contains("\u{1b}[") == isColored, "\(more)")
    }
  }
}

/// Removing a library.
@Suite struct LibraryRemovalTests {
  @Test func `without --yes a removal asks, and refuses where nobody can answer`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "a", "/usr/share/doc"])
    expectFailure(try deployment.run(["library", "remove", "a"]), code: 2, saying: "--yes")
    expectFailure(
      try deployment.run(["library", "remove", "b", "--yes"]), code: 1, saying: "no library is named \"b\"")
    #expect(try array(deployment.run(["library", "list", "--json"])).count == 1)

    let command = "'\(try RollcallBinary.path())' library remove a"
    for (answer, left) in [("n\n", 1), ("y\n", 0)] {
      _ = try ChildProcess(
        ["script", "-qec", command, "/dev/null"], environment: deployment.environment, input: Array(answer.utf8)
      ).wait()
      #expect(try array(deployment.run(["library", "list", "--json"])).count == left)
    }
  }

  @Test func `a removed library leaves no row and its name free`() throws {
    let deployment = try TestDeployment()
    let worker = try deployment.worker()
    try deployment.succeed(["scan", "/usr/share/doc/", "--wait"])
    #expect(try deployment.succeed(["library", "remove", "doc", "--yes"]) == "Removed library doc.\n")
    for table in [
      "libraries", "scans", "slices", "errors", "error_counts", "scan_error_counts", "scan_events", "scan_shares",
      "directories", "files",
    ] {
      #expect(try deployment.database.query("SELECT count(*) FROM \(table)") == ["0"], "\(table)")
    }
    #expect(try deployment.run(["scan", "/usr/share/doc/", "--wait"]).code == 0)
    withExtendedLifetime(worker) {}
  }
}
