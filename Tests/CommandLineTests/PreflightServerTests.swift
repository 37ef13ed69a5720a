import Foundation
import TestSupport
import Testing

/// `rollcall preflight` on servers that are as they should be, and on others.
@Suite struct PreflightServerTests {
  /// What preflight says, by check.
  private func checks(
    _ deployment: TestDeployment, more: [String: String] = [:], code: Int32,
    at location: SourceLocation = #_sourceLocation
  ) throws -> [String: String] {
    let ended = try deployment.run(["preflight", "--json"], more: more)
    #expect(ended.code == code, "\(ended.text)\(ended.errors)", sourceLocation: location)
    #expect(ended.errors == "", sourceLocation: location)
    return try findings(ended, at: location).mapValues(\.status)
  }

  private func persistent(_ options: [String] = []) throws -> PrivateRedis {
    try PrivateRedis(["--appendonly", "yes"] + options)
  }

  @Test func `on good servers all is well, nothing is left there, and the lines are aligned`() throws {
    let redis = try persistent()
    let deployment = try TestDeployment(redis: redis.url)
    let count = """
      SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM scan_events)
      """
    let before = try deployment.database.query(count)
    let ended = try deployment.run(["preflight"])
    #expect(ended.code == 0 && ended.errors == "")
    #expect(try deployment.database.query(count) == before)
    #expect(try deployment.redis(["DBSIZE"]) == "0")
    let lines = ended.text.split(separator: "\n")
    let column = try #require(lines[0].firstRange(of: "FOUND")?.lowerBound)
    let width = lines[0].distance(from: lines[0].startIndex, to: column)
    #expect(lines.count == 7)
    for line in lines.dropFirst() {
      #expect(line.hasPrefix("ok  ") && line.dropFirst(width - 2).hasPrefix("  "), "\(line)")
      #expect(!line.dropFirst(width).hasPrefix(" "), "\(line)")
    }
    let json = try array(deployment.run(["preflight", "--json"]))
    #expect(
      json.map { $0["check"] as? String } == [
        "redis", "redis_eviction", "redis_persistence", "postgres", "postgres_writes", "postgres_room",
      ])
    for finding in json {
      #expect(Set(finding.keys) == ["check", "library", "status", "message", "advice"])
      #expect(finding["status"] as? String == "ok")
      #expect(finding["library"] is NSNull && finding["advice"] is NSNull)
    }
  }

  @Test func `a Redis that may evict is a failure, with the line to type, and typing it is enough`() throws {
    let redis = try persistent(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
    let deployment = try TestDeployment(redis: redis.url)
    let ended = try deployment.run(["preflight", "--json"])
    #expect(ended.code == 1)
    let eviction = try #require(try findings(ended)["redis_eviction"])
    #expect(eviction.status == "failure" && eviction.message.contains("keys may be evicted"))
    let line = try #require(eviction.advice?.firstMatch(of: /redis-cli (CONFIG SET [a-z-]+ [a-z]+)/)).1
    try deployment.redis(line.split(separator: " ").map(String.init))
    #expect(try checks(deployment, code: 0)["redis_eviction"] == "ok")
    try deployment.redis(["CONFIG", "SET", "maxmemory-policy", "volatile-ttl", "maxmemory", "0"])
    #expect(try checks(deployment, code: 0)["redis_eviction"] == "warning")
  }

  @Test func `a Redis that keeps nothing is a warning that says what is lost`() throws {
    let redis = try PrivateRedis()
    let deployment = try TestDeployment(redis: redis.url)
    let ended = try deployment.run(["preflight", "--json"])
    #expect(ended.code == 0)
    let persistence = try #require(try findings(ended)["redis_persistence"])
    #expect(persistence.status == "warning" && persistence.message.contains("are lost"))
    #expect(persistence.message.contains("go on by themselves"))
    #expect(try deployment.succeed(["preflight"]).contains("\nwarning  redis_persistence"))
  }

  @Test(arguments: ["unix:///nonexistent/redis.sock", "redis://127.0.0.1:1/0"])
  func `without Redis the rest is checked all the same`(url: String) throws {
    let deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
    let away = ["ROLLCALL_REDIS_URL": url]
    let statuses = try checks(deployment, more: away, code: 5)
    #expect(
      statuses == [
        "redis": "failure", "postgres": "ok", "postgres_writes": "ok", "postgres_room": "ok", "root": "ok",
        "worker": "warning",
      ])
    #expect(try deployment.run(["preflight"], more: away).text.contains("; check that it runs there"))
  }

  @Test func `a password that is refused is told, and not shown`() throws {
    let redis = try persistent(["--requirepass", "right"])
    let deployment = try TestDeployment()
    for login in [":s3cret@", ""] {
      let ended = try deployment.run(["preflight"], more: ["ROLLCALL_REDIS_URL": "unix://\(login)\(redis.socket)"])
      #expect(ended.code == 5)
      #expect(ended.text.contains("failure  redis") && ended.text.contains("check user and password"))
      #expect(!ended.text.contains("s3cret") && !ended.errors.contains("s3cret"))
    }
    let url = "postgresql://app:s3cret@/nowhere?host=/nonexistent"
    let ended = try deployment.run(["preflight"], more: ["ROLLCALL_POSTGRES_URL": url])
    #expect(ended.code == 5 && !ended.text.contains("s3cret"))
  }

  @Test func `without Postgres Redis is checked all the same`() throws {
    let deployment = try TestDeployment()
    for (url, advice) in [
      ("postgresql:///rollcall?host=/nonexistent", "Postgres cannot be reached"),
      (deployment.database.url + " dbname=rollcall_nowhere", "createdb"),
    ] {
      let more = ["ROLLCALL_POSTGRES_URL": url]
      let statuses = try checks(deployment, more: more, code: 5)
      #expect(statuses["redis"] == "ok" && statuses["postgres"] == "failure" && statuses["postgres_room"] == nil)
      for command in [["preflight"], ["preflight", "x"]] {
        #expect(try deployment.run(command, more: more).text.contains(advice))
      }
    }
  }

  @Test func `what cannot be read as a URL is refused as everywhere`() throws {
    let deployment = try TestDeployment()
    for (name, url) in [("REDIS", "127.0.0.1:6379"), ("POSTGRES", "host=x pasword=y")] {
      let ended = try deployment.run(["preflight"], more: ["ROLLCALL_\(name)_URL": url])
      expectFailure(ended, code: 2, saying: "cannot be read")
    }
  }

  @Test func `a schema that this program does not know is a failure, with what to do`() throws {
    let database = try TestDatabase()
    let deployment = try TestDeployment()
    let empty = try deployment.run(["preflight"], more: ["ROLLCALL_POSTGRES_URL": database.url])
    #expect(empty.code == 2 && empty.text.contains(/failure +postgres .*; run `rollcall migrate`\n/), "\(empty.text)")
    try deployment.database.query(
      "INSERT INTO schema_migrations (version, checksum) SELECT max(version) + 1, 'later' FROM schema_migrations")
    let newer = try deployment.run(["preflight"])
    #expect(newer.code == 2 && newer.text.contains("; install the newer release"), "\(newer.text)")
  }

  @Test func `a Postgres that takes no writes is a failure`() throws {
    let deployment = try TestDeployment()
    try deployment.database.query(
      "ALTER DATABASE \(deployment.database.name) SET default_transaction_read_only = on")
    let statuses = try checks(deployment, code: 1)
    #expect(statuses["postgres"] == "ok" && statuses["postgres_writes"] == "failure")
    #expect(statuses["postgres_room"] == nil)
    #expect(try deployment.run(["preflight"]).text.contains("default_transaction_read_only"))
  }

  @Test func `a user who may only read, and one who may make no temporary table, are told apart`() throws {
    let deployment = try TestDeployment()
    let (role, database) = (TestServers.uniqueName("reader"), deployment.database)
    try database.query("CREATE ROLE \(role) LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)")
    defer { _ = try? database.query("DROP OWNED BY \(role); DROP ROLE \(role)") }
    let more = ["ROLLCALL_POSTGRES_URL": database.url + " user=\(role)"]
    let ended = try deployment.run(["preflight", "--json"], more: more)
    let writes = try #require(try findings(ended)["postgres_writes"])
    #expect(ended.code == 1 && writes.status == "failure" && writes.message.contains("permission denied"))
    #expect(writes.advice?.contains("owns") == true)
    try database.query(
      """
      GRANT ALL ON ALL TABLES IN SCHEMA public TO \(role); REVOKE TEMPORARY ON DATABASE \(database.name) FROM PUBLIC
      """)
    let statuses = try checks(deployment, more: more, code: 0)
    #expect(statuses["postgres_writes"] == "ok" && statuses["postgres_room"] == "warning")
  }

  @Test func `a disk without room is a failure, and with room none`() throws {
    guard let small = try SmallPostgres() else { return }
    let deployment = try TestDeployment(postgres: small.postgres.conninfo)
    try small.move(deployment.database.name)
    #expect(try checks(deployment, code: 0)["postgres_room"] == "ok")
    try small.fill(deployment.database, leaving: 4)
    let ended = try deployment.run(["preflight", "--json"])
    let room = try #require(try findings(ended)["postgres_room"])
    #expect(ended.code == 1 && room.status == "failure", "\(room)")
    #expect(room.message.contains("53100") && room.advice?.contains("free space") == true)
    try deployment.database.query("TRUNCATE filler")
    #expect(try checks(deployment, code: 0)["postgres_room"] == "ok")
  }

  @Test func `an unknown library is refused in one line`() throws {
    let deployment = try TestDeployment()
    expectFailure(try deployment.run(["preflight", "nowhere"]), code: 1, saying: "no library is named \"nowhere\"")
    expectFailure(try deployment.run(["preflight", "nowhere", "--json"]), code: 1, saying: "no library is named")
  }
}

/// What preflight has found in one check.
struct CheckedFinding {
  let library: String?
  let status: String
  let message: String
  let advice: String?
}

/// What `preflight --json` says, by check; of several findings of one check the last one.
func findings(
  _ ended: ChildProcess.Ended, at location: SourceLocation = #_sourceLocation
) throws -> [String: CheckedFinding] {
  var findings: [String: CheckedFinding] = [:]
  for finding in try array(ended, at: location) {
    let check = try #require(finding["check"] as? String, sourceLocation: location)
    findings[check] = CheckedFinding(
      library: finding["library"] as? String, status: try #require(finding["status"] as? String),
      message: try #require(finding["message"] as? String), advice: finding["advice"] as? String)
  }
  return findings
}
