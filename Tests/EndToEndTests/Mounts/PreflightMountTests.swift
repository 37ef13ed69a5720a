import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// `preflight` on hosts with mounts of their own.
  @Suite struct PreflightMountTests {
    private struct Scene {
      let tree: TestTree
      let deployment: TestDeployment
      let alpha: MountHost
      let beta: MountHost

      /// A library whose root is mounted on the first host; `nil` where mounting is not permitted.
      init?() throws {
        guard let wrapper = MountHost.wrapper else { return nil }
        tree = try TestTree(inMemory: true)
        mkdir(tree.outside("store"), 0o755)
        close(creat(tree.outside("store/f"), 0o644))
        deployment = try TestDeployment()
        try deployment.succeed(["library", "add", "x", tree.root])
        alpha = try MountHost("alpha", in: deployment, wrapper: wrapper)
        beta = try MountHost("beta", in: deployment, wrapper: wrapper)
        try alpha.run(Self.mount, tree.root)
      }

      static let mount = #"mount --bind "$0/../store" "$0""#

      func scan() throws {
        try alpha.start()
        #expect(try deployment.scan().status == "completed")
      }
    }

    private struct Finding: Decodable {
      let check: String
      let status: String
      let message: String
      let advice: String?
    }

    private func preflight(_ host: MountHost) throws -> (code: Int32, [String: Finding]) {
      let ended = try host.rollcall("preflight", "x", "--json")
      let all = try JSONDecoder().decode([Finding].self, from: Data(ended.output))
      return (ended.code, Dictionary(all.map { ($0.check, $0) }, uniquingKeysWith: { $1 }))
    }

    @Test func `a host that does not mount the root is no failure while a worker sees it elsewhere`() throws {
      guard let scene = try Scene() else { return }
      try scene.scan()
      let (code, found) = try preflight(scene.beta)
      #expect(code == 0)
      #expect(found["root"]?.status == "ok")
      #expect(found["root"]?.message.contains("not mounted on this host") == true)
      #expect(found["root"]?.message.hasSuffix("alpha") == true)
      #expect(found["worker"]?.status == "ok" && found["worker"]?.message.hasSuffix("on host alpha") == true)
      #expect(try preflight(scene.alpha).1["root"]?.message.contains("is there") == true)

      // Where a worker would refuse every slice that it takes, that is to be known.
      try scene.beta.start()
      try eventually("beta has looked") {
        try scene.deployment.redis(["KEYS", scene.deployment.key("worker:beta-*")]).split(separator: "\n").contains {
          try scene.deployment.redis(["GET", String($0)]).contains(#""unseen":[{"#)
        }
      }
      let (later, seen) = try preflight(scene.beta)
      #expect(later == 0 && seen["root"]?.status == "warning" && seen["worker"]?.status == "ok")
      #expect(seen["root"]?.advice?.contains("--accept-root") == true)
    }

    @Test func `where no worker of the queue sees the root, each host says what it finds`() throws {
      guard let scene = try Scene() else { return }
      try scene.scan()
      try scene.alpha.stop()
      try scene.beta.start()
      let (code, found) = try preflight(scene.alpha)
      #expect(code == 1 && found["root"]?.status == "ok")
      let worker = try #require(found["worker"])
      #expect(worker.status == "failure" && worker.message.contains("on host beta "), "\(worker)")
      #expect(worker.message.contains("is another file system") || worker.message.contains("is empty"), "\(worker)")
      let (there, seen) = try preflight(scene.beta)
      #expect(there == 1 && seen["root"]?.status == "failure")
      #expect(seen["root"]?.message.contains("on host beta ") == true)
    }

    @Test func `a nested mount that is missing is a warning, and nothing is recorded`() throws {
      guard let scene = try Scene() else { return }
      try scene.alpha.run(
        #"mkdir "$0/nested" "$0/../other" && touch "$0/../other/g" && mount --bind "$0/../other" "$0/nested""#,
        scene.tree.root)
      try scene.scan()
      let records = try scene.deployment.mountRecords()
      let (code, found) = try preflight(scene.alpha)
      #expect(code == 0 && found["mounts"]?.status == "ok", "\(found)")
      for script in [#"umount "$0/nested""#, #"rmdir "$0/nested""#] {
        try scene.alpha.run(script, scene.tree.root)
        let (code, found) = try preflight(scene.alpha)
        let mounts = try #require(found["mounts"])
        #expect(code == 0 && mounts.status == "warning" && mounts.message.contains("nested"), "\(mounts)")
        #expect(mounts.message.contains("partial") && mounts.advice?.contains("mount what belongs there") == true)
      }
      #expect(try scene.deployment.mountRecords() == records)
      // The scan says the same.
      #expect(try scene.deployment.scan().status == "partial")
    }

    @Test func `another file system at the root is a failure that says what was expected`() throws {
      guard let scene = try Scene() else { return }
      try scene.scan()
      try scene.alpha.stop()
      try scene.alpha.run(#"umount "$0" && mount -t tmpfs rollcall-test "$0" && touch "$0/f""#, scene.tree.root)
      let (code, found) = try preflight(scene.alpha)
      #expect(code == 1)
      let root = try #require(found["root"])
      #expect(root.status == "failure" && root.message.contains("expected tmpfs "), "\(root)")
      try scene.alpha.start()
      let scan = try scene.deployment.scan()
      // To the letter.
      #expect(scan.errorMessage == root.message + "; " + (root.advice ?? ""))
    }
  }
}

extension Faults {
  @Suite struct PreflightHangTests {
    @Test func `a root that hangs is told, by preflight and by workers, and keeps no other waiting`() async throws {
      try await inTurn {
        let scene = try FaultyScene(settings: ["ROLLCALL_HEALTH_INTERVAL": "1 s"])
        let other = try TestTree(inMemory: true)
        let worker = try scene.worker()
        try scene.expectHealthyScan()
        try scene.fileSystem.plan([Fault(.open, ".", .hangs), Fault(.list, ".", .hangs)])
        try scene.deployment.succeed(["library", "add", "other", other.root])
        func preflight(_ name: String) throws -> String {
          let more = try scene.fileSystem.environment()
          return try scene.deployment.run(["preflight", name], more: more).text
        }
        try eventually("the worker tells that it hangs", within: .seconds(60)) {
          try preflight("x").contains(/failure +worker .*the file system does not answer/)
        }
        #expect(try preflight("x").contains(/failure +root .* does not answer/))
        #expect(try preflight("other").contains(/ok +worker .* see/))
        scene.forget(worker)
        worker.send(SIGTERM)
        let begin = ContinuousClock.now
        #expect(try worker.wait(within: .seconds(20)).code == 0)
        #expect(ContinuousClock.now - begin < .seconds(8))
      }
    }
  }
}
