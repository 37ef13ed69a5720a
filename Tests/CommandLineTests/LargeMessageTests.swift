import Foundation
import TestSupport
import Testing

/// Anybody can LPUSH anything.
@Suite struct LargeMessageTests {
  @Test func `a message of 60 MiB is buried with its exact bytes, and the next job runs`() throws {
    let deployment = try TestDeployment()
    let directory = try TemporaryDirectory()
    let message = [UInt8](repeating: UInt8(ascii: "a"), count: 60 << 20)
    try deployment.redis(["LPUSH", deployment.key("queue")], input: message)
    try deployment.succeed(["library", "add", "small", directory.path])
    try deployment.redis(["LPUSH", deployment.key("queue")], input: Array(#"{"library":"small"}"#.utf8))

    let worker = try deployment.worker(slots: 1)
    try eventually("the next job runs") {
      try deployment.succeed(["history", "--limit", "1"]).contains("completed")
    }
    #expect(!worker.errorsSoFar.contains("did not answer"), "\(worker.errorsSoFar)")
    #expect(try deployment.redis(["LLEN", deployment.key("dead")]) == "1")
    let entry = try deployment.redis(["LINDEX", deployment.key("dead"), "0"])
    let dead = try #require(try JSONSerialization.jsonObject(with: Data(entry.utf8)) as? [String: String])
    #expect(dead["payload"] == nil)
    #expect(dead["payload_base64"].flatMap { Data(base64Encoded: $0) } == Data(message))
    // The message itself, its base64, and a copy of each on its way.
    let peak = try worker.peakResidentBytes()
    #expect(peak < 480 << 20, "\(peak >> 20) MiB")
  }
}
