import Foundation
import TestSupport

/// A faulty scene whose library is known, and in whose next scan one of a worker's two slots hangs. One thread
/// owns it.
struct HangScene {
  /// How the worker of a hung slot ends.
  enum End: String, CaseIterable { case kill, secondSignal }

  let scene: FaultyScene
  let struck: ChildProcess
  private let other: TestTree
  private let before: [String: String]

  /// - Parameter isFirst: the scan that hangs is the library's first.
  init(isFirst: Bool = false) throws {
    // Long: only a second signal ends a worker in time that has a slot which hangs. And its lock must not expire on a
    // busy machine, or its other slot would hang too.
    scene = try FaultyScene(settings: FaultScene.slow.merging(["ROLLCALL_SHUTDOWN_TIMEOUT": "10m"]) { $1 })
    other = try TestTree(inMemory: true)
    try other.file("file")
    try scene.deployment.succeed(["library", "add", "other", other.root])
    try scene.reaper()
    struck = try scene.worker("struck")
    if !isFirst { try scene.expectHealthyScan() }
    before = isFirst ? [:] : try scene.rows()
    try scene.changeTree()
  }

  /// Asks for a scan, and waits until it hangs.
  func hang() throws {
    try scene.fileSystem.plan([Fault(.list, "faulty", .hangs)])
    try scene.deployment.succeed(["scan", "x"])
    try eventually("a listing hangs") { try scene.fileSystem.unstruck().isEmpty }
    // Nothing is known of what was not listed to its end.
    try expectKept(unless: [])
  }

  /// Nothing but what is really gone is.
  private func expectKept(unless gone: Set<String>) throws {
    try scene.expectKept(before, unless: gone)
    try scene.settle("the rows")
  }

  /// A scan of another library, by the slot that does not hang.
  func expectOtherScanEnds() throws {
    let scan = try ScanResult(scene.deployment.run(["scan", "other", "--wait", "--json"]))
    scene.require("the other library's scan", scan.status, "completed")
    scene.require("its files", scan.filesSeen, 1)
    scene.require("the scan that hangs", try scene.deployment.status().status, "running")
    try scene.settle("while a slot hangs")
  }

  /// A worker on a host where nothing is wrong.
  func startHealthyWorker() throws { try scene.worker("healthy", isStruck: false) }

  /// Ends the worker whose slot hangs, as an operator would.
  func end(by end: End) throws {
    scene.forget(struck)
    switch end {
    case .kill: struck.send(SIGKILL)
    case .secondSignal:
      struck.send(SIGTERM)
      try eventually("the worker is told to end") { try idleSlotHasEnded() }
      struck.send(SIGTERM)
    }
    let code = try struck.wait().code
    scene.require("the exit code", code, end == .kill ? 128 + SIGKILL : 1)
  }

  private func idleSlotHasEnded() throws -> Bool {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(struck.pid)/task").count { task in
      // A thread may end before its name is read.
      (try? String(contentsOfFile: "/proc/\(struck.pid)/task/\(task)/comm", encoding: .utf8))?.hasPrefix("slot-")
        == true
    } == 1
  }

  /// The scan has ended; whoever has done it, the catalogue is the tree, with the ids that it had.
  func expectExactEnd() throws {
    try eventually("the scan ends") {
      try !["pending", "running"].contains(scene.deployment.status().status)
    }
    try scene.expectExact(scene.deployment.status())
    try expectKept(unless: ["before/gone", "faulty/file 33"])
  }

  func waitUntilStruckIsIdle() throws {
    try eventually("its slots are free") {
      let keys = try scene.deployment.redis(["KEYS", scene.deployment.key("worker:struck-*")])
      guard let key = keys.split(separator: "\n").first else { return false }
      let line = try scene.deployment.redis(["GET", String(key)])
      return line.contains(#""state":"idle""#) && !line.contains(#""slice""#)
    }
  }
}
