import Foundation
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct BoundaryTests {
    /// A worker whose view of the files has another file system mounted inside the tree, at `mounted`.
    private struct Mount {
      let tree: TestTree
      let wrapper: [String]

      init() throws {
        tree = try TestTree()
        for name in ["beside", "mounted"] { try tree.directory(name) }
        try tree.file("beside/file", bytes: 5)
        try tree.file("mounted/hidden by the mount")
        let script = #"""
          mount -t tmpfs rollcall-test "$0/mounted" && mkdir "$0/mounted/below" &&
          touch "$0/mounted/inside" "$0/mounted/below/deep" && exec "$@"
          """#
        let namespace = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--mount", "--map-root-user"]
        wrapper = namespace + ["sh", "-c", script, tree.root]
      }

      /// Containers often forbid it; `/dev` is walked then, and everywhere.
      var isPermitted: Bool {
        get throws { try ChildProcess(wrapper + ["true"]).wait().code == 0 }
      }
    }

    @Test(arguments: [true, false])
    func `a mount inside the tree is entered only without --one-filesystem`(oneFilesystem: Bool) throws {
      let mount = try Mount()
      guard try mount.isPermitted else {
        return print("NOT RUN: a scan of a tree with a mount of its own, as mounting is not permitted here")
      }
      let deployment = try TestDeployment()
      try deployment.succeed(["library", "add", "x", mount.tree.root] + (oneFilesystem ? ["--one-filesystem"] : []))
      let worker = try deployment.worker(wrapper: mount.wrapper)
      let scan = try deployment.scan()
      let inside = ["nsenter", "--mount", "--target", "\(worker.pid)"] + (geteuid() == 0 ? [] : ["--user"])
      let rows = try TreeRows(of: mount.tree.root, in: deployment, oneFilesystem: oneFilesystem, wrapper: inside)
      try expectExact(scan, rows)
      let below = "SELECT path_text FROM catalog_files WHERE path_text ~ '^mounted/' ORDER BY 1"
      #expect(try deployment.database.query(below) == (oneFilesystem ? [] : ["mounted/below/deep", "mounted/inside"]))
      let boundaries = "SELECT convert_from(name, 'UTF8') FROM directories WHERE boundary"
      #expect(try deployment.database.query(boundaries) == ["mounted"])
      try deployment.expectNothingLeft()
    }

    @Test(arguments: [true, false])
    func `the mounts in /dev are entered only without --one-filesystem`(oneFilesystem: Bool) throws {
      let shared = try SharedMemoryFile()
      let deployment = try TestDeployment()
      try deployment.succeed(["library", "add", "x", "/dev"] + (oneFilesystem ? ["--one-filesystem"] : []))
      let worker = try deployment.worker()
      let scan = try deployment.scan()
      // Other programs come and go there, and lock what is theirs.
      #expect(["completed", "partial"].contains(scan.status))
      let below = "SELECT count(*) FROM catalog_files WHERE path_text ~ '^(shm|pts)/'"
      if oneFilesystem { #expect(try deployment.database.query(below) == ["0"]) }
      let own = "SELECT kind FROM catalog_files WHERE path_text = 'shm/\(shared.name)'"
      #expect(try deployment.database.query(own) == (oneFilesystem ? [] : ["file"]))
      let device = "SELECT kind FROM catalog_files WHERE path_text = 'null'"
      #expect(try deployment.database.query(device) == ["char"])
      let boundaries = "SELECT path_text FROM catalog_directories WHERE path_text IN ('shm', 'pts') ORDER BY 1"
      #expect(try deployment.database.query(boundaries) == ["pts", "shm"])
      try deployment.expectNothingLeft()
      #expect(worker.isRunning)
    }
  }
}

/// A file in `/dev/shm`, for as long as it is referenced.
private final class SharedMemoryFile {
  let name = TestServers.uniqueName("rollcall")

  init() throws {
    let number = open("/dev/shm/" + name, O_CREAT | O_WRONLY, 0o644)
    try #require(number >= 0)
    close(number)
  }

  deinit { unlink("/dev/shm/" + name) }
}
