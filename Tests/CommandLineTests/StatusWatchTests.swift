import Foundation
import TestSupport
import Testing

/// `status --watch`, which goes on until Ctrl-C.
@Suite struct StatusWatchTests {
  private let deployment: TestDeployment

  init() throws {
    deployment = try TestDeployment()
    for name in ["a", "b"] {
      try deployment.succeed(["library", "add", name, name == "a" ? "/usr/share/doc" : "/usr/bin"])
    }
  }

  private func end(_ watch: ChildProcess) throws -> ChildProcess.Ended {
    watch.send(SIGINT)
    return try watch.wait()
  }

  private func change(_ sql: String) throws { try deployment.database.query(sql) }

  @Test func `elsewhere than on a terminal every change is a line with its time, and Ctrl-C is success`() throws {
    let watch = try deployment.start(["status", "--watch"])
    try deployment.succeed(["scan", "a"])
    try eventually("a pending scan is told") { watch.outputSoFar.contains("scan 1 of a: pending\n") }
    try change("UPDATE scans SET status = 'running', started_at = now(), files_seen = 1234, errors_count = 2")
    try eventually("progress is told") { watch.outputSoFar.contains("1,234 files") }
    try deployment.succeed(["scan", "b"])
    try eventually("another scan is told") { watch.outputSoFar.contains("scan 2 of b: pending\n") }
    try change("UPDATE scans SET status = 'failed', completed_at = now(), error_message = E'a\\x1b[31m' WHERE id = 1")
    try eventually("the end is told") { watch.outputSoFar.contains("failed") }
    try deployment.succeed(["library", "remove", "a", "--yes"])
    try eventually("a removed library is told") { watch.outputSoFar.contains("library a is removed\n") }
    let ended = try end(watch)
    #expect(ended.code == 0)
    #expect(ended.errors == "")
    #expect(!ended.text.contains("\u{1b}"))
    let lines = ended.text.split(separator: "\n")
    // Nothing is said twice, however long one watches.
    #expect(lines.count == 5, "\(lines)")
    for line in lines { #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  .+/) != nil, "\(line)") }
    #expect(lines[1].contains("running, counted 1,234 files") && lines[1].contains("2 errors, no live worker"))
    #expect(lines[3].hasSuffix("a\\x1b[31m"), "\(lines[3])")
  }

  @Test func `with --json every change is one scan, as one document a line`() throws {
    let watch = try deployment.start(["status", "a", "--watch", "--json"])
    try deployment.succeed(["scan", "b"])
    try deployment.succeed(["scan", "a"])
    try eventually("the scan is told") { watch.outputSoFar.contains("\n") }
    try change("UPDATE scans SET status = 'running', started_at = now()")
    try eventually("its start is told") { watch.outputSoFar.contains("running") }
    for signal in [SIGTERM, SIGTERM] { watch.send(signal) }
    let ended = try watch.wait()
    #expect(ended.code == 0 && ended.errors == "")
    let scans = try ended.text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(scans.map { $0["status"] as? String } == ["pending", "running"])
    #expect(scans.allSatisfy { $0["library"] as? String == "a" && $0["heartbeat_alive"] as? Bool == false })
  }

  @Test func `a library that does not exist cannot be watched`() throws {
    expectFailure(try deployment.run(["status", "nobody", "--watch"]), code: 1, saying: "no library is named")
  }

  @Test func `on a terminal it redraws in place, and gives the cursor and the screen back`() throws {
    try deployment.succeed(["scan", "a"])
    for (more, isColored) in [(["TERM": "xterm"], true), (["TERM": "xterm", "NO_COLOR": "1"], false)] {
      let command = "stty cols 40 rows 8; exec '\(try RollcallBinary.path())' status a --watch"
      let environment = deployment.environment.merging(more) { $1 }
      let watch = try ChildProcess(["script", "-qec", command, "/dev/null"], environment: environment)
      try eventually("it is drawn twice") { watch.outputSoFar.components(separatedBy: "\u{1b}[H").count > 2 }
      try signalChild(of: watch)
      let ended = try watch.wait()
      #expect(ended.code == 0)
      let text = ended.text
      #expect(text.hasPrefix("\u{1b}[?1049h\u{1b}[?25l"))
      #expect(text.components(separatedBy: "\u{1b}[?25h\u{1b}[?1049l").count == 2)
      #expect(text.contains("\u{1b}[33mpending") == isColored)
      let frames = text.components(separatedBy: "\u{1b}[H").dropFirst()
      for frame in frames.dropLast() {
        let lines = frame.components(separatedBy: "\u{1b}[K")
        #expect(lines.count <= 9)
        for line in lines {
          let shown = line.replacing(/\u{1b}\[\d*[mJ]/, with: "").trimmingCharacters(in: .newlines)
          #expect(shown.count <= 40, "\(shown)")
        }
      }
    }
  }

  @Test func `a reader that goes ends it quietly, though nothing changes`() throws {
    try deployment.succeed(["scan", "a"])
    for more in ["", " --json"] {
      let command = "set -o pipefail; '\(try RollcallBinary.path())' status --watch\(more) | head -n 1"
      let ended = try ChildProcess(["bash", "-c", command], environment: deployment.environment)
        .wait()
      #expect(ended.code == 0 && ended.errors == "", "\(ended.errors)")
      #expect(ended.text.split(separator: "\n").count == 1)
    }
  }

  /// The program itself, below script(1) and shells.
  private func program(below pid: pid_t) throws -> pid_t? {
    let children = try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
    for child in children.split(separator: " ").compactMap({ pid_t($0) }) {
      let name = try String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)
      if name == "rollcall\n" { return child }
      if let found = try program(below: child) { return found }
    }
    return nil
  }

  private static let (open, close) = ("\u{1b}[?1049h\u{1b}[?25l", "\u{1b}[?25h\u{1b}[?1049l")

  @Test func `while it is stopped the terminal is its shell's, and it is drawn again when it goes on`() throws {
    try deployment.succeed(["scan", "a"])
    let shell =
      "set -m; '\(try RollcallBinary.path())' status a --watch; echo \"[stopped $?]\"; fg; echo \"[ended $?]\""
    let environment = deployment.environment.merging(["TERM": "xterm", "SHELL": "/bin/bash"]) { $1 }
    let watch = try ChildProcess(["script", "-qec", shell, "/dev/null"], environment: environment)
    try eventually("it is drawn") { watch.outputSoFar.contains("\u{1b}[H") }
    let pid = try #require(try program(below: watch.pid))
    kill(pid, SIGTSTP)
    try eventually("it is drawn again") { watch.outputSoFar.components(separatedBy: Self.open).count == 3 }
    kill(pid, SIGINT)
    let text = try watch.wait().text
    let parts = text.components(separatedBy: "[stopped 148]")
    #expect(parts.count == 2 && text.contains("[ended 0]"), "\(text.debugDescription)")
    for part in parts {
      #expect(part.components(separatedBy: Self.open).count == 2)
      #expect(part.components(separatedBy: Self.close).count == 2)
    }
  }

  @Test func `what ^S holds up keeps it from no end`() throws {
    try deployment.succeed(["scan", "a"])
    // The terminal is held up before the first frame.
    let command = "sleep 2; exec '\(try RollcallBinary.path())' status a --watch"
    let environment = deployment.environment.merging(["TERM": "xterm"]) { $1 }
    let watch = try ChildProcess(
      ["script", "-qec", command, "/dev/null"], environment: environment, input: [0x13])
    try eventually("it stands in its first writing") {
      guard let pid = try program(below: watch.pid) else { return false }
      // Where a writer sleeps whose terminal takes no more.
      return try String(contentsOfFile: "/proc/\(pid)/wchan", encoding: .utf8).contains("wait_woken")
    }
    #expect(!watch.outputSoFar.contains("\u{1b}[H"))
    kill(try #require(try program(below: watch.pid)), SIGTERM)
    let text = try watch.wait().text
    #expect(text.components(separatedBy: Self.open).count == text.components(separatedBy: Self.close).count)
    #expect(text.contains("pending"), "what was shown last stays: \(text.debugDescription)")
  }

  @Test func `a terminal that cannot be redrawn gets lines`() throws {
    try deployment.succeed(["scan", "a"])
    let command = "exec '\(try RollcallBinary.path())' status --watch"
    let environment = deployment.environment.merging(["TERM": "dumb"]) { $1 }
    let watch = try ChildProcess(["script", "-qec", command, "/dev/null"], environment: environment)
    try eventually("it is told") { watch.outputSoFar.contains("scan 1 of a: pending") }
    try signalChild(of: watch)
    #expect(try !watch.wait().text.contains("\u{1b}"))
  }

  /// SIGINT for the program that script(1) runs.
  private func signalChild(of watch: ChildProcess) throws {
    let children = try String(contentsOfFile: "/proc/\(watch.pid)/task/\(watch.pid)/children", encoding: .utf8)
    for child in children.split(separator: " ") { kill(try #require(pid_t(child)), SIGINT) }
  }

  @Test func `a Postgres that goes away is told of once, and so is its return`() throws {
    try deployment.succeed(["scan", "a"])
    let watch = try deployment.start(["status", "--watch"])
    try eventually("it is told") { watch.outputSoFar.contains("scan 1 of a: pending") }
    let name = deployment.database.name
    // The database is there, and takes nobody in.
    try server(
      "ALTER DATABASE \(name) ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)'"
    )
    try eventually("the loss is told") { watch.errorsSoFar.contains("rollcall: Postgres is away") }
    try server("ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
    try eventually("the return is told") { watch.errorsSoFar.contains("rollcall: Postgres is back\n") }
    try change("UPDATE scans SET files_seen = 7, status = 'running', started_at = now()")
    try eventually("it goes on") { watch.outputSoFar.contains("7 files") }
    let ended = try end(watch)
    #expect(ended.code == 0)
    #expect(ended.errors.split(separator: "\n").count == 2, "\(ended.errors)")
  }

  private func server(_ sql: String) throws {
    try run(
      ["psql", "--dbname=\(try TestServers.postgresURL())", "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"],
      input: Array(sql.utf8))
  }

  @Test func `without Redis it goes on, and says what is not known`() throws {
    try deployment.succeed(["scan", "a"])
    let watch = try deployment.start(
      ["status", "--watch", "--json"], more: ["ROLLCALL_REDIS_URL": "unix:///nonexistent/redis.sock"])
    try eventually("both are told") {
      watch.outputSoFar.contains("\"heartbeat_alive\":null") && watch.errorsSoFar.contains("\n")
    }
    try change("UPDATE scans SET files_seen = 7, status = 'running', started_at = now()")
    try eventually("it goes on") { watch.outputSoFar.contains("\"files_seen\":7") }
    let ended = try end(watch)
    #expect(ended.errors == "rollcall: Redis is away: whether workers are alive is not known\n")
    #expect(ended.code == 0)
  }

  @Test func `a key of another type in Redis is named, and is no Redis that is away`() throws {
    try deployment.succeed(["scan", "a"])
    try deployment.redis(["SET", deployment.key("workers"), "no hash"])
    let key = "the key \(deployment.key("workers")) (a string) is of another type"
    let once = try deployment.run(["status", "a", "--json"])
    #expect(try object(once)["heartbeat_alive"] is NSNull)
    #expect(once.code == 0 && once.errors.contains(key) && !once.errors.contains("away"), "\(once.errors)")
    let watch = try deployment.start(["status", "--watch"])
    try eventually("it is told") { watch.errorsSoFar.contains("\n") }
    try deployment.redis(["DEL", deployment.key("workers")])
    try eventually("its end is told") { watch.errorsSoFar.contains("whether workers are alive is known again\n") }
    let ended = try end(watch)
    #expect(ended.errors.contains(key) && !ended.errors.contains("away"), "\(ended.errors)")
    #expect(ended.errors.split(separator: "\n").count == 2)

    try deployment.redis(["DEL", deployment.key("queue")])
    try deployment.redis(["SET", deployment.key("queue"), "no list"])
    let scan = try deployment.run(["scan", "b"])
    #expect(scan.code == 0 && !scan.errors.contains("Redis is back"), "\(scan.errors)")
    #expect(scan.errors.contains("the key \(deployment.key("queue")) (a string) is of another type"))
  }
}
