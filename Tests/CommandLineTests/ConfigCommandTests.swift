import Foundation
import TestSupport
import Testing

/// `rollcall config`, and what a wrong configuration says.
@Suite struct ConfigCommandTests {
  private func file(_ text: String) throws -> (TemporaryDirectory, String) {
    let directory = try TemporaryDirectory()
    let path = directory.appending("rollcall.yaml")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return (directory, path)
  }

  @Test func `each value is shown with the layer that gave it`() throws {
    let (directory, path) = try file("prefix: from-file\nlock_ttl: 20 s\nmax_attempts: 7\n")
    let environment = ["ROLLCALL_CONFIG": path, "ROLLCALL_MAX_ATTEMPTS": "8", "ROLLCALL_LOG_LEVEL": "debug"]
    let settings = try array(rollcall(["config", "--json", "--log-level", "error"], environment))
    let shown = Dictionary(
      uniqueKeysWithValues: settings.map { ($0["key"] as? String, [$0["value"] as? String, $0["source"] as? String]) })
    #expect(shown["prefix"] == ["from-file", "file \(path):1"])
    #expect(shown["lock_ttl"] == ["20 s", "file \(path):2"])
    #expect(shown["max_attempts"] == ["8", "environment ROLLCALL_MAX_ATTEMPTS"])
    #expect(shown["log_level"] == ["error", "flag --log-level"])
    #expect(shown["sweep_interval"] == ["2 s", "default"])
    let table = try rollcall(["config"], environment).text
    for setting in settings { #expect(table.contains("\(setting["key"] as? String ?? "?") ")) }
    withExtendedLifetime(directory) {}
  }

  @Test func `a value that is brought within bounds is shown as it is worked with`() throws {
    func shown(_ environment: [String: String]) throws -> [String: [String?]] {
      let settings = try array(rollcall(["config", "--json"], environment))
      return Dictionary(
        uniqueKeysWithValues: settings.map {
          ($0["key"] as? String ?? "", [$0["value"] as? String, $0["source"] as? String])
        })
    }
    let bounded = try shown([
      "ROLLCALL_LOCK_TTL": "3 s", "ROLLCALL_LOCK_RENEW": "1 s", "ROLLCALL_SWEEP_INTERVAL": "5 s",
      "ROLLCALL_MAX_ATTEMPTS": "1",
    ])
    #expect(bounded["sweep_interval"] == ["1 s", "environment ROLLCALL_SWEEP_INTERVAL, which says 5 s"])
    #expect(bounded["max_attempts"] == ["2", "environment ROLLCALL_MAX_ATTEMPTS, which says 1"])
    let short = try shown(["ROLLCALL_LOCK_TTL": "3 s", "ROLLCALL_LOCK_RENEW": "1 s"])
    #expect(short["sweep_interval"] == ["1 s", "default, which says 2 s"])
    #expect(short["max_attempts"] == ["3", "default"])
  }

  @Test func `passwords are masked in every form`() throws {
    let environment = [
      "ROLLCALL_REDIS_URL": "redis://u:s3cret@h:1/0", "ROLLCALL_POSTGRES_URL": "host=h password='s3 cret' dbname=d",
    ]
    for arguments in [
      ["config", "--redis-url", "redis://s3cret@h:1"], ["config"], ["config", "--json"],
      ["config", "--postgres-url", "postgresql://u:s3cret@h/d"],
    ] {
      let ended = try rollcall(arguments, environment)
      #expect(ended.code == 0)
      #expect(!ended.text.contains("s3") && !ended.text.contains("cret") && ended.text.contains("***"))
    }
  }

  @Test func `an unknown key or variable suggests the nearest one`() throws {
    let (directory, path) = try file("prefix: x\nlock_tll: 10 s\n")
    for command in [["config"], ["status"], ["worker"], ["up", "--data", "/nonexistent/x"]] {
      expectFailure(
        try rollcall(command + ["--config", path]), code: 2, saying: "\(path):2", "\"lock_tll\"", "lock_ttl")
    }
    expectFailure(
      try rollcall(["config"], ["ROLLCALL_LOCK_TLL": "1 s"]), code: 2, saying: "did you mean ROLLCALL_LOCK_TTL?")
    withExtendedLifetime(directory) {}
  }

  @Test func `a configuration that cannot be read is said with its place`() throws {
    let (directory, path) = try file("lock_ttl: 10\n")
    expectFailure(
      try rollcall(["config", "--config", path]), code: 2, saying: "\(path):1", "lock_ttl", "with its unit")
    expectFailure(try rollcall(["config", "--config", "/nonexistent"]), code: 2, saying: "/nonexistent", "--config")
    expectFailure(
      try rollcall(["config"], ["ROLLCALL_CONFIG": "/nonexistent"]), code: 2, saying: "/nonexistent", "ROLLCALL_CONFIG")
    let relation = ["ROLLCALL_LOCK_TTL": "4 s"]
    expectFailure(try rollcall(["config"], relation), code: 2, saying: "lock_renew", "environment ROLLCALL_LOCK_TTL")
    withExtendedLifetime(directory) {}
  }

  @Test func `the commented file is what is in force without it`() throws {
    func settings(_ arguments: [String]) throws -> [[String?]] {
      try array(rollcall(["config", "--json"] + arguments)).map { [$0["key"] as? String, $0["value"] as? String] }
    }
    #expect(try settings(["--config", "\(repository)config/rollcall.yaml"]) == settings([]))
  }
}
