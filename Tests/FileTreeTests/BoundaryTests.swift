import FileTree
import Foundation
import ScanModel
import Testing

/// `/dev` has mounts below it wherever this runs: `/dev/pts` and `/dev/shm`.
@Suite struct BoundaryTests {
  private static let mounts = [Array("pts".utf8), Array("shm".utf8)]

  @Test func `with one file system, nested mounts are rows and nothing below them is touched`() throws {
    let file = try Shared()
    let sink = try walkDev(oneFilesystem: true)
    #expect(Set(Self.mounts).isSubset(of: sink.boundaries))
    let below = sink.rows.keys.filter { path in sink.boundaries.contains { path.starts(with: $0 + [UInt8(ascii: "/")]) }
    }
    #expect(below == [])
    #expect(sink.rows[file.path] == nil)
    #expect(sink.visits.allSatisfy { !sink.boundaries.contains($0) })
    #expect(sink.failures.allSatisfy { !sink.boundaries.contains($0.path) })
    let expected = try IndependentListing.of("/dev", ["-xdev"])
    #expect(Set(sink.rows.keys) == Set(expected.keys))
  }

  @Test func `without it, nested mounts are walked, and still told apart`() throws {
    let file = try Shared()
    let sink = try walkDev(oneFilesystem: false)
    #expect(sink.rows[file.path]?.kind == .file)
    #expect(Set(Self.mounts).isSubset(of: sink.boundaries))
    #expect(sink.boundaries.allSatisfy { sink.visits.contains($0) })
    #expect(sink.rows[Array("null".utf8)]?.kind == .char)
  }

  @Test func `a frontier does not lead over the boundary either`() throws {
    let walked = try walkDev(oneFilesystem: false)
    let sink = CountingSink()
    let shared = try #require(walked.id(of: "shm"))
    let walker = TreeWalker(rootPath: "/dev", oneFilesystem: true)
    _ = try walker.run(walked.frontier([shared]), limits: WalkLimits(), into: sink)
    #expect(sink.listed == [])
    #expect(sink.failures.map(\.errorType) == [.changedDuringScan])
  }

  private func walkDev(oneFilesystem: Bool) throws -> RecordingSink {
    let sink = RecordingSink()
    let walker = TreeWalker(rootPath: "/dev", oneFilesystem: oneFilesystem)
    _ = try walker.run(.root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    return sink
  }
}

/// A file below `/dev/shm`, for as long as it is referenced.
private final class Shared {
  private let name = "rollcall-test-\(UInt64.random(in: 0...UInt64.max))"
  var path: [UInt8] { Array("shm/\(name)".utf8) }

  init() throws {
    let number = open("/dev/shm/" + name, O_CREAT | O_WRONLY, 0o644)
    try #require(number >= 0)
    close(number)
  }

  deinit { unlink("/dev/shm/" + name) }
}
