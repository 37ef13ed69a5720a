import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A library whose root is a mount: `a` and `d/b` on a file system of its own, and `hidden` below the mount.
  @Suite struct RootMountTests {
    enum Fault: String, CaseIterable {
      case unmounted, emptied, replaced

      var script: String {
        switch self {
        case .unmounted: #"umount "$0""#
        case .emptied: #"mkdir "$0/../store/away" && mv "$0/a" "$0/d" "$0/../store/away""#
        case .replaced: #"umount "$0" && mount -t tmpfs rollcall-test "$0" && touch "$0/a""#
        }
      }

      var mending: String {
        switch self {
        case .unmounted: RootMountTests.mount
        case .emptied: #"mv "$0/../store/away/"* "$0""#
        case .replaced: #"umount "$0"; "# + RootMountTests.mount
        }
      }
    }

    static let mount = #"mount --bind "$0/../store/lib" "$0""#
    private static let prepare =
      #"mount -t tmpfs rollcall-test "$0/../store" && mkdir -p "$0/../store/lib/d" && touch "$0/../store/lib/a" "#
      + #""$0/../store/lib/d/b"; "# + mount

    private struct Scene {
      let tree: TestTree
      let deployment: TestDeployment
      let host: MountHost

      /// `nil` where mounting is not permitted.
      init?(_ more: [String] = [], preparing script: String = RootMountTests.prepare) throws {
        guard let wrapper = MountHost.wrapper else { return nil }
        tree = try TestTree(inMemory: true)
        try tree.file("hidden")
        mkdir(tree.outside("store"), 0o755)
        deployment = try TestDeployment()
        try deployment.succeed(["library", "add", "x", tree.root] + more)
        host = try MountHost("alpha", in: deployment, wrapper: wrapper)
        try host.run(script, tree.root)
        try host.start()
      }

      func run(_ script: String) throws { try host.run(script, tree.root) }

      func listing() throws -> TreeRows { try TreeRows(of: tree.root, in: deployment, wrapper: host.inside) }

      /// A scan that finds the root to be wrong, and changes nothing.
      func expectRefused(saying words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
        let before = try CataloguedRows(deployment)
        let records = try deployment.mountRecords()
        let scan = try deployment.scan()
        #expect(scan.status == "failed" && scan.exitCode == 1, sourceLocation: sourceLocation)
        let message = try #require(scan.errorMessage, sourceLocation: sourceLocation)
        let all = ["mount_missing: root \(tree.root)", "host alpha", "`rollcall library set x --accept-root`"]
        for word in all + words {
          #expect(message.contains(word), "\(message) does not say \(word)", sourceLocation: sourceLocation)
        }
        #expect(!message.contains("\n"), sourceLocation: sourceLocation)
        #expect(try CataloguedRows(deployment) == before, sourceLocation: sourceLocation)
        #expect(try deployment.mountRecords() == records, sourceLocation: sourceLocation)
        #expect(
          try deployment.database.query("SELECT count(*) FROM staged_removals WHERE scan_id = \(scan.id)") == ["0"],
          sourceLocation: sourceLocation
        )
        try deployment.expectNothingLeft(sourceLocation: sourceLocation)
      }
    }

    @Test(arguments: Fault.allCases)
    func `a root that is not on record fails its scans, and is simply right when it is back`(fault: Fault) throws {
      guard let scene = try Scene() else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      #expect(
        try scene.deployment.database.query("SELECT host, fs_type, accepted FROM library_mounts") == [
          "alpha\ttmpfs\tf"
        ])
      let (rows, files) = (try CataloguedRows(scene.deployment), try scene.deployment.liveFiles())
      let records = try scene.deployment.mountRecords()
      #expect(try scene.deployment.scan().filesUnchanged == 2)
      #expect(try CataloguedRows(scene.deployment) == rows)

      try scene.run(fault.script)
      for _ in 0..<2 { try scene.expectRefused(saying: fault == .emptied ? "is empty" : "expected tmpfs ") }
      #expect(try CataloguedRows(scene.deployment) == rows)

      try scene.run(fault.mending)
      let scan = try scene.deployment.scan()
      #expect(scan.status == "completed" && scan.filesRemoved == 0 && scan.filesAdded == 0)
      #expect(try scene.listing().differences() == [])
      #expect(try scene.deployment.liveFiles() == files)
      // Moving the files away and back has changed them.
      if fault != .emptied { #expect(try CataloguedRows(scene.deployment) == rows) }
      #expect(try scene.deployment.mountRecords() == records)
    }

    @Test(arguments: Fault.allCases)
    func `what is accepted as the root is scanned like any other`(fault: Fault) throws {
      guard let scene = try Scene() else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.run(fault.script)
      try scene.expectRefused()
      let said = try scene.host.accept()
      #expect(said.contains("Accepted the root \(scene.tree.root) on host alpha: tmpfs "))
      #expect(said.contains("empty") == (fault == .emptied))
      for _ in 0..<2 {
        let scan = try scene.deployment.scan()
        #expect(scan.status == "completed")
        #expect(try scene.listing().differences() == [])
      }
      // What was accepted is what must be there from now on.
      guard fault != .emptied else { return }
      try scene.run(#"umount "$0" 2>/dev/null || true; "# + Self.mount)
      try scene.expectRefused(saying: "expected tmpfs ")
    }

    @Test
    func
      `two file systems mounted one after the other at the root are told apart, though device and inode are the same`()
      throws
    {
      let mount = #"mount -t tmpfs rollcall-test "$0" && touch "$0/a" "$0/b""#
      guard let scene = try Scene(preparing: mount) else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      let before = try scene.host.status("%d %i", scene.tree.root)
      try scene.run(#"umount "$0" && "# + mount)
      // Otherwise this proves less; that they are the same is no promise of the kernel.
      print(
        "device and inode of two file systems in a row: \(before) \(try scene.host.status("%d %i", scene.tree.root))")
      try scene.expectRefused(saying: "expected tmpfs ", "there is tmpfs ")
    }

    @Test func `a file system is told by its UUID, where the kernel tells it`() throws {
      let uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
      let image = #"truncate -s 4M "$0/../image" && mke2fs -q -t ext4 -O ^has_journal -U "# + uuid + #" "$0/../image""#
      guard let scene = try? Scene(preparing: image + #" && mount -o loop "$0/../image" "$0""#) else {
        return print("NOT RUN: scans of an ext4, as none can be made and mounted here")
      }
      #expect(try scene.deployment.scan().status == "completed")
      let recorded = try scene.deployment.database.query("SELECT fs_type, fs_uuid FROM library_mounts")
      // Linux tells it since 6.9; before, only udev does, which may not run here.
      #expect(recorded == ["ext4\t" + uuid] || recorded == ["ext4\t"])
      print("the UUID on record of an ext4: \(recorded)")
      try scene.run(#"umount "$0""#)
    }

    @Test func `an emptied root that is accepted keeps to the limits of removals`() throws {
      let fill = #"mount -t tmpfs rollcall-test "$0" && cd "$0" && seq 1100 | xargs touch"#
      guard let scene = try Scene(preparing: fill) else { return }
      #expect(try scene.deployment.scan().filesAdded == 1_100)
      try scene.run(#"find "$0" -type f -delete"#)
      try scene.expectRefused(saying: "is empty")
      try scene.host.accept()
      for _ in 0..<2 {
        let scan = try scene.deployment.scan()
        #expect(scan.status == "partial" && scan.removalsHeld == 1_100 && scan.filesRemoved == 0)
      }
      try scene.deployment.succeed(["library", "set", "x", "--removal-limit", "1100"])
      #expect(try scene.deployment.scan().filesRemoved == 1_100)
      // It has been empty with leave: once there is something in it, it may not be so again.
      try scene.run(#"touch "$0/new""#)
      #expect(try scene.deployment.scan().filesAdded == 1)
      try scene.run(#"rm "$0/new""#)
      try scene.expectRefused(saying: "is empty")
    }

    @Test func `a root that goes between a slice's first and last read proves nothing`() throws {
      // Some five seconds, all of them within one slice.
      guard let scene = try Scene(["--max-files-per-second", "100"]) else { return }
      try scene.run(#"cd "$0" && rm -r a d && seq 500 | xargs touch"#)
      try scene.deployment.succeed(["scan", "x"])
      try eventually("a slice is being walked") {
        try scene.deployment.database.query("SELECT 1 FROM slices WHERE state = 'running'").isEmpty ? nil : ()
      }
      // Lazily: the walk holds it open, and reads on.
      try scene.run(#"umount --lazy "$0""#)
      let scan = try scene.deployment.endedScan()
      #expect(scan.status == "failed")
      #expect(scan.errorMessage?.contains("mount_missing: root \(scene.tree.root)") == true)
      #expect(try scene.deployment.database.query("SELECT count(*) FROM files") == ["0"])
      #expect(try scene.deployment.mountRecords() == [])
    }

    @Test func `a root that this host does not mount is added unchecked, and a worker that has it scans it`() throws {
      guard let scene = try Scene() else { return }
      let root = scene.tree.outside("nowhere here")
      #expect(try scene.deployment.run(["library", "add", "y", root]).code == 1)
      try scene.deployment.succeed(["library", "add", "y", root, "--unchecked"])
      let scan = try ScanResult(scene.deployment.run(["scan", "y", "--wait", "--json"]))
      #expect(scan.status == "failed" && scan.errorMessage?.contains("mount") == true)
      try scene.run(#"mkdir "$0/../nowhere here" && touch "$0/../nowhere here/f""#)
      #expect(try ScanResult(scene.deployment.run(["scan", "y", "--wait", "--json"])).filesAdded == 1)
      let refused = try scene.deployment.run(["library", "set", "x", "--accept-root", "--json"])
      #expect(refused.code == 0)
      try #require(rmdir(scene.tree.outside("nowhere here")) != 0)
    }
  }
}
