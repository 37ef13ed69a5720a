import Foundation
import TestSupport
import Testing

@testable import rollcall

@Suite struct ConfigurationTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func file(_ text: String) throws -> String {
    let path = directory.appending("rollcall.yaml")
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  private func load(
    _ yaml: String? = nil, _ environment: [String: String] = [:], _ flags: [String: String] = [:]
  ) throws -> Configuration {
    try Configuration.load(file: try yaml.map(file), environment: environment, flags: flags)
  }

  private func refusal(
    _ yaml: String? = nil, _ environment: [String: String] = [:], _ flags: [String: String] = [:]
  ) throws -> String {
    let path = try yaml.map(file)
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration.load(file: path, environment: environment, flags: flags)
    }
    let text = try #require(error?.description)
    #expect(!text.contains("\n"))
    return text.replacing(path ?? "\0", with: "FILE")
  }

  @Test func `without any layer every value is its default`() throws {
    let configuration = try load()
    #expect(configuration.lockTTL == .seconds(10))
    #expect(configuration.queues == ["default"])
    #expect(Setting.all.allSatisfy { configuration.origin(of: $0.key) == .standard })
  }

  @Test func `flags beat the environment, which beats the file, which beats the defaults`() throws {
    let yaml = "slots: 2\nprefix: file\nlock_ttl: 20 s\n"
    let configuration = try load(yaml, ["ROLLCALL_SLOTS": "3", "ROLLCALL_PREFIX": "env"], ["slots": "4"])
    #expect(configuration.slots == 4)
    #expect(configuration.prefix == "env")
    #expect(configuration.lockTTL == .seconds(20))
    #expect(configuration.origin(of: "slots").description == "flag --slots")
    #expect(configuration.origin(of: "prefix").description == "environment ROLLCALL_PREFIX")
    #expect(configuration.origin(of: "lock_ttl") == .file(path: directory.appending("rollcall.yaml"), line: 3))
    #expect(configuration.origin(of: "lock_renew") == .standard)
  }

  @Test func `ROLLCALL_CONFIG names the file unless --config does`() throws {
    let path = try file("prefix: named\n")
    #expect(try load(nil, ["ROLLCALL_CONFIG": path]).prefix == "named")
    let missing = directory.appending("missing.yaml")
    #expect(try Configuration.load(file: path, environment: ["ROLLCALL_CONFIG": missing], flags: [:]).prefix == "named")
    let error = try refusal(nil, ["ROLLCALL_CONFIG": missing])
    #expect(
      error == "cannot read the configuration file \(missing): No such file or directory; check ROLLCALL_CONFIG")
  }

  @Test func `every key can be set in the file and in the environment, and as the flag that it has`() throws {
    for setting in Setting.all {
      let shown = setting.displayValue(in: Configuration())
      #expect(try load("\(setting.key): \(shown)\n").origins.keys.contains(setting.key))
      #expect(try load(nil, [setting.variable: shown]).origin(of: setting.key) == .environment(setting.variable))
      if let flag = setting.flag {
        #expect(try load(nil, [:], [setting.key: shown]).origin(of: setting.key) == .flag(flag))
      } else {
        #expect(try refusal(nil, [:], [setting.key: shown]) == "no flag sets \(setting.key)")
      }
    }
  }

  @Test func `an empty value is as good as none`() throws {
    let configuration = try load("slots:\nprefix: ~\nqueues: \"\"\n", ["ROLLCALL_LOCK_TTL": "", "ROLLCALL_CONFIG": ""])
    #expect(configuration.origins.isEmpty)
    #expect(try load("").origins.isEmpty)
    #expect(try load("# only a comment\n").origins.isEmpty)
  }

  @Test func `queues are a list in YAML and separated by commas elsewhere`() throws {
    #expect(try load("queues: [urgent, default]\n").queues == ["urgent", "default"])
    #expect(try load("queues:\n  - urgent\n  - default\n").queues == ["urgent", "default"])
    #expect(try load(nil, ["ROLLCALL_QUEUES": "urgent, default"]).queues == ["urgent", "default"])
    #expect(try load(nil, [:], ["queues": "a,b"]).queues == ["a", "b"])
  }

  @Test func `allowed roots are a list in YAML and separated by colons elsewhere`() throws {
    func roots(_ yaml: String?, _ environment: [String: String] = [:]) throws -> [String] {
      try load(yaml, environment).allowedRoots.directories
    }
    #expect(try roots(nil) == [])
    #expect(try roots("allowed_roots: [/srv, /mnt/nas/]\n") == ["/srv", "/mnt/nas"])
    #expect(try roots("allowed_roots: /srv\n", ["ROLLCALL_ALLOWED_ROOTS": "/a b, c:/"]) == ["/a b, c", "/"])
    #expect(try roots("allowed_roots:\n") == [])
    #expect(try roots("allowed_roots: [/srv]\n", ["ROLLCALL_ALLOWED_ROOTS": "anywhere"]) == [])
    let shown = try load("allowed_roots:\n  - //srv//x\n  - /mnt\n").report.first { $0.key == "allowed_roots" }
    #expect(shown?.value == "/srv/x:/mnt")
  }

  @Test(arguments: [
    "srv", "/srv:", ":/srv", "/srv::/mnt", "/srv/../etc", "/./srv", "..", "~/media", "/a\nb",
  ])
  func `allowed roots that are not absolute paths are refused`(text: String) throws {
    #expect(try refusal(nil, ["ROLLCALL_ALLOWED_ROOTS": text]).contains("absolute paths"))
  }

  @Test func `a colon in an item of the list is refused, not taken for two roots`() throws {
    #expect(try refusal("allowed_roots: ['/srv:/etc', /mnt]\n").hasPrefix("FILE:1: allowed_roots must be"))
  }

  @Test(arguments: ["", ",", "a,,b", "a,a", "a b", "{a}", "a/b"])
  func `a list that is no list of different names is refused`(text: String) throws {
    _ = try refusal(nil, [:], ["queues": text])
  }

  @Test func `an unknown key in the file is refused with the nearest known one`() throws {
    #expect(
      try refusal("prefix: a\nlock_tll: 3 s\n")
        == "FILE:2: unknown key \"lock_tll\"; the nearest known one is lock_ttl")
  }

  @Test func `a wrong value names where it is, the key, the value and what is allowed`() throws {
    #expect(
      try refusal("\n\nlock_ttl: soon\n")
        == "file FILE:3: lock_ttl is \"soon\" but must be "
        + "a whole number with its unit (ms, s, m, h or d), such as 10 s, up to 3650 d")
    #expect(
      try refusal(nil, ["ROLLCALL_SLOTS": "0"])
        == "environment ROLLCALL_SLOTS: slots is \"0\" but must be a whole number from 1 to 1024")
    #expect(
      try refusal(nil, [:], ["log_format": "xml"])
        == "flag --log-format: log_format is \"xml\" but must be one of text, json")
    #expect(try refusal("slots: {a: 1}\n") == "FILE:1: slots must be a whole number from 1 to 1024")
  }

  @Test func `a file that is no mapping, no YAML, no UTF-8 or says a thing twice is refused`() throws {
    #expect(try refusal("- a\n") == "FILE:1: a configuration file is made of lines \"key: value\"")
    #expect(try refusal("a: [1\n").hasPrefix("FILE:2: not valid YAML: "))
    #expect(try refusal("slots: 1\nslots: 2\n") == "FILE: the key slots stands there more than once")
    let path = directory.appending("latin1.yaml")
    try Data([0x70, 0xe9, 0x0a]).write(to: URL(filePath: path))
    #expect(throws: ConfigurationError(description: "the configuration file \(path) is not valid UTF-8")) {
      try Configuration.load(file: path, environment: [:], flags: [:])
    }
    #expect(throws: ConfigurationError.self) {
      try Configuration.load(file: directory.path, environment: [:], flags: [:])
    }
  }

  @Test func `a misspelled variable is refused, a foreign one is not`() throws {
    #expect(
      try refusal(nil, ["ROLLCALL_LOCK_TLL": "3 s"])
        == "unknown environment variable ROLLCALL_LOCK_TLL; did you mean ROLLCALL_LOCK_TTL?")
    #expect(try refusal(nil, ["ROLLCALL_QUEUE": "a"]).hasSuffix("did you mean ROLLCALL_QUEUES?"))
    #expect(try refusal(nil, ["ROLLCALL_CONFG": "a"]).hasSuffix("did you mean ROLLCALL_CONFIG?"))
    let foreign = [
      "ROLLCALL_TEST_REDIS_URL", "ROLLCALL_BINARY", "ROLLCALL_PORT", "ROLLCALL_SERVICE_HOST",
      "ROLLCALL_PORT_6379_TCP", "ROLLCALL_", "PATH",
    ]
    #expect(try load(nil, Dictionary(uniqueKeysWithValues: foreign.map { ($0, "x") })).origins.isEmpty)
  }

  @Test func `settings that contradict each other are refused, both named`() throws {
    #expect(
      try refusal(nil, ["ROLLCALL_LOCK_TTL": "6 s"])
        == "lock_renew (3 s, default) must be less than half of lock_ttl (6 s, environment ROLLCALL_LOCK_TTL), "
        + "so that one late renewal loses no lock")
    #expect(try refusal("stall_after: 10 m\n").hasPrefix("stall_after (10 m, file FILE:1) must be no longer than"))
    #expect(try load("lock_ttl: 1 s\nlock_renew: 300 ms\n").lockRenew == .milliseconds(300))
  }

  @Test func `the report shows every setting with its source and no password`() throws {
    let configuration = try load(
      "redis_url: redis://me:hunter2@host/0\npostgres_url: host=db password='hun ter2' user=me\n")
    #expect(configuration.report.map(\.key) == Setting.all.map(\.key))
    let lines = configuration.table.lines
    #expect(lines[0].hasPrefix("KEY"))
    #expect(lines[1].contains("redis://me:***@host/0"))
    #expect(lines[2].contains("host=db password=*** user=me"))
    #expect(!lines.joined().contains("ter2"))
    #expect(configuration.report.last == .init(key: "alert_lock_age", value: "1 h", source: "default", inEffect: false))
    #expect(lines[1].hasSuffix("  yes") && lines.last?.hasSuffix("  not yet") == true)
  }
}
