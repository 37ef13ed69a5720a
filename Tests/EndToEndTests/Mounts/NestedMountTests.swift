import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A library in which something is mounted at `mounted`: on it lie `inside` and `below/deep`, beneath it `hidden`.
  @Suite struct NestedMountTests {
    enum Kind: String, CaseIterable {
      /// On a file system of its own.
      case other
      /// A directory of the library's own file system: no device tells it from the root.
      case same
    }

    enum Fault: String, CaseIterable {
      case unmounted, emptied, replaced, gone
    }

    private struct Scene {
      let tree: TestTree
      let deployment: TestDeployment
      let host: MountHost
      let kind: Kind

      /// `nil` where mounting is not permitted.
      init?(_ kind: Kind) throws {
        guard let wrapper = MountHost.wrapper else { return nil }
        self.kind = kind
        tree = try TestTree(inMemory: true)
        for name in ["beside", "mounted"] { try tree.directory(name) }
        for name in ["beside/file", "mounted/hidden"] { try tree.file(name, bytes: 3) }
        for name in ["store", "another"] { mkdir(tree.outside(name), 0o755) }
        deployment = try TestDeployment()
        try deployment.succeed(["library", "add", "x", tree.root])
        host = try MountHost("alpha", in: deployment, wrapper: wrapper)
        if kind == .other { try run(#"mount -t tmpfs rollcall-test "$0/../store""#) }
        try run(#"mkdir -p "$0/../store/lib/below" && touch "$0/../store/lib/inside" "$0/../store/lib/below/deep""#)
        try mount()
        try host.start()
      }

      func run(_ script: String) throws { try host.run(script, tree.root) }
      func mount() throws { try run(#"mount --bind "$0/../store/lib" "$0/mounted""#) }

      func make(_ fault: Fault) throws {
        switch fault {
        case .unmounted: try run(#"umount "$0/mounted""#)
        case .emptied: try run(#"mkdir "$0/../store/away" && mv "$0/mounted/"* "$0/../store/away""#)
        case .replaced:
          try run(#"umount "$0/mounted""#)
          if kind == .other { try run(#"mount -t tmpfs rollcall-test "$0/../another""#) }
          try run(#"touch "$0/../another/inside" && mount --bind "$0/../another" "$0/mounted""#)
        case .gone: try run(#"umount "$0/mounted" && rm -r "$0/mounted""#)
        }
      }

      func mend(_ fault: Fault) throws {
        switch fault {
        case .unmounted: try mount()
        case .emptied: try run(#"mv "$0/../store/away/"* "$0/mounted""#)
        case .replaced:
          try run(#"umount "$0/mounted""#)
          try mount()
        case .gone:
          try run(#"mkdir "$0/mounted""#)
          try mount()
        }
      }

      func listing() throws -> TreeRows { try TreeRows(of: tree.root, in: deployment, wrapper: host.inside) }

      /// A scan that leaves what lay on the mount as it was, and sees what happens beside it.
      func expectMissing(_ beside: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try tree.file("beside/" + beside)
        let before = try CataloguedRows(deployment, below: "mounted")
        let scan = try deployment.scan()
        #expect(scan.status == "partial" && scan.exitCode == 3, sourceLocation: sourceLocation)
        #expect(scan.filesAdded == 1 && scan.filesRemoved == 0, sourceLocation: sourceLocation)
        #expect(scan.errorsCount == 1, sourceLocation: sourceLocation)
        #expect(try deployment.errors(of: scan) == ["mount_missing\tmounted"], sourceLocation: sourceLocation)
        let message = try deployment.message(of: scan)
        for word in ["mount point mounted on host alpha ", "`rollcall library set x --accept-root`"] {
          #expect(message.contains(word), sourceLocation: sourceLocation)
        }
        #expect(try CataloguedRows(deployment, below: "mounted") == before, sourceLocation: sourceLocation)
        try deployment.expectNothingLeft(sourceLocation: sourceLocation)
      }
    }

    @Test(arguments: Kind.allCases, Fault.allCases)
    func `what lay on a mount that is not on record stays as it was, and is simply right when it is back`(
      kind: Kind, fault: Fault
    ) throws {
      guard let scene = try Scene(kind) else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      let mounted = "SELECT count(*) FROM library_mounts m JOIN directories d ON d.id = m.directory_id WHERE d.boundary"
      #expect(try scene.deployment.database.query(mounted) == ["1"])
      let rows = try CataloguedRows(scene.deployment)
      let (below, files) = (try CataloguedRows(scene.deployment, below: "mounted"), try scene.deployment.liveFiles())
      let records = try scene.deployment.mountRecords()
      #expect(try scene.deployment.scan().status == "completed")
      #expect(try CataloguedRows(scene.deployment) == rows)

      try scene.make(fault)
      // Again and again: no scan forgets what the last one has spared.
      for index in 0..<2 { try scene.expectMissing("new \(index)") }
      #expect(try CataloguedRows(scene.deployment, below: "mounted") == below)

      for index in 0..<2 { unlink(scene.tree.path("beside/new \(index)")) }
      try scene.mend(fault)
      let scan = try scene.deployment.scan()
      #expect(scan.status == "completed" && scan.filesRemoved == 2 && scan.filesAdded == 0)
      #expect(try scene.listing().differences() == [])
      #expect(try scene.deployment.liveFiles() == files)
      // Moving the files away and back has changed them.
      if fault != .emptied { #expect(try CataloguedRows(scene.deployment, below: "mounted") == below) }
      #expect(try scene.deployment.database.query("SELECT count(*) FROM directories WHERE unread IS NOT NULL") == ["0"])
      #expect(try scene.deployment.mountRecords() == records)
      #expect(try scene.deployment.scan().status == "completed")
    }

    @Test(arguments: Kind.allCases, Fault.allCases)
    func `what is accepted in place of a mount is scanned like any other`(kind: Kind, fault: Fault) throws {
      guard let scene = try Scene(kind) else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.make(fault)
      try scene.expectMissing("new")
      let said = try scene.host.accept()
      let isMount = fault == .emptied || fault == .replaced
      #expect(
        said.contains(isMount ? "Accepted mount point mounted" : "Nothing is mounted at mount point mounted any more"))
      for _ in 0..<2 {
        let scan = try scene.deployment.scan()
        #expect(scan.status == "completed")
        #expect(try scene.listing().differences() == [])
      }
      let rows = try CataloguedRows(scene.deployment)
      #expect(try scene.deployment.scan().status == "completed")
      #expect(try CataloguedRows(scene.deployment) == rows)
    }

    @Test func `a mount that goes between a slice's first and last read is missing, and nothing else is to blame`()
      throws
    {
      guard let scene = try Scene(.other) else { return }
      try scene.run(#"cd "$0/mounted" && seq 500 | xargs touch"#)
      try expectExact(scene.deployment.scan(), scene.listing())
      let below = try CataloguedRows(scene.deployment, below: "mounted")
      // Some five seconds, all of them within one slice.
      try scene.deployment.succeed(["library", "set", "x", "--max-files-per-second", "100"])
      try scene.tree.file("beside/new")
      try scene.deployment.succeed(["scan", "x"])
      try eventually("a slice is being walked") {
        try scene.deployment.database.query("SELECT 1 FROM slices WHERE state = 'running'").isEmpty ? nil : ()
      }
      // Lazily: the walk may hold it open, and reads on.
      try scene.run(#"umount --lazy "$0/mounted""#)
      try eventually("the scan ends", within: .seconds(60)) {
        try ["pending", "running"].contains(scene.deployment.status().status) ? nil : ()
      }
      let scan = try scene.deployment.status()
      #expect(scan.status == "partial" && scan.filesAdded == 1 && scan.filesRemoved == 0)
      #expect(try scene.deployment.errors(of: scan) == ["mount_missing\tmounted"])
      #expect(try scene.deployment.message(of: scan).contains("`rollcall library set x --accept-root`"))
      #expect(try CataloguedRows(scene.deployment, below: "mounted") == below)
      #expect(try scene.deployment.database.query("SELECT 1 FROM scan_events WHERE event = 'slice_failed'") == [])
      try scene.mount()
      #expect(try scene.deployment.scan().status == "completed")
      #expect(try CataloguedRows(scene.deployment, below: "mounted") == below)
    }

    @Test func `what a scan holds of a mount that has gone since is not removed by a confirmation`() throws {
      guard let scene = try Scene(.other) else { return }
      try scene.deployment.succeed(["library", "set", "x", "--removal-limit", "0", "--removal-limit-percent", "0"])
      try scene.run(#"touch "$0/mounted/kept""#)
      try expectExact(scene.deployment.scan(), scene.listing())
      let files = try scene.deployment.liveFiles()
      try scene.run(#"rm -r "$0/mounted/inside" "$0/mounted/below""#)
      let held = try scene.deployment.scan()
      #expect(held.status == "partial" && held.removalsHeld == 2)
      try scene.run(#"umount "$0/mounted""#)
      let confirmed = try ScanResult(
        scene.deployment.run(["confirm", "\(held.id)", "--wait", "--json"]))
      #expect(confirmed.id == held.id && confirmed.status == "partial" && confirmed.filesRemoved == 0)
      #expect(try scene.deployment.errors(of: confirmed) == ["mount_missing\tmounted"])
      #expect(try scene.deployment.liveFiles() == files)
      try scene.mount()
      #expect(try scene.deployment.scan().removalsHeld == 2)
    }

    @Test func `a directory that leads to a mount which went with it is not removed`() throws {
      guard let scene = try Scene(.other) else { return }
      try scene.run(#"umount "$0/mounted" && mkdir -p "$0/way/on/mounted" && rm -r "$0/mounted""#)
      try scene.run(#"touch "$0/way/on/file" && mount --bind "$0/../store/lib" "$0/way/on/mounted""#)
      try expectExact(scene.deployment.scan(), scene.listing())
      let files = try scene.deployment.liveFiles()
      try scene.run(#"umount "$0/way/on/mounted" && rm -r "$0/way""#)
      let scan = try scene.deployment.scan()
      #expect(scan.status == "partial" && scan.filesRemoved == 0)
      #expect(try scene.deployment.errors(of: scan) == ["mount_missing\tway/on/mounted"])
      #expect(try scene.deployment.liveFiles() == files)
      try scene.host.accept()
      #expect(try scene.deployment.scan().status == "completed")
      #expect(try scene.listing().differences() == [])
    }
  }
}
