import Foundation
import TestSupport
import Testing

/// `rollcall cancel`, `confirm` and `discard`: what they give, and what they refuse.
@Suite struct SettlingCommandTests {
  private let deployment: TestDeployment

  init() throws {
    deployment = try TestDeployment()
    try deployment.succeed(["library", "add", "media", "/usr/share/doc"])
  }

  /// A scan of the library that holds two files; no worker has been at it.
  private func hold() throws {
    try deployment.succeed(["scan", "media"])
    try deployment.database.query(
      """
      DELETE FROM slices;
      UPDATE scans SET status = 'partial', started_at = now(), completed_at = now(), removal_verdict = 'hold',
                       removals_held = 2, open_slices = 0, message = 'held';
      INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name)
      VALUES (1, 1, 'f', 1, 1, 'a'), (1, 1, 'f', 2, 1, 'b')
      """)
  }

  @Test func `a cancelled scan is shown, with who has cancelled it`() throws {
    let id = try #require(try object(deployment.run(["scan", "media", "--json"]))["id"] as? Int)
    let scan = try object(deployment.run(["cancel", "media", "--requested-by", "Ann", "--json"]))
    #expect(scan["id"] as? Int == id)
    #expect(scan["status"] as? String == "cancelled")
    #expect(scan["completed_at"] is String)
    let event = try #require(try array(deployment.run(["events", "\(id)", "--json"])).first)
    #expect(event["event"] as? String == "cancelled")
    #expect(event["actor"] as? String == "Ann")
    expectFailure(try deployment.run(["cancel", "media"]), code: 1, saying: "library media has no active scan")
    expectFailure(try deployment.run(["cancel", "other"]), code: 1, saying: "no library is named \"other\"")
    // Its place is free.
    try deployment.succeed(["scan", "media"])
    #expect(try deployment.succeed(["cancel", "media"]) == "Scan \(id + 1) of library media is cancelled.\n")
  }

  @Test func `a scan that is waited for ends with code 1 when it is cancelled`() throws {
    let waiting = try deployment.start(["scan", "media", "--wait", "--json"])
    try eventually("the scan is there") { try !deployment.database.query("SELECT 1 FROM scans").isEmpty }
    try deployment.succeed(["cancel", "media"])
    let ended = try waiting.wait()
    #expect(ended.code == 1)
    #expect(try object(ended)["status"] as? String == "cancelled")
  }

  @Test func `a confirmed scan is shown as it runs, and holds the library's place`() throws {
    try hold()
    let scan = try object(deployment.run(["confirm", "1", "--requested-by", "Ann", "--json"]))
    #expect(scan["status"] as? String == "running")
    #expect(scan["removals_held"] as? Int == 2)
    #expect(scan["completed_at"] is NSNull)
    #expect(scan["message"] is NSNull)
    #expect(try deployment.redis(["LRANGE", deployment.key("queue"), "0", "0"]) == #"{"v":1,"slice":"1/1"}"#)
    #expect(try deployment.succeed(["confirm", "1"]).hasPrefix("Scan 1 of library media looks again"))
    for refused in [["scan", "media"], ["discard", "1"]] {
      expectFailure(try deployment.run(refused), code: 4, saying: "refused", "has an active scan: 1, running")
    }
    #expect(try deployment.succeed(["cancel", "media"]) == "Scan 1 of library media holds its removals again.\n")
    #expect(try object(deployment.run(["status", "media", "--json"]))["status"] as? String == "partial")
  }

  @Test func `what cannot be confirmed or discarded is said in one line`() throws {
    for command in ["confirm", "discard"] {
      expectFailure(try deployment.run([command, "7"]), code: 1, saying: "there is no scan 7")
      expectFailure(try deployment.run([command, "media"]), code: 2, saying: command)
    }
    try deployment.succeed(["scan", "media"])
    for command in ["confirm", "discard"] {
      expectFailure(try deployment.run([command, "1"]), code: 4, saying: "has an active scan: 1, pending")
    }
    try deployment.succeed(["cancel", "media"])
    for command in ["confirm", "discard"] {
      expectFailure(
        try deployment.run([command, "1"]), code: 1, saying: "scan 1 of library media holds no removals")
    }
  }

  @Test func `a scan whose removals are discarded says so`() throws {
    try hold()
    let scan = try object(deployment.run(["discard", "1", "--json"]))
    #expect(scan["status"] as? String == "partial")
    #expect(scan["removals_held"] as? Int == 0)
    #expect((scan["message"] as? String)?.contains("2 missing files") == true)
    #expect(try deployment.database.query("SELECT 1 FROM staged_removals") == [])
    expectFailure(try deployment.run(["confirm", "1"]), code: 1, saying: "holds no removals")
  }

  @Test func `nobody loses a confirmation because Redis is away`() throws {
    try hold()
    let ended = try deployment.run(["confirm", "1"], more: ["ROLLCALL_REDIS_URL": "unix:///nowhere.sock"])
    #expect(ended.code == 0)
    #expect(ended.errors.contains("scan 1 is confirmed, but no worker can be told"), "\(ended.errors)")
    #expect(try deployment.database.query("SELECT status, removal_verdict FROM scans") == ["running\tconfirm"])
  }
}
