import Foundation
import TestSupport
import Testing

/// The scan in JSON is a contract: names, types, and that nothing is missing.
@Suite struct ScanDocumentTests {
  static let texts = ["library", "root_path", "mode", "status", "requested_through"]
  static let times = ["requested_at", "started_at", "completed_at"]
  static let numbers = [
    "id", "progress", "files_per_second", "eta_seconds", "categories_found", "courses_found", "directories_seen",
    "directories_moved", "files_seen", "files_added", "files_updated", "files_moved", "files_unchanged",
    "files_removed", "removals_held",
    "bytes_seen", "errors_count", "slices_redone", "entries_ignored",
  ]
  static let optional = [
    "requested_by", "request_id", "started_at", "completed_at", "progress", "files_per_second", "eta_seconds",
    "heartbeat_alive", "message", "error_message",
  ]
  static let names = Set(texts + times + numbers + optional)

  private func check(_ scan: [String: Any]) throws {
    #expect(Set(scan.keys) == Self.names)
    for (name, value) in scan where value is NSNull { #expect(Self.optional.contains(name), "\(name) is null") }
    for name in Self.texts { #expect(scan[name] is String, "\(name)") }
    for name in Self.numbers where !(scan[name] is NSNull) {
      let number = try #require(scan[name] as? NSNumber, "\(name)")
      #expect(String(cString: number.objCType) != "c", "\(name) is a truth value")
    }
    for name in Self.times where !(scan[name] is NSNull) {
      let text = try #require(scan[name] as? String, "\(name)")
      #expect(text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil, "\(name): \(text)")
    }
  }

  @Test func `every view of a scan is the same complete document, before and after`() throws {
    let deployment = try TestDeployment()
    let directory = try TemporaryDirectory()
    try run(["mkdir", directory.appending("empty"), directory.appending("full")])
    try run(["bash", "-c", "head -c 12345 /dev/zero > '\(directory.path)/full/x'"])
    try deployment.succeed(["library", "add", "a", directory.appending("full")])
    try deployment.succeed(["library", "add", "b", directory.appending("empty")])

    let pending = try object(deployment.run(["scan", "a", "--json", "--requested-by", "Ann"]))
    try check(pending)
    #expect(pending["status"] as? String == "pending")
    #expect(pending["started_at"] is NSNull && pending["progress"] is NSNull && pending["request_id"] is NSNull)
    #expect(pending["heartbeat_alive"] as? Bool == false)

    let worker = try deployment.worker()
    let ended = try object(deployment.run(["scan", "b", "--wait", "--json"]))
    try check(ended)
    try eventually("the first scan ends") {
      try object(deployment.run(["status", "a", "--json"]))["status"] as? String == "completed"
    }
    let one = try object(deployment.run(["status", "a", "--json"]))
    try check(one)
    #expect(one["files_seen"] as? Int == 1 && one["files_added"] as? Int == 1 && one["bytes_seen"] as? Int == 12345)
    #expect(one["directories_seen"] as? Int == 1 && one["errors_count"] as? Int == 0)
    #expect(one["progress"] as? Double == 100)
    #expect(one["requested_by"] as? String == "Ann" && one["requested_through"] as? String == "cli")

    for command in [["status", "--json"], ["history", "--json"]] {
      let scans = try array(deployment.run(command))
      #expect(scans.map { $0["library"] as? String } == ["b", "a"], "newest first")
      for scan in scans { try check(scan) }
    }
    #expect(try array(deployment.run(["history", "--limit", "1", "--json"])).map { $0["library"] as? String } == ["b"])
    #expect(try array(deployment.run(["history", "a", "--json"])).map { $0["library"] as? String } == ["a"])
    withExtendedLifetime(worker) {}
  }
}
