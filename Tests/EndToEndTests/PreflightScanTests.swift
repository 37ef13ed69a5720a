import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// What is made sure of at the start of a scan.
  @Suite struct PreflightScanTests {
    private func tree() throws -> TestTree {
      let tree = try TestTree(inMemory: true)
      try tree.directory("d")
      for index in 0..<5 { try tree.file("d/\(index)") }
      return tree
    }

    private func expectRejected(
      _ deployment: TestDeployment, _ worker: ChildProcess, saying words: String..., check: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let files = try deployment.database.query("SELECT count(*) FROM files")
      let scan = try deployment.scan()
      #expect(scan.status == "failed" && scan.exitCode == 1, sourceLocation: sourceLocation)
      let message = scan.errorMessage ?? ""
      for word in ["pre-flight failed: "] + words {
        #expect(message.contains(word), "\(message) does not say \(word)", sourceLocation: sourceLocation)
      }
      #expect(!message.contains("\n"), sourceLocation: sourceLocation)
      #expect(
        try deployment.database.query(
          "SELECT detail->'failures'->0->>'check' FROM scan_events WHERE scan_id = \(scan.id) AND event = 'preflight'")
          == [check], sourceLocation: sourceLocation)
      #expect(scan.filesSeen == 0 && scan.directoriesSeen == 0, sourceLocation: sourceLocation)
      #expect(try deployment.database.query("SELECT count(*) FROM files") == files, sourceLocation: sourceLocation)
      try deployment.expectNothingLeft(sourceLocation: sourceLocation)
      #expect(worker.isRunning, sourceLocation: sourceLocation)
    }

    @Test func `a Redis that may evict fails the scan with the line to type, and typing it is enough`() throws {
      let redis = try PrivateRedis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
      let tree = try tree()
      let deployment = try TestDeployment(redis: redis.url)
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      for _ in 0..<2 {
        try expectRejected(
          deployment, worker, saying: "redis-cli CONFIG SET maxmemory-policy noeviction", check: "redis_eviction")
      }
      // Though the worker has looked not long ago.
      try deployment.redis(["CONFIG", "SET", "maxmemory-policy", "noeviction"])
      try expectExact(deployment.scan(), TreeRows(of: tree.root, in: deployment))
    }

    @Test func `what is warned of is one event of a scan that goes on, and a line of the log`() throws {
      let redis = try PrivateRedis()
      let tree = try tree()
      let deployment = try TestDeployment(redis: redis.url)
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      for number in 1...2 {
        #expect(try deployment.scan().status == "completed")
        #expect(
          try deployment.database.query(
            """
            SELECT detail->'warnings'->0->>'check', detail->'failures' IS NULL FROM scan_events
             WHERE scan_id = \(number) AND event = 'preflight'
            """) == ["redis_persistence\tt"])
      }
      try eventually("both are logged") {
        worker.errorsSoFar.matches(of: /pre-flight warning .*check=redis_persistence/).count == 2
      }
      try deployment.redis(["CONFIG", "SET", "appendonly", "yes"])
      let other = try deployment.worker(["--name", "later"])
      worker.send(SIGTERM)
      _ = try worker.wait()
      #expect(try deployment.scan().status == "completed")
      #expect(
        try deployment.database.query("SELECT 1 FROM scan_events WHERE scan_id = 3 AND event = 'preflight'") == [])
      #expect(other.isRunning)
    }

    @Test func `a database without room fails the scan at its start, with what to do, and keeps what it had`() throws {
      guard let small = try SmallPostgres() else { return }
      let tree = try tree()
      let deployment = try TestDeployment(postgres: small.postgres.conninfo)
      try deployment.addLibrary(tree.root)
      try small.move(deployment.database.name)
      let worker = try deployment.worker()
      try expectExact(deployment.scan(), TreeRows(of: tree.root, in: deployment))
      // Some hundred KiB, for what tells that the scan has failed.
      try deployment.database.query(
        "CREATE TABLE rest AS SELECT repeat('0 ', 2000)::oidvector AS filler FROM generate_series(1, 40)")
      try small.fill(deployment.database, leaving: 0)
      try deployment.database.query("DROP TABLE rest")
      try expectRejected(deployment, worker, saying: "no room", "53100", "free space", check: "postgres_room")
      try deployment.database.query("TRUNCATE filler")
      #expect(try deployment.scan().filesUnchanged == 5)
      #expect(try TreeRows(of: tree.root, in: deployment).differences() == [])
    }

    @Test func `nothing is left in Postgres of what a scan's start has written there`() throws {
      let tree = try tree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 1)
      #expect(try deployment.scan().status == "completed")
      let objects = "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace)"
      let before = try deployment.database.query(objects)
      for _ in 0..<3 { #expect(try deployment.scan().status == "completed") }
      #expect(try deployment.database.query(objects) == before)
      #expect(
        try deployment.database.query("SELECT 1 FROM pg_class WHERE relpersistence = 't' OR relname = 'rollcall_room'")
          == [])
      #expect(worker.isRunning)
    }
  }
}
