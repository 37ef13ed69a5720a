import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A library whose root is mounted on two hosts, each with mounts and a name of its own: twelve directories of ten
  /// files, and `hidden` below the mount.
  @Suite struct MountHostsTests {
    private struct Scene {
      let tree: TestTree
      let deployment: TestDeployment
      let alpha: MountHost
      let beta: MountHost

      /// `nil` where mounting is not permitted.
      ///
      /// - Parameter mountsBeta: whether the second host mounts the root too.
      init?(mountsBeta: Bool = true) throws {
        guard let wrapper = MountHost.wrapper else { return nil }
        tree = try TestTree(inMemory: true)
        try tree.file("hidden")
        for name in ["store", "other"] { mkdir(tree.outside(name), 0o755) }
        deployment = try TestDeployment()
        try deployment.succeed(["library", "add", "x", tree.root])
        alpha = try MountHost("alpha", in: deployment, wrapper: wrapper)
        beta = try MountHost("beta", in: deployment, wrapper: wrapper)
        for name in 0..<12 {
          mkdir(tree.outside("store/\(name)"), 0o755)
          for file in 0..<10 { close(creat(tree.outside("store/\(name)/\(file)"), 0o644)) }
        }
        try alpha.run(Self.mount, tree.root)
        if mountsBeta { try beta.run(Self.mount, tree.root) }
        try alpha.start()
      }

      static let mount = #"mount --bind "$0/../store" "$0""#

      func listing() throws -> TreeRows { try TreeRows(of: tree.root, in: deployment, wrapper: alpha.inside) }

      /// Scans with the second host alone, so that both have a record of the root; then both are there.
      func scanUntilBothHaveRecorded() throws {
        try alpha.stop()
        try beta.start()
        #expect(try deployment.scan().status == "completed")
        try alpha.start()
        #expect(try deployment.database.query("SELECT count(DISTINCT host) FROM library_mounts") == ["2"])
      }

      /// Scans until the second host has refused to work on one: which host takes a slice is for nobody to say.
      func scanUntilRefused(_ each: (ScanResult) throws -> Void) throws {
        for round in 0..<30 {
          unlink(tree.outside("store/\(round % 12)/0"))
          close(creat(tree.outside("store/\(round % 12)/new \(round)"), 0o644))
          let scan = try deployment.scan()
          try each(scan)
          if beta.log.contains("cannot open the library's root") { return }
        }
        Issue.record("the second host has refused nothing in 30 scans")
      }
    }

    @Test func `a host that has lost the root takes no part, whoever finalises, and the scan is right`() throws {
      guard let scene = try Scene() else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.scanUntilBothHaveRecorded()
      try scene.beta.run(#"umount "$0""#, scene.tree.root)
      try scene.scanUntilRefused { (scan) throws in
        #expect(scan.status == "completed" && scan.filesAdded == 1 && scan.filesRemoved <= 1)
        #expect(try scene.listing().differences() == [])
      }
      #expect(try scene.listing().miscounted() == [])
      try scene.deployment.expectNothingLeft()

      // With all that serve the queue, it is a failure.
      try scene.alpha.stop()
      let scan = try scene.deployment.scan()
      #expect(scan.status == "failed")
      #expect(scan.errorMessage?.contains("mount_missing: root \(scene.tree.root) on host beta ") == true)
      #expect(scan.errorMessage?.contains("expected tmpfs ") == true)
    }

    @Test func `a host that sees the root for the first time must see what the others have seen`() throws {
      guard let scene = try Scene(mountsBeta: false) else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.beta.start()
      try scene.scanUntilRefused { (scan) throws in
        #expect(scan.status == "completed")
        #expect(try scene.listing().differences() == [])
      }
      let hosts = "SELECT DISTINCT host FROM library_mounts ORDER BY 1"
      #expect(try scene.deployment.database.query(hosts) == ["alpha"])
      try scene.beta.run(Scene.mount, scene.tree.root)
      try scene.alpha.stop()
      let scan = try scene.deployment.scan()
      #expect(scan.status == "completed")
      #expect(try TreeRows(of: scene.tree.root, in: scene.deployment, wrapper: scene.beta.inside).differences() == [])
      #expect(try scene.deployment.database.query(hosts) == ["alpha", "beta"])
    }

    @Test(arguments: [true, false])
    func `where no id tells file systems apart, most of the root's entries must be there`(areThere: Bool) throws {
      guard let scene = try Scene(mountsBeta: false) else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.alpha.stop()
      // As a network file system is recorded that has neither.
      try scene.deployment.database.query("UPDATE library_mounts SET fs_type = 'nfs', fs_uuid = NULL, fs_id = NULL")
      let files = try scene.deployment.liveFiles()
      try scene.beta.run(
        #"mount -t tmpfs rollcall-test "$0" && cp -a "$0/../store/"* "$0" && cd "$0" && rm -r "#
          + (areThere ? "0 1 2 3 4" : "0 1 2 3 4 5"), scene.tree.root)
      try scene.beta.start()
      let scan = try scene.deployment.scan()
      if areThere {
        #expect(scan.status == "completed" && scan.filesRemoved == 50)
        #expect(try TreeRows(of: scene.tree.root, in: scene.deployment, wrapper: scene.beta.inside).differences() == [])
      } else {
        #expect(scan.status == "failed")
        #expect(scan.errorMessage?.contains("lacks most of what the catalogue has there: expected nfs ") == true)
        #expect(try scene.deployment.liveFiles() == files)
      }
    }

    @Test func `what is accepted on one host is looked at anew by the others`() throws {
      guard let scene = try Scene() else { return }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.scanUntilBothHaveRecorded()
      try scene.alpha.run(#"umount "$0" && touch "$0/../other/f" && mount --bind "$0/../other" "$0""#, scene.tree.root)
      try scene.alpha.accept()
      #expect(try scene.deployment.database.query("SELECT host FROM library_mounts") == ["alpha"])
      try scene.scanUntilRefused { scan in #expect(scan.status == "completed" && scan.filesSeen == 1) }
      #expect(try scene.listing().differences() == [])
    }

    @Test func `a host that has lost a nested mount stages nothing of it, whoever finalises`() throws {
      guard let scene = try Scene() else { return }
      for host in [scene.alpha, scene.beta] {
        try host.run(
          #"mkdir -p "$0/../other/sub" "$0/nested" && touch "$0/../other/f" "$0/../other/sub/g" && "#
            + #"mount --bind "$0/../other" "$0/nested""#,
          scene.tree.root)
      }
      try expectExact(scene.deployment.scan(), scene.listing())
      try scene.scanUntilBothHaveRecorded()
      let nested = try CataloguedRows(scene.deployment, below: "nested")
      try scene.beta.run(#"umount "$0/nested""#, scene.tree.root)
      // Which host takes a slice is for nobody to say: until the second one has walked the nested mount's, or looked
      // there at the end.
      var hasMissed = false
      for round in 0..<30 where !hasMissed {
        unlink(scene.tree.outside("store/\(round % 12)/\(round / 12)"))
        let scan = try scene.deployment.scan()
        hasMissed = scan.status == "partial"
        #expect(try scene.deployment.errors(of: scan) == (hasMissed ? ["mount_missing\tnested"] : []))
        #expect(scan.filesRemoved == 1)
        #expect(try CataloguedRows(scene.deployment, below: "nested") == nested)
      }
      #expect(hasMissed, "the second host has missed nothing in 30 scans")
      try scene.beta.stop()
      #expect(try scene.deployment.scan().status == "completed")
      #expect(try scene.listing().differences() == [])
    }
  }
}
