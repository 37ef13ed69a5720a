import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Directories that moved on a file system that tells no birth times, which is mounted at the root: a ramfs.
  @Suite struct UnbornDirectoryTests {
    private struct Scene {
      let tree: TestTree
      let deployment: TestDeployment
      let host: MountHost

      /// A library that has been scanned once; `nil` where mounting is not permitted.
      ///
      /// - Parameter script: makes the tree, from within the root.
      init?(_ script: String) throws {
        guard let wrapper = MountHost.wrapper else { return nil }
        tree = try TestTree(inMemory: true)
        deployment = try TestDeployment()
        try deployment.succeed(["library", "add", "x", tree.root])
        host = try MountHost("alpha", in: deployment, wrapper: wrapper)
        try host.run(#"mount -t ramfs rollcall-test "$0""#, tree.root)
        try run(script)
        try #require(try host.status("%W", tree.root) == "0\n", "a ramfs tells birth times here")
        try host.start()
        try #require(try deployment.scan().status == "completed")
      }

      func run(_ script: String) throws { try host.run(#"cd "$0"; "# + script, tree.root) }

      /// Scans, and expects the catalogue to be the tree.
      func scan(sourceLocation: SourceLocation = #_sourceLocation) throws -> ScanResult {
        let scan = try deployment.scan()
        #expect(scan.status == "completed", sourceLocation: sourceLocation)
        let listing = try TreeRows(of: tree.root, in: deployment, wrapper: host.inside)
        #expect(try listing.differences() == [], sourceLocation: sourceLocation)
        return scan
      }

      /// The id of each live row of a view, by its path.
      func ids(_ view: String) throws -> [String: Int64] {
        let rows = try deployment.database.query("SELECT id, path_text FROM \(view) WHERE removed_at IS NULL")
        let pairs = try rows.map { row in
          let fields = row.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
          return (String(fields[1]), try #require(Int64(fields[0])))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
      }
    }

    @Test func `a directory is known by its inode and what it held, and one that held nothing is not`() throws {
      guard let scene = try Scene("mkdir -p a/deep/er b empty; touch a/1 a/2 a/deep/er/3 b/4") else { return }
      let (files, directories) = (try scene.ids("catalog_files"), try scene.ids("catalog_directories"))
      try scene.run("mkdir new; mv a new/a; mv b/4 new/a/deep; mv new/a/2 new; mv empty new/void")
      let scan = try scene.scan()
      #expect(scan.filesAdded == 0 && scan.filesRemoved == 0)
      let now = try scene.ids("catalog_directories")
      for (path, former) in ["new/a": "a", "new/a/deep": "a/deep", "new/a/deep/er": "a/deep/er", "b": "b"] {
        #expect(now[path] == directories[former], "\(path)")
      }
      #expect(now["new/void"] != nil && now["new/void"] != directories["empty"])
      #expect(
        try scene.ids("catalog_files") == [
          "new/a/1": files["a/1"], "new/2": files["a/2"], "new/a/deep/er/3": files["a/deep/er/3"],
          "new/a/deep/4": files["b/4"],
        ])
      let changes = try scene.deployment.succeed(["changes", "2"])
      #expect(changes.contains("moved     directory  a -> new/a\n"))
      #expect(changes.hasSuffix(", 1 directory moved.\n"))
    }

    @Test func `two directories that change places take their rows along`() throws {
      guard let scene = try Scene("mkdir a b; touch a/1 a/2 b/3 b/4") else { return }
      let files = try scene.ids("catalog_files")
      try scene.run("mv a c; mv b a; mv c b")
      let scan = try scene.scan()
      #expect(scan.filesUnchanged == 4)
      #expect(
        try scene.ids("catalog_files") == [
          "b/1": files["a/1"], "b/2": files["a/2"], "a/3": files["b/3"], "a/4": files["b/4"],
        ])
    }

    /// An inode is given again when a directory is gone.
    @Test(arguments: [1, 2])
    func `a directory that has the inode of another is that one if it holds half of what that held`(held: Int) throws {
      guard let scene = try Scene("mkdir old; touch old/1 old/2 old/3") else { return }
      let files = try scene.ids("catalog_files")
      try scene.run("rm -r old; mkdir new; touch new/another; for i in $(seq \(held)); do touch new/$i; done")
      let inode = try scene.host.status("%i", scene.tree.path("new"))
      try scene.deployment.database.query("UPDATE directories SET inode = \(inode) WHERE name = 'old'")
      let scan = try scene.scan()
      let isSame = held == 2
      #expect(scan.filesRemoved == (isSame ? 1 : 3))
      #expect(scan.filesAdded == (isSame ? 1 : 2))
      let hasItsID = try scene.ids("catalog_files")["new/1"] == files["old/1"]
      #expect(hasItsID == isSame)
    }
  }
}
