import Foundation
import TestSupport
import Testing

extension Faults {
  /// A file system whose clock ticks so slowly that two changes of a directory leave it the same stamps.
  @Suite struct CoarseClockTests {
    @Test func `what is renamed into a walked directory within the tick of its last change is not lost`() async throws {
      try await inTurn {
        let scene = try FaultyScene()
        try scene.worker(slots: 1)
        try scene.expectHealthyScan()
        let before = try scene.rows()
        // The root changes while the scan runs, and from then on its clock stands still.
        let now = Fault(.stat, ".", .stamped(Int(Date().timeIntervalSince1970) + 60))
        try scene.fileSystem.plan([now, Fault(.list, "before", .hangs)])
        try scene.deployment.succeed(["scan", "x"])
        try eventually("a listing hangs") { try scene.fileSystem.unstruck().isEmpty }
        #expect(rename(scene.tree.path("before/3"), scene.tree.path("moved")) == 0)
        try scene.fileSystem.plan([now])
        try eventually("the scan ends", within: .seconds(60)) {
          try ["pending", "running"].contains(scene.deployment.status().status) ? nil : ()
        }
        let scan = try scene.deployment.status()
        scene.require("status", scan.status, "completed")
        scene.require("files removed", scan.filesRemoved, 0)
        let (old, new) = (try #require(before["before/3"]), try scene.rows()["moved"])
        scene.require("its id", new.flatMap(Self.id), Self.id(old))
        try scene.settle("a rename within a tick")
        try scene.fileSystem.plan([])
        try scene.expectHealthyScan()
      }
    }

    private static func id(_ row: String) -> Substring? {
      let columns = row.split(separator: "\t")
      return columns.count > 1 ? columns[1] : nil
    }
  }
}
