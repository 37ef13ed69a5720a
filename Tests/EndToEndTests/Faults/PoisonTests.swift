import Foundation
import TestSupport
import Testing

extension Faults {
  /// A directory that kills whoever lists it.
  @Suite struct PoisonTests {
    @Test func `a directory that kills its worker every time is named, and all else is complete`() async throws {
      try await inTurn {
        let tree = try ForestTree(directories: 60, files: 10)
        try tree.directory("grove 3/poison")
        for index in 0..<5 { try tree.file("grove 3/poison/\(index)") }
        let scene = try FaultScene(tree, settings: FaultScene.hasty)
        try scene.reaper()
        try scene.requestScan()
        var deaths = 0
        while try scene.scan()?.hasEnded != true {
          let worker = try scene.worker("victim", crash: "list:poison")
          try scene.wait("the scan or its worker ends") { try !worker.isRunning || scene.scan()?.hasEnded == true }
          if !worker.isRunning { deaths += 1 }
          guard deaths <= 30 else { throw scene.broken("\(deaths) workers have died") }
        }
        print("a directory that kills its worker was given up after \(deaths) deaths")
        let scan = try scene.endedScan()
        guard scan.status == "partial" else { throw scene.broken("the scan is \(scan.status)") }
        let errors = try scene.deployment.database.query("SELECT convert_from(path, 'UTF8') FROM scan_errors")
        guard errors == ["grove 3/poison"] else { throw scene.broken("the errors are \(errors)") }
        // One with its slice, two more with the slice's rest alone in hand: max_attempts. A death does not count of
        // which a busy machine has the lock expire, and the slice taken over, before the heartbeat.
        let unnoticed = try scene.deployment.database.query(
          "SELECT 1 FROM scan_events WHERE event = 'slice_taken_over' AND NOT (detail->>'dead')::boolean"
        ).count
        guard (3...3 + unnoticed).contains(deaths) else { throw scene.broken("\(deaths) workers have died") }
        let rows = try TreeRows(of: tree.root, in: scene.deployment)
        let missing = try rows.differences().filter { !$0.contains(hex("grove 3/poison")) }
        guard missing.isEmpty else { throw scene.broken("not exact: \(missing)") }
        guard try scan.files_seen == rows.files - 5 else { throw scene.broken("\(scan.files_seen) files were seen") }
        try scene.expectNothingLeft()
      }
    }

    /// As Postgres shows bytes.
    private func hex(_ text: String) -> String {
      text.utf8.map { String($0, radix: 16) }.joined()
    }
  }
}
