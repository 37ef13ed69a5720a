import TestSupport
import Testing

/// A schema that this program does not know is said by every command, and none touches it.
@Suite struct SchemaTests {
  static let commands = AbsentServersTests.catalogCommands.filter { $0 != ["migrate"] }

  private func expectAll(_ deployment: TestDeployment, saying words: String) throws {
    for command in Self.commands {
      expectFailure(try deployment.run(command), code: 2, saying: words)
    }
  }

  @Test func `without a schema every command says to migrate`() throws {
    let deployment = try TestDeployment()
    try deployment.database.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    try expectAll(deployment, saying: "run `rollcall migrate`")
  }

  @Test func `a schema newer than the program is refused, by migrate too`() throws {
    let deployment = try TestDeployment()
    try deployment.database.query(
      "INSERT INTO schema_migrations (version, checksum) SELECT max(version) + 1, 'x' FROM schema_migrations")
    try expectAll(deployment, saying: "install the newer release")
    expectFailure(try deployment.run(["migrate"]), code: 2, saying: "install the newer release")
  }

  @Test func `a schema older than the program is refused`() throws {
    let deployment = try TestDeployment()
    try deployment.database.query(
      "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)")
    try expectAll(deployment, saying: "run `rollcall migrate`")
  }

  @Test func `a second migration has nothing to do and says so`() throws {
    let deployment = try TestDeployment()
    let ended = try deployment.run(["migrate"])
    #expect(ended.code == 0)
    #expect(ended.text.hasPrefix("The schema is up to date: version "))
  }

  @Test func `a migration that is another than the program's is refused`() throws {
    let deployment = try TestDeployment()
    try deployment.database.query("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")
    expectFailure(try deployment.run(["migrate"]), code: 2, saying: "migration 1", "use the release")
  }
}
