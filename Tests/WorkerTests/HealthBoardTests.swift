import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite struct HealthBoardTests {
  private let board = HealthBoard()
  private let sight = RootSight.seen(
    MountIdentity(type: "ext4", uuid: nil, fsid: 1, inode: 2), guarded: 0, missing: [])

  private func library(_ id: Int64, root: String = "/srv") -> ServedLibrary {
    ServedLibrary(id: LibraryID(id), name: "l\(id)", rootPath: root, queue: "q")
  }

  private func errands(_ libraries: [ServedLibrary]) -> [HealthBoard.Errand] {
    libraries.map { HealthBoard.Errand(library: $0, mounts: RecordedMounts()) }
  }

  private func due(_ libraries: [ServedLibrary], _ interval: Duration = .seconds(600)) -> [Int64] {
    board.due(among: libraries, interval: interval).map(\.id.rawValue)
  }

  @Test func `a root is looked at when its library comes, when it moves, and then each interval`() throws {
    #expect(due([library(1), library(2)]) == [1, 2])
    let number = try #require(board.send(errands([library(1), library(2)]), patience: .seconds(600)))
    #expect(due([library(1), library(2), library(3)]) == [3])
    while let errand = board.next(for: number) { board.note(sight, of: errand.library) }
    #expect(due([library(1), library(2), library(3)]) == [3])
    #expect(board.roots(patience: .seconds(600)).seen == [1, 2])
    #expect(due([library(1, root: "/mnt"), library(2)]) == [1])
    #expect(board.roots(patience: .seconds(600)).seen == [2])
    #expect(due([library(1, root: "/mnt"), library(2)], .zero) == [1, 2])
    #expect(due([]) == [])
    #expect(board.roots(patience: .zero) == HeartbeatLine.Roots())
  }

  @Test func `a root that hangs is told, is not looked at again, and keeps no other waiting`() throws {
    #expect(due([library(1), library(2)]) == [1, 2])
    let number = try #require(board.send(errands([library(1), library(2)]), patience: .seconds(600)))
    #expect(board.next(for: number)?.library == library(1))
    #expect(due([library(1), library(2)], .zero) == [])
    #expect(board.roots(patience: .seconds(600)) == HeartbeatLine.Roots())
    let roots = board.roots(patience: .zero)
    #expect(roots.seen == [] && roots.unseen.map(\.library) == [1])
    #expect(roots.unseen[0].reason == "the file system does not answer")
    let other = try #require(board.send([], patience: .zero))
    #expect(board.next(for: other)?.library == library(2))
    board.note(sight, of: library(2))
    #expect(board.roots(patience: .zero).seen == [2])
    // It comes back after all.
    board.note(sight, of: library(1))
    #expect(board.next(for: number) == nil)
    #expect(board.roots(patience: .zero).seen == [1, 2])
    #expect(due([library(1), library(2)], .zero) == [1, 2])
  }

  @Test func `a root that hangs and whose library is gone keeps no other waiting either`() throws {
    _ = due([library(1), library(2)])
    let number = try #require(board.send(errands([library(1), library(2)]), patience: .seconds(600)))
    #expect(board.next(for: number)?.library == library(1))
    _ = due([library(2)])
    let other = try #require(board.send([], patience: .zero))
    #expect(board.next(for: other)?.library == library(2))
    board.note(sight, of: library(1))
    #expect(board.next(for: number) == nil)
    #expect(board.roots(patience: .seconds(600)).seen == [])
  }

  @Test func `no more than some roots may hang at a time`() {
    let libraries = (1...100).map { library($0) }
    _ = due(libraries)
    var lookouts = 0
    var number = board.send(errands(libraries), patience: .zero)
    while let lookout = number {
      lookouts += 1
      _ = board.next(for: lookout)
      number = board.send([], patience: .zero)
    }
    #expect(lookouts == 16)
  }

  @Test func `what Redis has said is good for an interval`() {
    #expect(board.redis(within: .seconds(600)) == nil)
    let standing = RedisStanding(endpoint: "e")
    board.note(standing)
    #expect(board.redis(within: .seconds(600)) == standing)
    #expect(board.redis(within: .zero) == nil)
  }
}
