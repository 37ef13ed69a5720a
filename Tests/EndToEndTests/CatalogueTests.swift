import TestSupport
import Testing

extension EndToEnd {
  @Suite struct CatalogueTests {
    /// 64 MiB are promised for what users run; the debug build is held to the same.
    private static let memoryLimit = 64 << 20

    @Test func `the catalogue of a tree of every shape equals an independent listing, in bounded memory`() throws {
      let tree = try TestTree()
      try tree.makeEveryShape(flat: 100_000)
      if try !tree.device("block", block: true) || !tree.device("char", block: false) {
        print("NOT RUN: device nodes in the tree of every shape, as making them is not permitted here")
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 2)
      let scan = try deployment.scan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      #expect(try worker.peakResidentBytes() < Self.memoryLimit)
      try deployment.expectNothingLeft()
    }

    @Test func `a directory of very many directories, and one very far down, take no more memory`() throws {
      let tree = try TestTree(inMemory: true)
      for index in 0..<150_000 { try tree.directory("\(index)") }
      try tree.chain("deep", levels: 1_000, name: "d")
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker(slots: 2)
      let scan = try deployment.scan()
      #expect(scan.status == "completed")
      #expect(scan.directoriesSeen == 150_001 + 2_001)
      #expect(scan.filesSeen == 1_000)
      #expect(try worker.peakResidentBytes() < Self.memoryLimit)
      try deployment.expectNothingLeft()
    }

    @Test func `an empty root is a completed scan of one directory`() throws {
      let tree = try TestTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      let scan = try deployment.scan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      #expect(scan.directoriesSeen == 1)
      try deployment.expectNothingLeft()
      #expect(worker.isRunning)
    }
  }
}
