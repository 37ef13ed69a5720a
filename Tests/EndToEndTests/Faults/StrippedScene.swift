import Foundation
import TestSupport

/// A library that has been scanned, and has lost files since: its next scan must look at each of them again, and
/// remove it. No worker is left.
struct StrippedScene {
  let scene: FaultScene
  /// How many files are gone.
  let removed: Int

  /// - Parameter stripped: how many of the directories lose their files.
  init(directories: Int, files: Int, stripped: Int, settings: [String: String] = FaultScene.quick) throws {
    let tree = try ForestTree(directories: directories, files: files)
    scene = try FaultScene(tree, settings: settings, rules: [])
    let first = try scene.worker("first")
    try scene.requestScan()
    try scene.expectExactEnd()
    first.send(SIGTERM)
    _ = try first.wait()
    removed = try tree.strip(stripped)
  }

  /// Starts a worker that ends, or stands still, where it is told to; it begins the next scan.
  func begin(_ name: String, crash: String?) throws -> ChildProcess {
    let worker = try scene.worker(name, slots: 1, crash: crash)
    try scene.requestScan()
    return worker
  }

  /// The newest scan is `running`, and all that is left of it is the `finalise` slice, which the worker holds.
  func expectFinalising(_ name: String) throws -> [Middle.Claim] {
    guard let middle = try scene.middle(), middle.open == 1, middle.holds(name), try kindOfOpenSlices() == ["finalise"]
    else {
      throw scene.broken("\(name) is not at the end of a running scan")
    }
    return middle.claims
  }

  private func kindOfOpenSlices() throws -> [String] {
    try scene.deployment.database.query("SELECT kind FROM slices WHERE state <> 'done'")
  }

  /// The scan has ended exact, and has removed what is gone.
  @discardableResult
  func expectExactEnd() throws -> ScanRow { try scene.expectExactEnd(removed: removed) }
}
