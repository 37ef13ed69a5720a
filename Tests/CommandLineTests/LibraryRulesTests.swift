import Foundation
import TestSupport
import Testing

/// Rules on the command line: given at the beginning, changed later.
@Suite struct LibraryRuleTests {
  private let deployment: TestDeployment

  init() throws {
    deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc", "--max-parallel", "3"])
  }

  private func rules(_ ended: ChildProcess.Ended) throws -> [String: Any] {
    try #require(try object(ended)["rules"] as? [String: Any])
  }

  private func shown() throws -> [String: Any] { try rules(deployment.run(["library", "show", "x", "--json"])) }

  private func set(_ words: String...) throws -> ChildProcess.Ended {
    try deployment.run(["library", "set", "x"] + words)
  }

  @Test func `a new library has the rules that it was given, and defaults`() throws {
    let standard = try shown()
    #expect(standard["max_files_per_second"] is NSNull)
    #expect(standard["removal_limit"] as? Int == 1000 && standard["removal_limit_percent"] as? Int == 50)
    let words = ["--max-files-per-second", "2500", "--removal-limit", "0", "--removal-limit-percent", "100"]
    let added = try rules(deployment.run(["library", "add", "y", "/usr/bin", "--json"] + words))
    #expect(added["max_files_per_second"] as? Int == 2500)
    #expect(added["removal_limit"] as? Int == 0 && added["removal_limit_percent"] as? Int == 100)
    let text = try deployment.succeed(["library", "show", "y"])
    for line in ["Max files/s    2,500\n", "Removal limit  0 files\n", "Removal share  100 %\n", "Max parallel   16\n"]
    {
      #expect(text.contains(line), "\(text)")
    }
  }

  @Test func `set changes what is named, says what it was, and no more`() throws {
    let changed = try set("--max-files-per-second", "100", "--one-filesystem")
    #expect(
      changed.text == """
        Max files/s    100, was none
        One filesystem yes, was no

        """)
    #expect(try shown()["max_parallel"] as? Int == 3)
    #expect(try shown()["one_filesystem"] as? Bool == true)
    #expect(try set("--one-filesystem").text == "Nothing has changed.\n")
    #expect(
      try set("--max-files-per-second", "none", "--no-one-filesystem").text == """
        Max files/s    none, was 100
        One filesystem no, was yes

        """)
    let json = try rules(set("--removal-limit", "5", "--queue", "nas", "--json"))
    #expect(json["removal_limit"] as? Int == 5 && json["queue"] as? String == "nas")
    #expect(json["max_files_per_second"] is NSNull)
  }

  @Test func `rules that judge files are given, shown, changed and taken away`() throws {
    #expect(try shown()["extensions"] is NSNull && shown()["max_size"] is NSNull)
    let words = [
      "--layout", "category/course", "--extensions", "PDF,.mp4,mp4", "--max-size", "1.5GiB", "--symlinks", "skip",
      "--ignore", "*.tmp", "--ignore", "!keep me.tmp", "--rejected", "skip",
    ]
    let added = try rules(deployment.run(["library", "add", "y", "/usr/bin", "--json"] + words))
    #expect(added["layout"] as? String == "category/course" && added["symlinks"] as? String == "skip")
    #expect(added["extensions"] as? [String] == ["mp4", "pdf"] && added["max_size"] as? Int == 1_610_612_736)
    #expect(added["ignore"] as? [String] == ["*.tmp", "!keep me.tmp"] && added["rejected"] as? String == "skip")
    let text = try deployment.succeed(["library", "show", "y"])
    #expect(
      text.contains(
        """
        Layout         category/course
        Extensions     mp4,pdf
        Max size       1536 MiB
        Symlinks       skip
        Ignore         '*.tmp' '!keep me.tmp'
        Rejected       skip

        """), "\(text)")

    #expect(
      try set("--ignore", "#a", "--ignore=-b", "--max-size", "500 MB").text == """
        Max size       500 MB, was none
        Ignore         '#a' -b, was nothing

        """)
    #expect(try set("--ignore", "c").text == "Ignore         c, was '#a' -b\n")
    #expect(try set("--max-parallel", "4").text == "Max parallel   4, was 3\n")
    #expect(try shown()["ignore"] as? [String] == ["c"])
    #expect(try set("--extensions", "a").code == 0)
    #expect(
      try set("--extensions", "all", "--max-size", "none", "--no-ignore").text == """
        Extensions     all, was a
        Max size       none, was 500 MB
        Ignore         nothing, was c

        """)
    #expect(try set("--extensions", "all", "--no-ignore", "--layout", "flat").text == "Nothing has changed.\n")
  }

  @Test(arguments: [
    (["--ignore", "a[b"], "ignore glob \"a[b\" is wrong at character 2"),
    (["--ignore", "ok", "--ignore", "\u{1b}[31m["], "ignore glob \"\\x1b[31m[\" is wrong at character 2"),
    (["--ignore", ""], "it names nothing"), (["--ignore", "x", "--no-ignore"], "name one"),
    (["--ignore", "-x"], "Missing value"), (["--ignore", String(repeating: "x", count: 1025)], "more than 1024"),
    (["--max-size", "1.5 GoB"], "size \"1.5 GoB\" is wrong at character 5"), (["--max-size", "-1"], "--max-size"),
    (["--max-size", "2G"], "GB, by 1000, or GiB, by 1024"), (["--max-size", "99999999999 GiB"], "less than 8 EiB"),
    (["--extensions", "mp4,,pdf"], "extensions \"mp4,,pdf\" is wrong at character 5"),
    (["--extensions", "a/b"], "is wrong at character 2"), (["--extensions", ""], "is wrong at character 1"),
    (["--layout", "tree"], "'flat' and 'category/course'"), (["--symlinks", "copy"], "'skip', 'record' or 'follow'"),
    (["--rejected", ""], "'error' and 'skip'"),
  ])
  func `a rule that cannot be is refused in one line that shows where it is wrong`(
    words: [String], saying: String
  ) throws {
    for command in [["library", "set", "x"], ["library", "add", "y", "/usr/bin"]] {
      let ended = try deployment.run(command + words)
      expectFailure(ended, code: 2, saying: saying)
      #expect(!ended.errors.contains("\u{1b}"))
    }
    #expect(try array(deployment.run(["library", "list", "--json"])).count == 1)
    #expect(try set("--no-ignore", "--max-size", "none", "--extensions", "all").text == "Nothing has changed.\n")
  }

  @Test func `an argument that is no UTF-8 is refused, not taken for another`() throws {
    let script = "exec \"$0\" library set x --ignore \"$(printf 'a\\377')\""
    let ended = try ChildProcess(
      ["bash", "-c", script, try RollcallBinary.path()], environment: deployment.environment
    ).wait()
    expectFailure(ended, code: 2, saying: "argument 5", "not valid UTF-8")
  }

  @Test func `an active scan keeps its rules, which is said; with --json not on standard output`() throws {
    try deployment.succeed(["scan", "x"])
    #expect(try set("--max-parallel", "3").text == "Nothing has changed.\n")
    #expect(
      try set("--max-parallel", "5").text == """
        Max parallel   5, was 3
        Note that scan 1 is active and keeps the rules that it began with.

        """)
    let json = try set("--max-parallel", "6", "--json")
    #expect(try rules(json)["max_parallel"] as? Int == 6)
    #expect(json.errors == "rollcall: scan 1 is active and keeps the rules that it began with\n")
    #expect(try deployment.database.query("SELECT max_parallel, rules->>'max_parallel' FROM scans") == ["3\t3"])
  }

  @Test func `a queue that is left with work of the library on it is warned of`() throws {
    func warning(_ queue: String) throws -> String { try set("--queue", queue, "--json").errors }
    #expect(try warning("two") == "")
    let two = "\(deployment.prefix):{two}:queue"
    for message in [#"{"library":"y"}"#, #"{"root_path":"/usr/share"}"#, "garbage"] {
      try deployment.redis(["LPUSH", two], input: Array(message.utf8))
    }
    #expect(try warning("three") == "", "that is others' work")
    #expect(try warning("two") == "")
    for message in [#"{"library":"x"}"#, #"{"root_path":"/usr/share/doc"}"#] {
      try deployment.redis(["LPUSH", two], input: Array(message.utf8))
      #expect(try warning("three").hasPrefix("rollcall: queue two still holds work of library x; keep a worker on it"))
      #expect(try warning("two") == "")
      try deployment.redis(["LPOP", two])
    }
    let away = try deployment.run(
      ["library", "set", "x", "--queue", "three"], more: ["ROLLCALL_REDIS_URL": "unix:///nonexistent"])
    #expect(away.code == 0 && away.text.contains("Queue          three, was two"))
    #expect(away.errors.hasPrefix("rollcall: cannot tell whether queue two still holds work"), "\(away.errors)")
    #expect(try warning("two") == "")
    try deployment.succeed(["scan", "x"])
    try deployment.redis(["DEL", two])
    #expect(try warning("three").contains("rollcall: queue two still holds work of library x;"), "its scan is active")
    #expect(try !warning("two").contains("holds work"))
  }

  @Test func `an unknown library is refused in one line, whatever its name`() throws {
    for name in ["nobody", "\u{1b}[31m\n"] {
      let ended = try deployment.run(["library", "set", name, "--max-parallel", "2"])
      expectFailure(ended, code: 1, saying: "no library is named")
      #expect(!ended.errors.contains("\u{1b}"))
    }
  }

  @Test(arguments: [
    "", "--max-parallel 0", "--max-parallel x", "--max-files-per-second 0", "--max-files-per-second -1",
    "--max-files-per-second some", "--max-files-per-second 1000000001", "--max-files-per-second 99999999999999999999",
    "--removal-limit -1", "--removal-limit none", "--removal-limit-percent 101", "--removal-limit-percent 50%",
    "--queue {q}", "--colour red",
  ])
  func `wrong rules are one line and change nothing`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let ended = try deployment.run(["library", "set", "x"] + words)
    expectFailure(ended, code: 2, saying: "--help`")
    #expect(try shown()["max_parallel"] as? Int == 3)
  }
}
