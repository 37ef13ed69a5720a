import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// What `verify` cannot read, what is not mounted, and what goes on meanwhile.
  @Suite struct VerifyFaultTests {
    @Test func `what cannot be read is told as that, and not as missing`() throws {
      let tree = try TestTree()
      for name in ["closed", "closed/below", "listed", "open"] {
        try tree.directory(name)
        for file in ["1", "2"] { try tree.file("\(name)/\(file)") }
      }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      let user = try OrdinaryUser(of: deployment)
      func verify() throws -> Verified { try Verified(user.start(["verify", "x", "--json"]).wait()) }
      #expect(try verify().code == 0)
      for (name, mode) in [("closed", 0o000), ("listed", 0o444)] { chmod(tree.path(name), mode_t(mode)) }
      remove(tree.path("open/1"))
      let verified = try verify()
      #expect(verified.code == 1)
      #expect(
        verified.differences == [
          "changed directory listed ctime_ns,mode", "missing file open/1",
          "unreadable directory closed permission_denied", "unreadable file listed/1 permission_denied",
          "unreadable file listed/2 permission_denied",
        ], "\(verified.errors)")
      let closed = try #require(verified.elements.first { $0["path"] as? String == "closed" })
      #expect(closed["errno"] as? Int == Int(EACCES))
      #expect((closed["message"] as? String)?.contains("openat") == true)
      for name in ["closed", "listed"] { chmod(tree.path(name), 0o755) }
      #expect(worker.isRunning)
    }

    @Test func `a row under rules that have changed is excluded, and an admitted file unknown`() throws {
      let tree = try TestTree()
      for name in ["cache", "cache/deep", "d"] { try tree.directory(name) }
      for name in ["cache/1", "cache/deep/2", "d/a.tmp", "d/b.mp4", "d/large.mp4"] { try tree.file(name, bytes: 9) }
      try tree.symlink("d/link", to: "b.mp4")
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root, "--max-size", "8", "--rejected", "skip")
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      try deployment.expectEqual()
      try deployment.succeed(["library", "set", "x", "--max-size", "none"])
      try deployment.expectDifferences([
        "unknown file cache/1", "unknown file cache/deep/2", "unknown file d/a.tmp", "unknown file d/b.mp4",
        "unknown file d/large.mp4",
      ])
      #expect(try deployment.scan().status == "completed")
      let rules = ["--ignore", "/cache/", "--extensions", "mp4", "--rejected", "skip", "--symlinks", "skip"]
      try deployment.succeed(["library", "set", "x"] + rules)
      try deployment.expectDifferences([
        "excluded directory cache 2", "excluded file d/a.tmp", "excluded symlink d/link",
      ])
      #expect(try deployment.scan().status == "completed")
      try deployment.expectEqual()
      #expect(worker.isRunning)
    }

    @Test func `a directory of very many files takes no more memory, and each difference in it is told`() throws {
      let tree = try TestTree(inMemory: true)
      try tree.directory("flat")
      for index in 0..<150_000 { try tree.file("flat/\(index)") }
      for index in 0..<10 { try tree.directory("flat/directory \(index)") }
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(
        try ScanResult(deployment.run(["scan", "x", "--wait", "--json"], within: .seconds(300))).status == "completed")
      worker.send(SIGTERM)
      _ = try worker.wait()
      let equal = try deployment.start(["verify", "x"])
      var peak = 0
      while equal.isRunning {
        peak = max(peak, (try? equal.peakResidentBytes()) ?? 0)
        usleep(1_000)
      }
      let ended = try equal.wait()
      #expect(ended.code == 0 && ended.text.contains("150,000 files"), "\(ended.errors)\(ended.text)")
      #expect(peak < 64 << 20, "\(peak >> 20) MiB")

      remove(tree.path("flat/77777"))
      rmdir(tree.path("flat/directory 3"))
      chmod(tree.path("flat/100001"), 0o600)
      try tree.file("flat/new")
      try tree.directory("flat/directory new")
      try tree.file("flat/directory 5/new")
      try deployment.database.query("DELETE FROM files WHERE name = '5'; UPDATE files SET size = 7 WHERE name = '6'")
      let verified = try Verified(deployment.run(["verify", "x", "--json"], within: .seconds(300)))
      #expect(
        verified.differences == [
          "changed file flat/100001 ctime_ns,mode", "changed file flat/6 size", "missing directory flat/directory 3 0",
          "missing file flat/77777", "unknown directory flat/directory new", "unknown file flat/5",
          "unknown file flat/directory 5/new", "unknown file flat/new",
        ], "\(verified.errors)")
    }

    @Test func `what a scan has settled by the time of the second look is no difference`() throws {
      let tree = try TestTree()
      try tree.directory("slow")
      for index in 0..<200 { try tree.file("slow/\(index)") }
      try tree.file("edited")
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      #expect(try deployment.scan().status == "completed")
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "15"])
      let verify = try deployment.start(["verify", "x"])
      // The root is listed first, and then there is enough to list for some time.
      let walking = """
        SELECT pid FROM pg_stat_activity
         WHERE application_name = 'rollcall verify' AND query LIKE '%Live directories of library%'
        """
      try eventually("the walk has begun") { try deployment.database.query(walking) != [] }
      usleep(500_000)
      chmod(tree.path("edited"), 0o600)
      try deployment.succeed(["library", "set", "x", "--max-files-per-second", "none"])
      #expect(try deployment.scan().filesUpdated == 1)
      #expect(verify.isRunning, "the scan was too slow to prove anything")
      let ended = try verify.wait(within: .seconds(120))
      #expect(ended.code == 0 && ended.text.hasSuffix(": equal.\n"), "\(ended.errors)\(ended.text)")
      #expect(worker.isRunning)
    }

    @Test(arguments: ["unmounted", "emptied", "gone"])
    func `a nested mount that is missing is one difference`(_ fault: String) throws {
      guard let wrapper = MountHost.wrapper else { return }
      let tree = try TestTree(inMemory: true)
      for name in ["beside", "mounted"] { try tree.directory(name) }
      for name in ["beside/file", "mounted/hidden"] { try tree.file(name) }
      mkdir(tree.outside("store"), 0o755)
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let host = try MountHost("alpha", in: deployment, wrapper: wrapper)
      try host.run(
        #"cd "$0/../store" && mount -t tmpfs rollcall-test . && cd ../store && mkdir -p lib/below away && "#
          + #"touch lib/inside lib/below/deep && mount --bind lib "$0/mounted""#, tree.root)
      try host.start()
      #expect(try deployment.scan().status == "completed")
      func verify() throws -> Verified { try Verified(host.rollcall("verify", "x", "--json")) }
      #expect(try verify().code == 0)
      let scripts = [
        "unmounted": #"umount "$0/mounted""#, "emptied": #"mv "$0/mounted/"* "$0/../store/away""#,
        "gone": #"umount "$0/mounted" && rm -r "$0/mounted""#,
      ]
      try host.run(try #require(scripts[fault]), tree.root)
      try tree.file("beside/new")
      let verified = try verify()
      #expect(verified.code == 1)
      let told = ["mount_missing directory mounted 2 mount_missing", "unknown file beside/new"]
      #expect(verified.differences.filter { !$0.hasPrefix("changed directory  ") } == told, "\(verified.errors)")
      let message = try #require(verified.elements.compactMap { $0["message"] as? String }.first)
      #expect(message.contains("mount point mounted on host alpha ") && message.contains("--accept-root"))
    }

    @Test(arguments: ["unmounted", "emptied", "replaced"])
    func `a root that is not on record is an error, and no list`(_ fault: String) throws {
      guard let wrapper = MountHost.wrapper else { return }
      let tree = try TestTree(inMemory: true)
      try tree.file("hidden")
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let host = try MountHost("alpha", in: deployment, wrapper: wrapper)
      try host.run(#"mount -t tmpfs rollcall-test "$0" && mkdir "$0/d" && touch "$0/a" "$0/d/b""#, tree.root)
      try host.start()
      #expect(try deployment.scan().status == "completed")
      #expect(try host.rollcall("verify", "x").code == 0)
      let scripts = [
        "unmounted": #"umount "$0""#, "emptied": #"rm -r "$0/a" "$0/d""#,
        "replaced": #"mount -t tmpfs rollcall-test "$0" && touch "$0/a""#,
      ]
      try host.run(try #require(scripts[fault]), tree.root)
      let ended = try host.rollcall("verify", "x", "--json")
      #expect(ended.code == 1 && ended.text == "", "\(ended.text)")
      for words in [
        "rollcall: mount_missing: root \(tree.root)", "host alpha", "`rollcall library set x --accept-root`",
      ] {
        #expect(ended.errors.contains(words), "\(ended.errors)")
      }
      #expect(ended.errors.split(separator: "\n").count == 1)
    }
  }
}
