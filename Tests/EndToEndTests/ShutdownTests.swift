import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// SIGTERM and SIGINT hand the work back, lose nothing that is committed, and take less than 2 s.
  @Suite struct ShutdownTests {
    private static let patience = Duration.seconds(2)

    @Test(arguments: [SIGTERM, SIGINT])
    func `an idle worker ends at once and leaves nothing behind`(signal: Int32) throws {
      let deployment = try TestDeployment()
      let worker = try deployment.worker()
      let ending = try endingTime(of: worker) { worker.send(signal) }
      #expect(ending < Self.patience)
      #expect(try worker.wait().code == 0)
      #expect(try deployment.keys() == [])
    }

    @Test func `in the middle of a scan, another worker goes on where the first one stopped`() throws {
      let tree = try TestTree(inMemory: true)
      try tree.makeSkewed(directories: 1_500, files: 30)
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let first = try deployment.worker(["--name", "first"])
      try deployment.succeed(["scan", "x"])
      let before = try freeze(first, in: deployment) { $0.filesSeen > 10_000 && $0.done > 0 && $0.open > 2 }
      #expect(before.status == "running")

      let ending = try endingTime(of: first) {
        first.send(SIGTERM)
        first.send(SIGCONT)
      }
      #expect(ending < Self.patience)
      #expect(try first.wait().code == 0)
      let after = try Standing(deployment)
      #expect(after.status == "running")
      #expect(after.open > 0)
      #expect(after.running == 0)
      #expect(after.attempts == 0)
      #expect(after.doneEntries == after.filesSeen + after.directoriesSeen)
      #expect(after.doneEntries >= before.doneEntries)
      #expect(try deployment.keys().filter { $0 != "queue" } == [])

      let second = try deployment.worker(["--name", "second"])
      let scan = try deployment.endedScan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      try deployment.expectNothingLeft()
      // Nothing that the first had committed was walked again.
      let shares = try deployment.shares(of: scan)
      let firsts = shares.filter { $0.worker.hasPrefix("first") }.reduce(0) { $0 + $1.entries }
      #expect(firsts == after.doneEntries)
      #expect(shares.reduce(0) { $0 + $1.entries } == scan.filesSeen + scan.directoriesSeen)
      #expect(scan.slicesRedone == 0)
      #expect(second.isRunning)
    }

    @Test func `in the middle of a giant directory, what is not committed is handed back`() throws {
      let giant = try GiantDirectory()
      let worker = giant.worker
      let ending = try endingTime(of: worker) {
        worker.send(SIGTERM)
        slowDown(worker, for: .milliseconds(1_200))
      }
      #expect(ending < Self.patience)
      #expect(try worker.wait().code == 0)
      let after = try Standing(giant.deployment)
      #expect(after.status == "running")
      #expect(after.filesSeen == 0)
      #expect(after.open == 1)
      #expect(after.returned == 1)
      #expect(after.running == 0)
      #expect(after.attempts == 0)
      #expect(try giant.deployment.keys() == ["queue"])
      #expect(try giant.deployment.database.query("SELECT count(*) FROM files") == ["0"])

      let next = try giant.deployment.worker()
      try expectExact(giant.deployment.endedScan(), TreeRows(of: giant.tree.root, in: giant.deployment))
      try giant.deployment.expectNothingLeft()
      #expect(next.isRunning)
    }

    @Test func `a second signal ends the worker at once, and its job stays in flight`() throws {
      let giant = try GiantDirectory()
      let worker = giant.worker
      let ending = try endingTime(of: worker) {
        worker.send(SIGTERM)
        slowDown(worker, for: .milliseconds(200))
        worker.send(SIGTERM)
      }
      #expect(ending < Self.patience)
      #expect(try worker.wait().code == 1)
      let after = try Standing(giant.deployment)
      #expect(after.status == "running")
      #expect(after.filesSeen == 0)
      #expect(after.running == 1)
      #expect(try giant.deployment.keys().contains { $0.hasPrefix("inflight:") })
    }
  }
}
