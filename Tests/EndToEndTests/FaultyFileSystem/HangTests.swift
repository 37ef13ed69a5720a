import Foundation
import TestSupport
import Testing

extension Faults {
  /// A listing that does not return. It costs the slot that stands in it, and no other; what that slot held is
  /// another's when its worker has ended.
  @Suite struct HangTests {
    @Test(arguments: HangScene.End.allCases)
    func `a slot that hangs leaves the others alone, and its work to others when its worker ends`(
      end: HangScene.End
    ) async throws {
      try await inTurn {
        let scene = try HangScene()
        try scene.hang()
        try scene.expectOtherScanEnds()
        try scene.end(by: end)
        try scene.startHealthyWorker()
        try scene.expectExactEnd()
      }
    }

    @Test func `a first scan that hangs ends exact as soon as its worker's work is another's`() async throws {
      try await inTurn {
        let scene = try HangScene(isFirst: true)
        try scene.hang()
        try scene.end(by: .kill)
        try scene.startHealthyWorker()
        try scene.expectExactEnd()
      }
    }

    @Test func `a listing that returns after all goes on where it was`() async throws {
      try await inTurn {
        let scene = try HangScene()
        try scene.hang()
        try scene.scene.fileSystem.plan([])
        try scene.expectExactEnd()
      }
    }

    @Test func `a listing that returns when its slice is another's changes nothing any more`() async throws {
      try await inTurn {
        let scene = try HangScene()
        try scene.hang()
        // So that its lock ends too: as of a machine that hangs as a whole.
        scene.struck.send(SIGSTOP)
        try scene.startHealthyWorker()
        try scene.expectExactEnd()
        let rows = try scene.scene.rows()
        try scene.scene.fileSystem.plan([])
        scene.struck.send(SIGCONT)
        try scene.waitUntilStruckIsIdle()
        scene.scene.require("rows", try scene.scene.rows(), rows)
        try scene.expectExactEnd()
      }
    }
  }
}
