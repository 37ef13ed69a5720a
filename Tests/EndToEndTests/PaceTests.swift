import Foundation
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct PaceTests {
    /// Files a second.
    private static let limit = 1_000

    @Test func `two workers of two slots together keep to a library's limit, and the scan is exact`() throws {
      let tree = try TestTree(inMemory: true)
      for index in 0..<100 {
        try tree.directory("\(index)")
        for file in 0..<40 { try tree.file("\(index)/\(file)", bytes: file) }
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root, "--max-files-per-second", "\(Self.limit)")
      let workers = [
        try deployment.worker(slots: 2, ["--name", "one"]), try deployment.worker(slots: 2, ["--name", "two"]),
      ]
      let scan = try deployment.scan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      try deployment.expectNothingLeft()
      let seconds = try #require(
        Double(try deployment.database.query("SELECT extract(epoch FROM completed_at - started_at) FROM scans")[0]))
      let rate = Double(scan.filesSeen + scan.directoriesSeen - 1) / seconds
      print("paced scan: \(rate.rounded()) entries a second at a limit of \(Self.limit)")
      #expect(rate <= Double(Self.limit) * 1.25)
      // A machine that is busy with other things is slower; one that waits for ever is wrong.
      #expect(rate >= Double(Self.limit) * 0.1)
      #expect(workers.allSatisfy { $0.isRunning })
    }

    @Test func `a rescan keeps to the limit too, and so does the second look at what is missing`() throws {
      let tree = try TestTree(inMemory: true)
      for index in 0..<1_600 { try tree.file("\(index)") }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "\(Self.limit)"])
      // Each is looked for in the walk, and once more before its removal.
      for index in 0..<800 { unlink(tree.path("\(index)")) }
      for (looks, removed) in [(800 + 2 * 800, 800), (800, 0)] as [(Double, Int64)] {
        let scan = try deployment.scan()
        #expect(scan.filesUnchanged == 800)
        #expect(scan.filesRemoved == removed)
        let seconds = try #require(
          Double(
            try deployment.database.query(
              "SELECT extract(epoch FROM completed_at - started_at) FROM scans WHERE id = \(scan.id)")[0]))
        #expect(looks / seconds <= Double(Self.limit) * 1.25)
      }
      #expect(worker.isRunning)
    }

    @Test func `a worker that waits for its turn still ends within two seconds, and nothing is lost`() throws {
      let tree = try TestTree(inMemory: true)
      for index in 0..<50 { try tree.file("\(index)") }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root, "--max-files-per-second", "1")
      let worker = try deployment.worker(slots: 2)
      try deployment.succeed(["scan", "x"])
      try eventually("the scan runs") { try deployment.status().status == "running" }
      let ending = try endingTime(of: worker) { worker.send(SIGTERM) }
      print("a waiting worker ended within \(ending)")
      #expect(ending < .seconds(2))
      #expect(try worker.wait().code == 0)
      #expect(try deployment.database.query("SELECT state FROM slices") == ["queued"])
      #expect(try deployment.redis(["LLEN", deployment.key("queue")]) == "1")
    }
  }
}
