import TestSupport
import Testing

extension EndToEnd {
  @Suite struct SpreadTests {
    @Test func `two workers of two slots share a skewed tree`() throws {
      let tree = try TestTree(inMemory: true)
      try tree.makeSkewed(directories: 2_000, files: 40)
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let workers = [
        try deployment.worker(slots: 2, ["--name", "one"]), try deployment.worker(slots: 2, ["--name", "two"]),
      ]
      let scan = try deployment.scan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      try deployment.expectNothingLeft()

      let shares = try deployment.shares(of: scan)
      #expect(shares.count == 4)
      #expect(shares.allSatisfy { $0.slices > 0 })
      let total = shares.reduce(0) { $0 + $1.entries }
      #expect(total == scan.filesSeen + scan.directoriesSeen)
      for name in ["one", "two"] {
        let share = shares.filter { $0.worker.hasPrefix(name) }.reduce(0) { $0 + $1.entries }
        #expect(share * 10 >= total * 2, "worker \(name) walked \(share) of \(total): \(shares)")
      }
      #expect(workers.allSatisfy { $0.isRunning })
    }
  }
}

/// What one slot did of a scan.
struct Share {
  /// `<worker>/<slot>`.
  let worker: String
  let slices: Int64
  let entries: Int64
}

extension TestDeployment {
  func shares(of scan: ScanResult) throws -> [Share] {
    try database.query("SELECT worker, slices, entries FROM scan_shares WHERE scan_id = \(scan.id) ORDER BY worker").map
    {
      let fields = $0.split(separator: "\t").map(String.init)
      return Share(worker: fields[0], slices: try #require(Int64(fields[1])), entries: try #require(Int64(fields[2])))
    }
  }
}

extension TestTree {
  /// Nearly all lies in one of the root's ten directories: `directories` more, of `files` files each,
  /// fifty in each directory of the level above.
  func makeSkewed(directories: Int, files: Int) throws {
    for index in 0..<9 {
      try directory("small \(index)")
      try file("small \(index)/only")
    }
    try directory("large")
    for index in 0..<directories {
      let parent = "large/\(index / 50)"
      if index % 50 == 0 { try directory(parent) }
      try directory("\(parent)/\(index)")
      for file in 0..<files { try self.file("\(parent)/\(index)/\(file)", bytes: file) }
    }
  }
}
