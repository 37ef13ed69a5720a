import Foundation
import TestSupport
import Testing

@testable import rollcall

/// Real servers in directories of their own; as root Postgres runs as its own user there.
@Suite struct LocalServersTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    // mkdtemp keeps everybody out; as root the Postgres account must pass.
    chmod(directory.path, 0o711)
  }

  private func servers() throws -> LocalServers { try LocalServers(dataDirectory: directory.appending("data")) }

  private func programs() throws -> ServerPrograms {
    try ServerPrograms.find(in: ServerPrograms.searchPath(environment: [:]), cluster: nil)
  }

  private func sql(_ servers: LocalServers, _ statement: String) throws -> String {
    let psql = "\(try programs().postgres)/psql"
    let result = try runProgram([psql, servers.directory.postgresURL, "-XAtc", statement], patience: .seconds(20))
    #expect(result.succeeded, "\(result.output)")
    return trimmed(result.output)
  }

  private func redis(_ servers: LocalServers, _ words: String...) throws -> String {
    let command = [try programs().redisCLI, "-s", servers.directory.redisSocket] + words
    return trimmed(try runProgram(command, patience: .seconds(20)).output)
  }

  @Test func `what was written is there after a stop and a second start`() throws {
    let servers = try servers()
    let urls = try servers.start()
    #expect(urls.redisURL == "unix://\(directory.path)/data/redis/redis.sock")
    #expect(try sql(servers, "CREATE TABLE t AS SELECT 42 AS n; SHOW server_encoding").hasSuffix("UTF8"))
    #expect(try redis(servers, "SET", "k", "v") == "OK")
    #expect(try redis(servers, "CONFIG", "GET", "maxmemory-policy").hasSuffix("noeviction"))
    servers.stop()
    #expect(try redis(servers, "PING") != "PONG")

    #expect(try servers.start() == urls)
    #expect(try sql(servers, "SELECT n FROM t") == "42")
    #expect(try redis(servers, "GET", "k") == "v")
    servers.stop()
  }

  @Test func `the configuration that it writes leads to its servers`() throws {
    let servers = try servers()
    let urls = try servers.start(prefix: "mine:2")
    defer { servers.stop() }
    let configuration = try Configuration.load(
      file: directory.appending("data/rollcall.yaml"), environment: [:], flags: [:])
    #expect(configuration.redisURL == urls.redisURL)
    #expect(configuration.postgresURL == urls.postgresURL)
    #expect(configuration.prefix == "mine:2")
  }

  @Test func `a second user of the directory is refused and told who is there`() throws {
    let servers = try servers()
    _ = try servers.start()
    defer { servers.stop() }
    let error = #expect(throws: LocalServersError.self) { try self.servers().start() }
    let text = try #require(error?.description)
    #expect(text.contains("process \(getpid())"))
    #expect(text.contains("\(directory.path)/data;"))
    #expect(try redis(servers, "PING") == "PONG")
  }

  @Test func `servers that a killed owner left running are replaced, their data kept`() throws {
    let data = try DataDirectory(directory.appending("data"))
    let account = try Account.postgres()
    // The owner that is gone: servers without the directory's lock.
    try data.create(owner: account)
    let postgres = LocalPostgres(directory: data, programs: try programs(), account: account)
    try postgres.initialise()
    let redis = LocalRedis(directory: data, programs: try programs())
    let left = [try redis.start(), try postgres.start()]

    let servers = try servers()
    _ = try servers.start()
    defer { servers.stop() }
    for var process in left {
      let isRunning = process.isRunning
      #expect(!isRunning)
    }
    #expect(try sql(servers, "SELECT 1") == "1")
  }

  @Test func `a process that got the id of the last run's Postgres keeps nothing from starting`() throws {
    let servers = try servers()
    _ = try servers.start()
    servers.stop()
    let sleep = try Account.postgres().prefix(try programs()) + ["/usr/bin/env", "sleep", "600"]
    var stranger = try ServerProcess.start(sleep, output: STDERR_FILENO)
    defer { stranger.end([(SIGKILL, .seconds(10))]) }
    try Data("\(stranger.pid)\n".utf8).write(to: URL(filePath: servers.directory.postgresProcessFile))
    _ = try servers.start()
    servers.stop()
    let isRunning = stranger.isRunning
    #expect(isRunning)
  }

  @Test(.enabled(if: geteuid() == 0, "only root starts Postgres as somebody else"))
  func `a directory that the Postgres account cannot reach is refused with advice`() throws {
    chmod(directory.path, 0o700)
    let error = #expect(throws: LocalServersError.self) { try self.servers().start() }
    let text = try #require(error?.description)
    #expect(text.hasPrefix("user postgres, which Postgres runs as, cannot enter \(directory.path)/data: "))
  }

  @Test func `half a cluster of an earlier start is made anew`() throws {
    let data = try DataDirectory(directory.appending("data"))
    try data.create(owner: try Account.postgres())
    try FileManager.default.createDirectory(atPath: data.newPostgres + "/base", withIntermediateDirectories: true)
    let servers = try servers()
    _ = try servers.start()
    servers.stop()
    #expect(!FileManager.default.fileExists(atPath: data.newPostgres))
  }

  @Test func `a server that does not start says why in one line, and nothing stays behind`() throws {
    let servers = try servers()
    _ = try servers.start()
    servers.stop()
    let settings = servers.directory.postgres + "/postgresql.conf"
    let handle = try #require(FileHandle(forWritingAtPath: settings))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("\nno_such_setting = 1\n".utf8))
    try handle.close()
    let error = #expect(throws: LocalServersError.self) { try servers.start() }
    let text = try #require(error?.description)
    #expect(text.hasPrefix("Postgres did not start: ") && text.contains("no_such_setting"))
    #expect(!text.contains("\n"))
    #expect(try redis(servers, "PING") != "PONG")
  }

  @Test func `servers ignore what the terminal sends to our process group`() throws {
    let servers = try servers()
    _ = try servers.start()
    defer { servers.stop() }
    for file in [servers.directory.redisProcessFile, servers.directory.postgresProcessFile] {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let pid = try #require(pid_t(text.split(separator: "\n")[0]))
      #expect(getpgid(pid) == pid)
      #expect(pid != getpgrp())
    }
  }
}
