import Catalog
import Foundation
import JobQueue
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// What the heartbeats of a queue's workers prove about a root.
@Suite struct RootAnswersTests {
  private static let library = ServedLibrary(
    id: LibraryID(7), name: "x", rootPath: "/srv/x", queue: "nas")

  private func worker(_ host: String, _ roots: HeartbeatLine.Roots?) throws -> RegisteredWorker {
    let line = HeartbeatLine(
      host: host, pid: 1, version: "0", queues: ["nas"], slots: [], roots: roots, rssBytes: 0, cpuSeconds: 0,
      filesPerSecond: 0)
    return RegisteredWorker(
      worker: WorkerID(name: host, suffix: "1"), registration: nil,
      heartbeat: String(decoding: try line.json(), as: UTF8.self))
  }

  private func roots(_ change: (inout HeartbeatLine.Roots) -> Void) -> HeartbeatLine.Roots {
    var roots = HeartbeatLine.Roots()
    change(&roots)
    return roots
  }

  private var seeing: HeartbeatLine.Roots { roots { $0.add(seen: LibraryID(7), for: .seconds(3)) } }
  private var blind: HeartbeatLine.Roots { roots { $0.add(LibraryID(7), unseen: "it is not there", for: .seconds(3)) } }

  private func finding(_ workers: [RegisteredWorker]) -> PreflightFinding {
    RootAnswers(of: Self.library, workers).finding(patience: .seconds(60))
  }

  @Test func `one worker that sees the root suffices, and its host is named`() throws {
    let found = finding([try worker("alpha", blind), try worker("beta", seeing), try worker("gamma", nil)])
    #expect(found.status == "ok" && found.library == "x")
    #expect(found.message.hasSuffix("on host beta"))
  }

  @Test func `without a worker it is told how to start one`() throws {
    let dead = RegisteredWorker(worker: WorkerID(name: "a", suffix: "1"), registration: nil, heartbeat: nil)
    for workers in [[], [dead]] {
      let found = finding(workers)
      #expect(found.isFailure)
      #expect(found.line.contains("rollcall worker --queues nas") && found.line.contains("/srv/x"))
    }
  }

  @Test func `where none sees it, each host says why`() throws {
    let other = roots { $0.add(LibraryID(7), unseen: "is empty", for: .zero) }
    let found = finding([try worker("alpha", blind), try worker("beta", other)])
    #expect(found.isFailure)
    #expect(found.message.contains("on host alpha it is not there, on host beta is empty"))
  }

  @Test func `what is not told yet, or never, is no failure`() throws {
    let none = HeartbeatLine.Roots()
    let full = roots { roots in
      for id in 100..<(101 + Int64(HeartbeatLine.Roots.mostSeen)) { roots.add(seen: LibraryID(id), for: .zero) }
    }
    for (answer, isPending) in [(none, true), (full, false), (nil, false)] as [(HeartbeatLine.Roots?, Bool)] {
      let workers = [try worker("alpha", blind), try worker("beta", answer)]
      #expect(RootAnswers(of: Self.library, workers).isPending == isPending)
      #expect(finding(workers).isWarning)
      #expect(finding(workers).message.contains("beta"))
    }
    let garbage = RegisteredWorker(worker: WorkerID(name: "evil", suffix: "1"), registration: nil, heartbeat: "{}")
    #expect(finding([garbage]).isWarning)
    let waiting = [try worker("alpha", none), try worker("beta", seeing)]
    #expect(!RootAnswers(of: Self.library, waiting).isPending)
  }

  @Test func `an answer that is too old is not relied upon`() throws {
    let old = roots { $0.add(seen: LibraryID(7), for: .seconds(61)) }
    #expect(finding([try worker("alpha", old)]).isWarning)
  }

  @Test func `what a heartbeat tells of roots is bounded, whatever there is`() throws {
    var all = HeartbeatLine.Roots()
    for id in 1...5_000 as ClosedRange<Int64> {
      all.add(seen: LibraryID(Int64.max - id), for: .seconds(id))
      all.add(LibraryID(Int64.max - id), unseen: String(repeating: "\u{1b}\u{0}é\"\n", count: 500), for: .seconds(id))
    }
    #expect(all.leftOut == 10_000 - HeartbeatLine.Roots.mostSeen - HeartbeatLine.Roots.mostUnseen)
    let bytes = try JSONEncoder().encode(all).count
    #expect(bytes < 12_000, "\(bytes) bytes")
    #expect(try JSONDecoder().decode(HeartbeatLine.Roots.self, from: JSONEncoder().encode(all)) == all)
  }
}
