import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// What dies in the middle of a scan is made up for by whoever lives, and the catalogue is exact.
  @Suite struct ReaperTests {
    private static let quick = [
      "ROLLCALL_LOCK_TTL": "2 s", "ROLLCALL_LOCK_RENEW": "500 ms", "ROLLCALL_SWEEP_INTERVAL": "500 ms",
      "ROLLCALL_RECONCILE_INTERVAL": "1 s", "ROLLCALL_CLEANUP_INTERVAL": "1 s",
    ]
    private let tree: TestTree
    private let deployment: TestDeployment

    init() throws {
      tree = try TestTree(inMemory: true)
      try tree.makeSkewed(directories: 1_500, files: 30)
      deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
    }

    private func worker(_ name: String) throws -> ChildProcess {
      try deployment.worker(["--name", name], more: Self.quick)
    }

    private func reaper() throws -> ChildProcess { try deployment.reaper(more: Self.quick) }

    /// Asks for a scan, and kills its only worker in the middle of it.
    private func killInTheMiddle(_ worker: ChildProcess) throws {
      try deployment.succeed(["scan", "x"])
      let before = try freeze(worker, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      worker.send(SIGKILL)
      _ = try worker.wait()
    }

    private func expectExactEnd(sourceLocation: SourceLocation = #_sourceLocation) throws {
      let scan = try deployment.endedScan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment), sourceLocation: sourceLocation)
      try deployment.expectNothingLeft(sourceLocation: sourceLocation)
    }

    private func events(_ event: String) throws -> [String] {
      try deployment.database.query("SELECT actor, detail FROM scan_events WHERE event = '\(event)' ORDER BY id")
    }

    @Test func `a worker that is killed in the middle is made up for by another`() throws {
      let reaper = try reaper()
      let first = try worker("first")
      try deployment.succeed(["scan", "x"])
      let before = try freeze(first, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      let second = try worker("second")
      first.send(SIGKILL)
      try expectExactEnd()
      #expect(second.isRunning && reaper.isRunning)
      let returned = try events("returned")
      // A machine so slow that the frozen worker's locks end before it is killed returns its work as unlocked.
      let reasons = [#""reason": "dead""#, #""reason": "unlocked""#]
      #expect(returned.allSatisfy { event in event.hasPrefix("reaper ") && reasons.contains { event.contains($0) } })
      #expect(!returned.isEmpty)
      try eventually("the dead one's registration goes") {
        try !deployment.redis(["HKEYS", deployment.key("workers")]).contains("first")
      }
    }

    @Test func `when all workers are killed, one that starts later ends the scan`() throws {
      let reaper = try reaper()
      try killInTheMiddle(try worker("first"))
      try eventually("what it had taken is back") {
        try deployment.keys().filter { $0.hasPrefix("inflight:") || $0.hasPrefix("lock:") }.isEmpty
      }
      let second = try worker("second")
      try expectExactEnd()
      #expect(second.isRunning && reaper.isRunning)
    }

    @Test func `a reaper that is killed too is made up for by its successor`() throws {
      let first = try reaper()
      let worker = try worker("first")
      try deployment.succeed(["scan", "x"])
      let before = try freeze(worker, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      first.send(SIGKILL)
      worker.send(SIGKILL)
      let second = try self.worker("second")
      let reaper = try reaper()
      try expectExactEnd()
      #expect(second.isRunning && reaper.isRunning)
    }

    @Test func `when Redis forgets everything before the first take, the scan begins all the same`() throws {
      let reaper = try reaper()
      try deployment.succeed(["scan", "x"])
      try deployment.forgetKeys()
      #expect(try Standing(deployment).status == "pending")
      let worker = try worker("first")
      try expectExactEnd()
      #expect(try events("repaired").count >= 1)
      #expect(worker.isRunning && reaper.isRunning)
    }

    @Test func `when Redis forgets everything in the middle, the scan ends all the same`() throws {
      let reaper = try reaper()
      let worker = try worker("first")
      try deployment.succeed(["scan", "x"])
      let before = try freeze(worker, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      try deployment.forgetKeys()
      worker.send(SIGCONT)
      try expectExactEnd()
      #expect(try !events("repaired").isEmpty)
      #expect(worker.isRunning && reaper.isRunning)
    }

    @Test func `when Redis forgets everything and the worker dies with it, another one ends the scan`() throws {
      let reaper = try reaper()
      let first = try worker("first")
      try deployment.succeed(["scan", "x"])
      let before = try freeze(first, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      first.send(SIGKILL)
      _ = try first.wait()
      try deployment.forgetKeys()
      let second = try worker("second")
      try expectExactEnd()
      let repaired = try events("repaired")
      #expect(repaired.contains { $0.contains(#""what": "pointer""#) && $0.contains(#""state": "running""#) })
      #expect(second.isRunning && reaper.isRunning)
    }

    @Test func `what a dead worker had taken goes back as it was, requests and garbage too`() throws {
      let dead = "dead-00000001"
      let request = #"{"library":"x","requested_by":"me"}"#
      try deployment.redis(
        ["HSET", deployment.key("workers"), dead, #"{"slots":2,"started_at":"2023-11-14T22:13:20Z"}"#])
      try deployment.redis(["LPUSH", deployment.key("inflight:\(dead)/0"), "garbage"])
      try deployment.redis(["LPUSH", deployment.key("inflight:\(dead)/1"), request])
      // No registration leads to this one.
      try deployment.redis(["LPUSH", deployment.key("inflight:lost-00000002/3"), "more garbage"])
      let reaper = try reaper()
      try eventually("all went back") { try deployment.redis(["LLEN", deployment.key("queue")]) == "3" }
      try eventually("nobody is registered") { try !deployment.keys().contains("workers") }
      let worker = try worker("first")
      try expectExactEnd()
      #expect(try deployment.redis(["LLEN", deployment.key("dead")]) == "2")
      #expect(worker.isRunning && reaper.isRunning)
    }

    @Test func `three reapers at once do no harm`() throws {
      let reapers = try (0..<3).map { _ in try reaper() }
      let first = try worker("first")
      try deployment.succeed(["scan", "x"])
      let before = try freeze(first, in: deployment) { $0.filesSeen > 5_000 && $0.running > 0 && $0.open > 2 }
      #expect(before.status == "running")
      first.send(SIGKILL)
      _ = try first.wait()
      try deployment.forgetKeys()
      try eventually("pointers are pushed again") { try !events("repaired").isEmpty }
      let second = try worker("second")
      try expectExactEnd()
      let perSlice = try deployment.database.query(
        "SELECT count(*) FROM scan_events WHERE event = 'repaired' GROUP BY detail->'slice', detail->'before'->'epoch'")
      #expect(perSlice.allSatisfy { $0 == "1" })
      #expect(second.isRunning && reapers.allSatisfy(\.isRunning))
    }

    @Test func `a worker can have a reaper inside`() throws {
      try killInTheMiddle(try worker("first"))
      let both = try deployment.worker(["--name", "both", "--with-reaper"], more: Self.quick)
      try expectExactEnd()
      #expect(try !events("returned").isEmpty)
      let ending = try endingTime(of: both) { both.send(SIGTERM) }
      #expect(ending < .seconds(2))
      #expect(try both.wait().code == 0)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a reaper that is told to end does so at once, and leaves no key`(signal: Int32) throws {
      let reaper = try reaper()
      try eventually("it is marked") { try deployment.keys().contains { $0.hasPrefix("reaper:") } }
      #expect(try endingTime(of: reaper) { reaper.send(signal) } < .seconds(2))
      #expect(try reaper.wait().code == 0)
      #expect(try deployment.keys() == [])
      #expect(reaper.errorsSoFar.contains("reaper stopped"))
    }
  }
}

extension TestDeployment {
  /// What FLUSHALL does, to this deployment alone; in one step, as other deployments share the server.
  func forgetKeys() throws {
    let script = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end"
    try redis(["EVAL", script, "0", "\(prefix):*"])
  }
}
