import Foundation
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct VerifyWritesNothingTests {
    private static let written = """
      SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables
       WHERE relname NOT LIKE 'pg_%' ORDER BY relid
      """

    @Test func `a role that may only read compares everything, and no tuple is written`() throws {
      let tree = try TestTree()
      try tree.makeEveryShape(flat: 100)
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      worker.send(SIGTERM)
      #expect(try worker.wait().code == 0)
      let database = deployment.database
      let role = "reader_\(database.name)"
      try database.query(
        """
        CREATE ROLE \(role) LOGIN;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)
        """)
      defer { _ = try? database.query("DROP OWNED BY \(role); DROP ROLE \(role)") }
      try tree.file("new")
      try run(["rm", "-r", tree.path("many/1")])
      chmod(tree.path("old"), 0o600)

      // What the scan has written is counted by then: its sessions have ended, or are told to tell.
      try eventually("the counts are at rest") {
        let before = try database.query("SELECT pg_stat_force_next_flush(); \(Self.written)")
        usleep(300_000)
        return try before == database.query("SELECT pg_stat_force_next_flush(); \(Self.written)")
      }
      let before = try database.query(Self.written)
      let reader = ["ROLLCALL_POSTGRES_URL": database.url + " user=\(role)"]
      let verified = try Verified(deployment.run(["verify", "x", "--json"], more: reader))
      #expect(
        verified.differences == [
          "changed file old ctime_ns,mode", "missing directory many/1 1", "unknown file new",
        ], "\(verified.errors)")
      #expect(try database.query("SELECT pg_stat_force_next_flush(); \(Self.written)") == before)
      #expect(try database.query("SELECT count(*) FROM scans") == ["1"])
    }

    @Test(arguments: [true, false])
    func `neither Redis nor a worker is needed, and no transaction lasts for as long as the walk`(
      hasRedis: Bool
    ) throws {
      let tree = try TestTree()
      try tree.makeEveryShape(flat: 1_000)
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root, "--max-files-per-second", "1000000")
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      worker.send(SIGTERM)
      #expect(try worker.wait().code == 0)
      // Slow enough to be looked at.
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "500"])
      let away = ["ROLLCALL_REDIS_URL": "unix:///nowhere/redis.sock"]
      let verify = try deployment.start(["verify", "x"], more: hasRedis ? [:] : away)
      let begin = ContinuousClock.now
      while verify.isRunning {
        #expect(
          try deployment.database.query(
            """
            SELECT state, backend_xmin FROM pg_stat_activity
             WHERE application_name = 'rollcall verify' AND (state LIKE 'idle in%' OR state = 'idle' AND backend_xmin IS NOT NULL)
            """) == [])
        usleep(20_000)
      }
      let ended = try verify.wait()
      #expect(ended.code == 0 && ended.text.hasSuffix(": equal.\n"), "\(ended.errors)\(ended.text)")
      // Some 2,500 entries at 500 a second.
      #expect(ContinuousClock.now - begin > .seconds(4))
    }
  }
}
