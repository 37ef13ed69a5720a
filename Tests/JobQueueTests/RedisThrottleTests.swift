import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

@Suite("The rate of a limited library")
struct RedisThrottleTests {
  let world: RedisWorld
  let library = LibraryID(7)

  init() throws { world = try RedisWorld() }

  private func throttle() -> RedisThrottle {
    RedisThrottle(connection: RedisConnection(endpoint: world.endpoint), prefix: world.prefix)
  }

  /// Milliseconds to wait.
  private func wait(
    _ entries: Int, rate: Int, by throttle: RedisThrottle, longest: Duration = .seconds(1000),
    of library: LibraryID? = nil
  ) throws -> Double {
    try throttle.reserve(entries, of: library ?? self.library, queue: "q", rate: rate, longest: longest)
      / .milliseconds(1)
  }

  private var key: RedisArgument { world.key("{q}:rate:7") }

  @Test("the first to ask waits for nothing, each later one for all before it, whoever asks")
  func shared() throws {
    let clients = (0..<4).map { _ in throttle() }
    #expect(try wait(10, rate: 1, by: clients[0]) == 0)
    for (index, client) in clients.enumerated() {
      let expected = Double(10_000 * (index + 1))
      let wait = try wait(10, rate: 1, by: client)
      // Less only by the time that the test has taken.
      #expect((expected - 5000...expected).contains(wait), "\(wait) of \(expected)")
    }
  }

  @Test("libraries do not wait for one another")
  func apart() throws {
    let throttle = throttle()
    #expect(try wait(1000, rate: 1, by: throttle) == 0)
    #expect(try wait(1000, rate: 1, by: throttle, of: LibraryID(8)) == 0)
  }

  @Test("what was not used is not saved up, and the key goes by itself")
  func forgets() throws {
    let throttle = throttle()
    #expect(try wait(1, rate: 100, by: throttle) == 0)
    try eventually("the key goes") { try world.redis.command("EXISTS", key) == .integer(0) }
    #expect(try wait(100, rate: 1, by: throttle) == 0)
    #expect(try wait(1, rate: 1, by: throttle) > 90_000)
    let ttl = try #require(try world.redis.command("PTTL", key).integer)
    #expect((95_000...102_000).contains(ttl), "\(ttl)")
  }

  @Test("a limit that changes holds from the next reservation on")
  func changes() throws {
    let throttle = throttle()
    #expect(try wait(100, rate: 1, by: throttle) == 0)
    #expect((80_000...100_000).contains(try wait(100_000, rate: 1000, by: throttle)))
    #expect((180_000...200_000).contains(try wait(1, rate: 1000, by: throttle)))
  }

  @Test(
    "whatever the key holds, nobody waits longer than the longest wait",
    arguments: [
      "9999999999999999", "1e300", "inf", "nan", "-5", "0", "", "x", "0x7fffffffffffffff",
    ])
  func nonsense(_ value: String) throws {
    let throttle = throttle()
    try world.redis.command("SET", key, RedisArgument(value))
    #expect((0...5_000).contains(try wait(1, rate: 1, by: throttle, longest: .seconds(5))))
    #expect((0...5_000).contains(try wait(1, rate: 1, by: throttle, longest: .seconds(5))))
    let ttl = try #require(try world.redis.command("PTTL", key).integer)
    #expect((1...7_000).contains(ttl), "\(ttl)")
  }

  @Test("a key of another type is an error and no wait")
  func wrongType() throws {
    try world.redis.command("LPUSH", key, "x")
    #expect(throws: QueueError.self) { try wait(1, rate: 1, by: throttle()) }
  }

  @Test("a server that forgets its scripts and keys begins anew")
  func repeats() throws {
    let throttle = throttle()
    #expect(try wait(1000, rate: 1, by: throttle) == 0)
    try world.redis.command("SCRIPT", "FLUSH")
    #expect(try wait(1, rate: 1, by: throttle) > 900_000)
    try world.forget()
    #expect(try wait(1, rate: 1, by: throttle) == 0)
  }
}
