import Foundation
import RedisClient
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct GarbageTests {
    /// An entry of the dead list, as its readers see it.
    private struct Buried: Decodable {
      let reason: String
      let worker: String
      let time: String
      let payload: String?
      let payload_base64: Data
    }

    /// Messages, and what the reason that they are buried with must name.
    private static let garbage: [(bytes: [UInt8], reason: String)] = [
      (Array(#"{"library":"#.utf8), "JSON"),
      (Array(#"["library","x"]"#.utf8), "object"),
      ([], "empty"),
      (noise(bytes: 1 << 20), "65536"),
      (Array(#"{"library":"nobody's"}"#.utf8), "rollcall library add"),
      (Array(#"{"library":"x","mode":"sideways"}"#.utf8), "mode"),
      ([0xff, 0x00, 0xc3, 0x28, 0x0a], "UTF-8"),
      (Array("{\"library\":\"\u{fc}".utf8.dropLast()), "UTF-8"),
      (Array(#"{"library":7}"#.utf8), "library"),
      (Array(#"{"v":9,"library":"x"}"#.utf8), "version"),
      (Array(#"{"slice":"one"}"#.utf8), "slice"),
      (Array(repeating: UInt8(ascii: "["), count: 60_000), "JSON"),
    ]

    @Test func `garbage is buried with its exact bytes and a reason, and the next job runs`() throws {
      let tree = try TestTree()
      try tree.file("only")
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let redis = RedisConnection(endpoint: try RedisEndpoint(url: deployment.redisURL))
      for (bytes, _) in Self.garbage {
        try redis.command("LPUSH", RedisArgument(deployment.key("queue")), RedisArgument(bytes))
      }
      try redis.command("LPUSH", RedisArgument(deployment.key("queue")), #"{"library":"x"}"#)

      let worker = try deployment.worker(slots: 1)
      try expectExact(deployment.endedScan(), TreeRows(of: tree.root, in: deployment))
      try deployment.expectNothingLeft()
      #expect(worker.isRunning)
      let dead = try redis.command("LRANGE", RedisArgument(deployment.key("dead")), "0", "100")
      let buried = try #require(dead.array).compactMap(\.bytes).map {
        try JSONDecoder().decode(Buried.self, from: Data($0))
      }
      // The newest comes first.
      #expect(buried.reversed().map { Array($0.payload_base64) } == Self.garbage.map(\.bytes))
      for (buried, garbage) in zip(buried.reversed(), Self.garbage) {
        #expect(buried.reason.contains(garbage.reason))
        #expect(!buried.reason.contains("\n"))
        #expect(
          buried.payload.map { Array($0.utf8) }
            == String(validating: garbage.bytes, as: UTF8.self).map { Array($0.utf8) })
        #expect(try Date(buried.time, strategy: .iso8601) > Date(timeIntervalSinceNow: -300))
        #expect(!buried.worker.isEmpty)
      }
    }

    /// Bytes of every value in no order, the same in every run.
    private static func noise(bytes count: Int) -> [UInt8] {
      var state: UInt64 = 0x9e37_79b9_7f4a_7c15
      return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
    }
  }
}
