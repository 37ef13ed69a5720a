import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

/// What Redis says of itself, and what that means for scans.
@Suite struct RedisStandingTests {
  private func findings(_ change: (inout RedisStanding) -> Void) -> [String] {
    var standing = RedisStanding(endpoint: "unix:///r")
    (standing.isReplica, standing.memoryLimit, standing.memoryUsed) = (false, 0, 1000)
    (standing.evictionPolicy, standing.hasAppendOnlyFile, standing.hasSavePoints) = ("noeviction", true, false)
    change(&standing)
    return standing.findings.map(\.status)
  }

  @Test func `each check of Redis is judged by itself`() {
    #expect(findings { _ in } == ["ok", "ok", "ok"])
    #expect(findings { $0.isReplica = true } == ["failure", "ok", "ok"])
    #expect(findings { $0.memoryLimit = 1001 } == ["ok", "ok", "ok"])
    #expect(findings { $0.memoryLimit = 1000 } == ["failure", "ok", "ok"])
    for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random", "something-new"] {
      #expect(findings { $0.evictionPolicy = policy } == ["ok", "warning", "ok"])
      #expect(findings { ($0.evictionPolicy, $0.memoryLimit) = (policy, 1) } == ["ok", "failure", "ok"])
      #expect(findings { ($0.evictionPolicy, $0.memoryLimit) = (policy, nil) } == ["ok", "failure", "ok"])
    }
    #expect(findings { $0.evictionPolicy = nil } == ["ok", "warning", "ok"])
    #expect(findings { $0.hasAppendOnlyFile = false } == ["ok", "ok", "warning"])
    #expect(findings { ($0.hasAppendOnlyFile, $0.hasSavePoints) = (false, true) } == ["ok", "ok", "ok"])
    #expect(findings { ($0.hasAppendOnlyFile, $0.hasSavePoints) = (nil, nil) } == ["ok", "ok", "warning"])
    #expect(findings { $0.appendFailed = true } == ["ok", "ok", "warning"])
    #expect(findings { $0.snapshotFailed = true } == ["ok", "ok", "warning"])
  }

  @Test func `what is wrong is told in one line with what to do, and what is right asks for nothing`() {
    var standing = RedisStanding(endpoint: "unix:///r")
    for finding in standing.findings where finding.status != "ok" { #expect(finding.advice?.isEmpty == false) }
    (standing.evictionPolicy, standing.memoryLimit) = ("allkeys-lru", 1)
    let eviction = standing.findings[1]
    #expect(eviction.line.contains("redis-cli CONFIG SET maxmemory-policy noeviction"))
    #expect(eviction.line.contains("allkeys-lru") && !eviction.line.contains("\n"))
    #expect(standing.findings[0].advice == nil)
  }

  private func look(_ options: [String] = [], login: String = "", _ prepare: (PrivateRedis) throws -> Void = { _ in })
    throws -> RedisStanding
  {
    let redis = try PrivateRedis(options)
    try prepare(redis)
    let endpoint = try RedisEndpoint(url: "unix://\(login)\(redis.socket)")
    return try RedisExamination(connection: RedisConnection(endpoint: endpoint)).look()
  }

  @Test func `all is told by a Redis that may be asked`() throws {
    let standing = try look(["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru", "--save", "3600 1"])
    #expect(standing.memoryLimit == 100 << 20 && standing.evictionPolicy == "volatile-lru")
    #expect(standing.isReplica == false && (standing.memoryUsed ?? 0) > 0)
    #expect(standing.hasAppendOnlyFile == false && standing.hasSavePoints == true)
    #expect(standing.snapshotFailed == false && standing.appendFailed == false)
    #expect(try look(["--appendonly", "yes"]).hasAppendOnlyFile == true)
    #expect(try look().hasSavePoints == false)
    #expect(try look(["--replicaof", "127.0.0.1", "1"]).isReplica == true)
  }

  @Test func `where CONFIG is forbidden, INFO tells the policy`() throws {
    let standing = try look(["--rename-command", "CONFIG", "", "--maxmemory", "9mb"])
    #expect(standing.memoryLimit == 9 << 20 && standing.evictionPolicy == "noeviction")
    #expect(standing.hasAppendOnlyFile == false && standing.hasSavePoints == nil)
    #expect(standing.findings.map(\.status) == ["ok", "ok", "warning"])
  }

  @Test func `where INFO is forbidden, CONFIG tells it; where both are, it is a warning`() throws {
    func user(_ rules: String...) -> (PrivateRedis) throws -> Void {
      { redis in
        try run(["redis-cli", "-s", redis.socket, "ACL", "SETUSER", "u", "on", ">p", "~*", "+@all", "-info"] + rules)
      }
    }
    let told = try look(["--maxmemory", "9mb", "--appendonly", "yes"], login: "u:p@", user())
    #expect(told.memoryLimit == 9 << 20 && told.evictionPolicy == "noeviction" && told.hasAppendOnlyFile == true)
    #expect(told.findings.map(\.status) == ["ok", "ok", "ok"])
    let silent = try look([], login: "u:p@", user("-config"))
    #expect(silent.findings.map(\.status) == ["ok", "warning", "warning"])
  }

  @Test func `a snapshot that could not be written is told`() throws {
    let standing = try look { redis in
      try run(["mkdir", redis.directory.appending("dump.rdb")])
      try run(["redis-cli", "-s", redis.socket, "BGSAVE"])
      try eventually("the snapshot fails") {
        String(decoding: try run(["redis-cli", "-s", redis.socket, "INFO", "persistence"]), as: UTF8.self)
          .contains("rdb_last_bgsave_status:err")
      }
    }
    #expect(standing.snapshotFailed == true)
    #expect(standing.findings.map(\.status) == ["ok", "ok", "warning"])
  }

  @Test func `nothing is changed by a look`() throws {
    let redis = try PrivateRedis()
    let endpoint = try RedisEndpoint(url: redis.url)
    let examination = RedisExamination(connection: RedisConnection(endpoint: endpoint))
    // A replica takes no writes, and a look needs none.
    try run(["redis-cli", "-s", redis.socket, "REPLICAOF", "127.0.0.1", "1"])
    #expect(try examination.look().isReplica == true)
    let stats = String(decoding: try run(["redis-cli", "-s", redis.socket, "INFO", "commandstats"]), as: UTF8.self)
    let names = stats.matches(of: /cmdstat_([a-z|]+):/).map { String($0.1) }
    #expect(Set(names).isSubset(of: ["ping", "info", "config|get", "select", "replicaof", "command", "command|docs"]))
  }
}
