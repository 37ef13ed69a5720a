import Foundation
import TestSupport
import Testing

@testable import rollcall

@Suite struct DataDirectoryTests {
  @Test func `a path that is too long for a socket is refused before anything is made`() throws {
    let longest =
      "/tmp/" + String(repeating: "x", count: DataDirectory.longestSocketPath - 5 - "/run/.s.PGSQL.5432".count)
    #expect(try DataDirectory(longest).path == longest)
    let error = #expect(throws: LocalServersError.self) { try LocalServers(dataDirectory: longest + "x") }
    let text = try #require(error?.description)
    #expect(text.hasPrefix("the data directory \(longest)x is too long for Unix sockets (90 bytes, 89 fit)"))
    #expect(!FileManager.default.fileExists(atPath: longest + "x"))
  }

  @Test(arguments: ["", "/tmp/a b", "/tmp/a%", "/tmp/a?b", "/tmp/a\nb", "/tmp/\"", "/tmp/a&b"])
  func `a path that cannot stand in a URL is refused`(path: String) {
    #expect(throws: LocalServersError.self) { try DataDirectory(path) }
  }

  @Test func `a relative path is made absolute`() throws {
    let path = try DataDirectory("/tmp/x/../y/").path
    #expect(path == "/tmp/y")
    #expect(try DataDirectory("data").path == URL.currentDirectory().appending(path: "data").path)
  }

  @Test func `root's servers live in /var/lib, a user's in the state directory`() {
    #expect(DataDirectory.standard(environment: ["HOME": "/home/a"], isRoot: true) == "/var/lib/rollcall")
    #expect(DataDirectory.standard(environment: ["HOME": "/home/a"], isRoot: false) == "/home/a/.local/state/rollcall")
    let state = ["HOME": "/home/a", "XDG_STATE_HOME": "/state"]
    #expect(DataDirectory.standard(environment: state, isRoot: false) == "/state/rollcall")
    let relative = ["HOME": "/home/a", "XDG_STATE_HOME": "state"]
    #expect(DataDirectory.standard(environment: relative, isRoot: false) == "/home/a/.local/state/rollcall")
  }

  @Test func `a missing server is named with the package that has it`() throws {
    let directory = try TemporaryDirectory()
    func refusal(_ cluster: Int?) -> String? {
      #expect(throws: LocalServersError.self) {
        try ServerPrograms.find(in: [directory.path], postgresVersions: directory.path, cluster: cluster)
      }?.description
    }
    #expect(refusal(nil) == "redis-server is not installed: apt-get install redis-server")
    for name in ["redis-server", "redis-cli"] {
      #expect(
        FileManager.default.createFile(
          atPath: directory.appending(name), contents: nil, attributes: [.posixPermissions: 0o755]))
    }
    #expect(refusal(nil) == "PostgreSQL's server is not installed: apt-get install postgresql")
    #expect(
      refusal(12)
        == "PostgreSQL 12, which made this data directory's cluster, is not installed: apt-get install postgresql-12")
  }

  @Test func `a process id that was given to someone else is left alone`() throws {
    let directory = try TemporaryDirectory()
    let file = directory.appending("pid")
    try Data("\(getpid())\n".utf8).write(to: URL(filePath: file))
    #expect(ServerProcess.left(in: file, mark: "/no/such/data") == nil)
    #expect(ServerProcess.left(in: directory.appending("missing"), mark: "") == nil)
    try Data("1\n".utf8).write(to: URL(filePath: file))
    #expect(ServerProcess.left(in: file, mark: "") == nil)
  }
}
