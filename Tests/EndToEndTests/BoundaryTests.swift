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
      let inside =
        ["nsenter", "--mount", "--target", "\(worker.pid)"]
        + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
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
      // By name, as somebody's tree in there may be so deep that its paths take long to write.
      let below = "SELECT count(*) FROM files f JOIN directories d ON d.id = f.directory_id WHERE d.boundary"
      if oneFilesystem { #expect(try deployment.database.query(below) == ["0"]) }
      let own = "SELECT kind FROM files WHERE name = convert_to('\(shared.name)', 'UTF8')"
      #expect(try deployment.database.query(own) == (oneFilesystem ? [] : ["f"]))
      let device = "SELECT DISTINCT kind FROM files WHERE name = convert_to('null', 'UTF8')"
      #expect(try deployment.database.query(device).contains("c"))
      let boundaries = "SELECT DISTINCT convert_from(name, 'UTF8') FROM directories WHERE boundary"
      #expect(Set(try deployment.database.query(boundaries)).isSuperset(of: ["pts", "shm"]))
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
