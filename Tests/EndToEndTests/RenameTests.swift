import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Renames in the middle of a scan, between a part that is walked and one that is not.
  @Suite struct RenameTests {
    private static let directories = 100
    private static let files = 30
    /// What the scan has written of the directories that it has walked.
    private static let walked = """
      SELECT convert_from(name, 'UTF8') FROM directories
       WHERE files IS NOT NULL AND changed_scan = (SELECT max(id) FROM scans) AND name LIKE 'tree %' ORDER BY name
      """

    /// Directories of files, each with a directory in it; so many entries that a scan has several slices.
    private func makeTree() throws -> TestTree {
      let tree = try TestTree(inMemory: true)
      for index in 0..<Self.directories {
        try tree.directory("tree \(index)")
        try tree.directory("tree \(index)/twig \(index)")
        for file in 0..<Self.files { try tree.file("tree \(index)/leaf \(index) \(file)", bytes: file) }
        try tree.file("tree \(index)/twig \(index)/bud", bytes: 1)
      }
      return tree
    }

    @Test(arguments: [true, false])
    func `what is renamed between walked and unwalked parts is neither lost nor double`(isFirst: Bool) throws {
      let tree = try makeTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 1)
      if !isFirst {
        #expect(try deployment.scan().exitCode == 0)
        // So that what is walked is told by its row.
        for index in 0..<Self.directories { try tree.file("tree \(index)/new") }
      }
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "1500"])
      try deployment.succeed(["scan", "x"])
      var parts: (walked: [String], other: [String]) = ([], [])
      try eventually("some of it is walked") {
        worker.send(SIGSTOP)
        let walked = try deployment.database.query(Self.walked)
        let other = (0..<Self.directories).map { "tree \($0)" }.filter { !walked.contains($0) }
        parts = (walked, other)
        if walked.count >= 2, other.count >= 2 { return true }
        worker.send(SIGCONT)
        return false
      }
      let (walked, other) = (parts.walked, parts.other)
      func move(_ from: String, _ to: String) { #expect(rename(tree.path(from), tree.path(to)) == 0) }
      let (w, o) = (walked[0].dropFirst(5), other[0].dropFirst(5))
      move("\(walked[0])/leaf \(w) 0", "\(other[0])/from walked")
      move("\(other[0])/leaf \(o) 0", "\(walked[0])/from other")
      move("\(walked[0])/twig \(w)", "\(other[0])/twig from walked")
      move("\(other[0])/twig \(o)", "\(walked[0])/twig from other")
      move(walked[1], "\(other[1])/from walked")
      worker.send(SIGCONT)

      let scan = try eventually("the scan ends", within: .seconds(120)) { () -> ScanResult? in
        let scan = try deployment.status()
        return scan.status == "running" || scan.status == "pending" ? nil : scan
      }
      #expect(scan.status == "completed")
      let rows = try TreeRows(of: tree.root, in: deployment)
      #expect(try rows.differences() == [])
      #expect(try rows.miscounted() == [])
      #expect(scan.filesSeen == scan.filesAdded + scan.filesUpdated + scan.filesMoved + scan.filesUnchanged)
      if isFirst { #expect(scan.filesAdded - scan.filesRemoved == (try rows.files)) }
      #expect(try deployment.database.query("SELECT 1 FROM scan_events WHERE event = 'rewalk' LIMIT 1") == ["1"])
      try deployment.expectNothingLeft()
      // And there is nothing left for the next one to find.
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "none"])
      let next = try deployment.scan()
      #expect(next.filesUnchanged == next.filesSeen)
      #expect(next.filesRemoved == 0)
      #expect(worker.isRunning)
    }
  }
}
