import BlockingThread
import Catalog
import JobQueue
import Logging
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// A slot's pace, on a real Redis or on one that is not there.
@Suite struct SlotPaceTests {
  private static let prefix = TestServers.uniqueName()
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let activity = SlotActivity(slot: SlotID(worker: WorkerID(name: "w"), index: 0))

  private func pace(redis url: String) throws -> SlotPace {
    let connection = RedisConnection(
      endpoint: try RedisEndpoint(url: url), connectTimeout: .milliseconds(500), deadline: .milliseconds(500))
    return SlotPace(
      throttle: RedisThrottle(connection: connection, prefix: Self.prefix), activity: activity,
      outage: Outage(of: "Redis", logger: logger), logger: logger)
  }

  private func claim(rate: Int?, maxParallel: Int = 1, library: Int64 = .random(in: 1...Int64.max)) -> SliceClaim {
    SliceClaim(
      slice: SliceID(scan: ScanID(1), number: 1), kind: .walk, epoch: 1, claim: ClaimID(), attempts: 0,
      library: LibraryID(library), libraryName: "x", rootPath: "/", queue: "q",
      rules: LibraryRules(maxParallel: maxParallel, maxFilesPerSecond: rate), mode: .full, entriesSeen: 0,
      frontier: SliceFrontier())
  }

  private func time(_ body: () throws -> Void) rethrows -> Duration {
    try ContinuousClock().measure { try body() }
  }

  @Test func `a library without a limit has no pace, and nothing is connected for it`() throws {
    let pace = try pace(redis: "unix:///nonexistent/redis.sock")
    #expect(pace.pace(of: claim(rate: nil), isAborted: { false }) == nil)
  }

  @Test func `two slots of one library share its rate`() throws {
    let url = try TestServers.redisURL()
    let claim = claim(rate: 1000)
    let slots = [try pace(redis: url), try pace(redis: url)]
    let paces = try slots.map { try #require($0.pace(of: claim, isAborted: { false })) }
    let took = time { for index in 0..<600 { _ = paces[index % 2].spend() } }
    // 600 entries are six batches of a tenth of a second, the first of which waits for nothing.
    #expect((.milliseconds(490)...(.seconds(5))).contains(took), "\(took)")
    withExtendedLifetime(slots) {}
  }

  @Test func `slices of one library go on with what is left, another library begins anew`() throws {
    let slot = try pace(redis: try TestServers.redisURL())
    let first = try #require(slot.pace(of: claim(rate: 10, library: 1), isAborted: { false }))
    #expect(slot.pace(of: claim(rate: 10, library: 1), isAborted: { false }) === first)
    #expect(slot.pace(of: claim(rate: 20, library: 1), isAborted: { false }) !== first)
    #expect(slot.pace(of: claim(rate: 20, library: 2), isAborted: { false }) !== first)
  }

  @Test func `without Redis a slot keeps to its own part of the rate, and neither stops nor runs free`() throws {
    let slot = try pace(redis: "unix:///nonexistent/redis.sock")
    let pace = try #require(slot.pace(of: claim(rate: 1000, maxParallel: 4), isAborted: { false }))
    let took = time { for _ in 0..<300 { _ = pace.spend() } }
    // Three batches of a hundred at 250 a second, the first of which waits for nothing.
    #expect((.milliseconds(790)...(.seconds(5))).contains(took), "\(took)")
  }

  @Test func `a wait ends with an abort at once, and counts as progress meanwhile`() throws {
    let slot = try pace(redis: try TestServers.redisURL())
    let begin = ContinuousClock.now
    let isAborted = { ContinuousClock.now - begin > .milliseconds(300) }
    let pace = try #require(slot.pace(of: claim(rate: 1, maxParallel: 100), isAborted: isAborted))
    let took = time { for _ in 0..<100 { _ = pace.spend() } }
    #expect(took < .seconds(10), "\(took)")
    #expect(activity.idleTime < .seconds(5))
  }
}
