import TestSupport
import Testing

/// What needs no server: help, versions, wrong usage, and a reader who goes.
@Suite struct UsageTests {
  static let commands = [
    "up", "migrate", "library", "library add", "library list", "library show", "library set", "library remove", "scan",
    "worker", "status", "history", "errors", "changes", "events", "cancel", "confirm", "discard", "queue", "queue dead",
    "queue dead list",
    "queue dead retry",
    "queue dead drop", "workers", "preflight", "verify", "config", "version",
  ]

  @Test(arguments: commands) func `every command explains itself`(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    for request in [words + ["--help"], words + ["-h"], ["help"] + words] {
      let ended = try rollcall(request)
      #expect(ended.code == 0)
      #expect(ended.text.contains("USAGE: rollcall \(command)"))
      #expect(ended.errors == "")
    }
  }

  @Test func `the root's help names every command and every exit code`() throws {
    let bare = try rollcall([])
    let asked = try rollcall(["--help"])
    #expect(bare.code == 0 && asked.code == 0)
    #expect(bare.text == asked.text)
    for command in Self.commands where !command.contains(" ") { #expect(asked.text.contains("\n  \(command) ")) }
    let text = asked.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for code in ["0 done", "1 a scan failed", "2 usage", "3 the scan is partial", "4 refused", "5 Redis or Postgres"] {
      #expect(text.contains(code))
    }
    #expect(try rollcall(["library"]).code == 0)
  }

  @Test func `the version is the same however it is asked for`() throws {
    let version = try rollcall(["version"])
    #expect(version.text.hasPrefix("rollcall "))
    #expect(try rollcall(["--version"]).text == version.text)
    let json = try object(rollcall(["version", "--json"]))
    #expect(version.text == "rollcall \(json["version"] as? String ?? "")\n")
  }

  @Test(arguments: [
    "bogus", "--bogus", "library bogus", "scan", "scan a b", "scan a --mode slow", "history --limit x",
    "history --limit 0", "history --limit -5", "errors", "errors abc", "errors 99999999999999999999", "library add x",
    "library add x /usr --max-parallel 0", "library add x /usr --queue {q}", "library remove", "library set x",
    "events", "changes", "up --exit", "verify", "verify a b",
    "up --redis-url redis://localhost", "config --json extra", "worker --slots", "status --json=yes",
  ])
  func `wrong usage is one line that names the help, and exit code 2`(line: String) throws {
    let ended = try rollcall(line.split(separator: " ").map(String.init))
    expectFailure(ended, code: 2, saying: "--help`")
  }

  @Test(arguments: ["worker --slots 0", "worker --slots many", "worker --queues a,,b", "worker --name a/b"])
  func `a flag's wrong value is one line that names the flag, and exit code 2`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    expectFailure(try rollcall(words), code: 2, saying: "flag \(words[1])", "must be")
  }

  @Test func `flags stand before or after the arguments`() throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "--max-parallel", "3", "a", "--one-filesystem", "/usr/share", "--json"])
    let shown = try object(deployment.run(["library", "show", "--json", "a"]))
    let rules = try #require(shown["rules"] as? [String: Any])
    #expect(rules["max_parallel"] as? Int == 3)
    #expect(rules["one_filesystem"] as? Bool == true)
  }

  @Test func `a reader who goes ends the program quietly`() throws {
    let directory = try TemporaryDirectory()
    let program = try RollcallBinary.path()
    // A pipe whose only reader has gone.
    let script = "mkfifo '\(directory.path)/p'; exec 3<>'\(directory.path)/p' 4>'\(directory.path)/p' 3<&-; "
    for arguments in ["config", "config --json", "version", "--help"] {
      let ended = try ChildProcess([
        "bash", "-c", "rm -f '\(directory.path)/p'; \(script) '\(program)' \(arguments) >&4",
      ])
      .wait()
      #expect(ended.code == 0, "\(arguments)")
      #expect(ended.errors == "")
    }
  }

  @Test func `output that cannot be written is an error`() throws {
    let ended = try ChildProcess(["bash", "-c", "'\(try RollcallBinary.path())' config >/dev/full"])
      .wait()
    expectFailure(ended, code: 1, saying: "cannot write the output", "No space left")
  }
}
