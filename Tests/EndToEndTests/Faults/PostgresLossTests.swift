import Foundation
import TestSupport
import Testing

extension Faults {
  /// Postgres ends, goes away or takes no writes, in the middle of a scan.
  @Suite struct PostgresLossTests {
    @Test func `a Postgres that restarts at once loses nothing that was committed`() async throws {
      try await inTurn {
        let postgres = try PrivatePostgres()
        try postgres.waitUntilReady()
        let scene = try Self.busyScene(postgres: postgres.conninfo)
        try scene.duringScan { _ in
          postgres.stop()
          try postgres.start()
          try postgres.waitUntilReady()
        }
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }

    @Test func `a Postgres that is away for 20 s is waited for, and told of twice`() async throws {
      try await inTurn(isLong: true) {
        let postgres = try PrivatePostgres()
        try postgres.waitUntilReady()
        let scene = try Self.busyScene(postgres: postgres.conninfo)
        try scene.duringScan { _ in postgres.stop() }
        usleep(20_000_000)
        try postgres.start()
        try postgres.waitUntilReady()
        try scene.expectExactEnd()
        for name in ["one", "two"] {
          // The other one may have ended the scan before this one has looked for Postgres again.
          try scene.wait("\(name) tells that Postgres is back") { try scene.outage(by: name).back > 0 }
          let told = try scene.outage(by: name)
          guard told == (1, 1) else { throw scene.broken("\(name) told \(told) times of the outage") }
        }
        try scene.expectNoAttempts()
      }
    }

    @Test func `each connection in turn may be terminated`() async throws {
      try await inTurn {
        // Two slots of each worker, and the reaper.
        let connections = 5
        let scene = try Self.busyScene(filesPerSecond: 1_000)
        var ended: Set<String> = []
        while ended.count < connections {
          ended.insert(
            try scene.duringScan(when: { $0.claims.count == 4 }) { _ in
              try Self.terminateSession(of: scene, besides: ended)
            })
        }
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }

    @Test func `a Postgres that takes no writes for a while is waited for`() async throws {
      try await inTurn {
        let scene = try Self.busyScene()
        let name = scene.deployment.database.name
        try scene.duringScan { _ in
          try scene.deployment.database.query(
            """
            ALTER DATABASE \(name) SET default_transaction_read_only = on;
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)
        }
        usleep(4_000_000)
        guard try scene.scan()?.hasEnded == false else { throw scene.broken("the scan ended meanwhile") }
        try scene.deployment.database.query(
          "SET default_transaction_read_only = off; ALTER DATABASE \(name) RESET default_transaction_read_only")
        try scene.expectExactEnd()
        try scene.expectNoAttempts()
      }
    }

    /// Ends one session.
    ///
    /// - Returns: whose it was: a slot's, as `<worker>/<slot>`, or the reaper's.
    private static func terminateSession(of scene: FaultScene, besides ended: Set<String>) throws -> String {
      let others = ended.map { "'\($0)'" }.joined(separator: ", ")
      let rows = try scene.deployment.database.query(
        """
        SELECT owner, pg_terminate_backend(pid, 60000) FROM (
          SELECT pid, coalesce(sl.worker, 'the reaper') AS owner
            FROM pg_stat_activity a LEFT JOIN slices sl ON sl.backend_pid = a.pid AND sl.state = 'running'
           WHERE a.datname = current_database() AND a.application_name LIKE 'rollcall%') s
         WHERE owner <> ALL (ARRAY[\(others)]::text[]) LIMIT 1
        """
      ).map { $0.components(separatedBy: "\t") }
      guard rows.count == 1, rows[0].count == 2, rows[0][1] == "t" else {
        throw scene.broken("no session was ended: \(rows)")
      }
      return rows[0][0]
    }

    /// A scan that two workers and a reaper are about to work on.
    private static func busyScene(postgres: String? = nil, filesPerSecond: Int = 3_000) throws -> FaultScene {
      let scene = try FaultScene(
        ForestTree(), postgres: postgres, settings: FaultScene.calm,
        rules: ["--max-files-per-second", "\(filesPerSecond)"])
      try scene.reaper()
      try scene.worker("one")
      try scene.worker("two")
      try scene.requestScan()
      return scene
    }
  }
}

extension FaultScene {
  /// How often a process has told that Postgres is away, and that it is back.
  fileprivate func outage(by name: String) throws -> (away: Int, back: Int) {
    let log = try process(name).errorsSoFar
    return (log.count(of: "Postgres is away"), log.count(of: "Postgres is back"))
  }
}

extension String {
  fileprivate func count(of words: String) -> Int { components(separatedBy: words).count - 1 }
}
