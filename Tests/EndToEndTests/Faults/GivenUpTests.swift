import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  /// A worker that gives its job up, and dies between the steps of doing so.
  @Suite struct GivenUpTests {
    @Test(arguments: CrashPoint.allCases.filter(\.isOfGivingUp))
    func `a worker that is killed while it gives a job up leaves a scan that ends exact`(
      point: CrashPoint
    ) async throws {
      try await inTurn {
        let scene = try FaultScene(ForestTree(), settings: FaultScene.hasty)
        try scene.reaper()
        let victim = try scene.worker("victim", slots: 1, crash: point.rawValue)
        let trouble = Trouble(scene, at: point)
        try trouble.prepare()
        try scene.requestScan()
        if !trouble.isPrepared { try scene.duringScan(when: { $0.holds("victim") }) { _ in try trouble.make() } }
        try scene.waitForCrash(of: "victim")
        guard !victim.isRunning, try scene.scan()?.status == "running" else {
          throw scene.broken("the scan was not running")
        }
        try trouble.end()
        try scene.worker("other")
        try scene.expectExactEnd()
      }
    }
  }
}

extension CrashPoint {
  /// What a worker passes only where a job does not end as it should.
  var isOfGivingUp: Bool {
    switch self {
    case .sliceReleased, .sliceRefused, .sliceFailed, .jobHandedBack, .jobBuried: true
    default: false
    }
  }
}

/// Why the worker `victim` gives a job up at a crash point.
private struct Trouble {
  private let scene: FaultScene
  private let point: CrashPoint
  /// A worker elsewhere, so that a refusal by this host alone ends nothing.
  private static let stranger = "stranger-00000001"

  init(_ scene: FaultScene, at point: CrashPoint) {
    self.scene = scene
    self.point = point
  }

  /// Whether the first slice meets it, without anything done to a running scan.
  var isPrepared: Bool { sqlState != nil }

  /// With what the victim's commits fail.
  private var sqlState: String? {
    switch point {
    case .sliceReleased: "40001"
    case .sliceFailed: "P0001"
    default: nil
    }
  }

  func prepare() throws {
    if point == .sliceRefused { try registerStranger() }
    guard let sqlState else { return }
    try scene.deployment.database.query(
      """
      CREATE FUNCTION refuse_victim() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no commit of the victim''s' USING ERRCODE = '\(sqlState)'; END $$;
      CREATE TRIGGER refuse_victim BEFORE UPDATE ON slices FOR EACH ROW
        WHEN (NEW.state = 'done' AND NEW.worker LIKE 'victim-%') EXECUTE FUNCTION refuse_victim()
      """)
  }

  /// With the victim's own heartbeat, which is read while nothing stands still: it does not last for long.
  private func registerStranger() throws {
    let deployment = scene.deployment
    var heartbeat = ""
    try scene.wait("the victim's heart beats") {
      let keys = try deployment.redis(["KEYS", deployment.key("worker:victim-*")])
      heartbeat = try deployment.redis(["GET", keys]).replacing(#/"host":"[^"]*"/#, with: #""host":"elsewhere""#)
      return heartbeat.contains("elsewhere")
    }
    let started = #"{"slots":1,"started_at":"2023-11-14T22:13:20Z"}"#
    // In this order, or the reaper takes it for dead in between.
    try deployment.redis(["SET", deployment.key("worker:\(Self.stranger)"), heartbeat])
    try deployment.redis(["HSET", deployment.key("workers"), Self.stranger, started])
  }

  /// In the middle of the scan, while the victim holds a slice and everything stands still.
  func make() throws {
    let deployment = scene.deployment
    switch point {
    case .jobHandedBack:
      try deployment.database.query(
        """
        SELECT pg_terminate_backend(backend_pid, 60000) FROM slices
         WHERE state = 'running' AND worker LIKE 'victim-%'
        """)
    case .jobBuried: try deployment.redis(["RPUSH", deployment.key("queue"), "garbage"])
    case .sliceRefused:
      guard rename(scene.tree.root, scene.tree.root + ".away") == 0 else { throw scene.broken("the root stays") }
    default: preconditionFailure("nothing makes a worker give up at \(point)")
    }
  }

  func end() throws {
    let deployment = scene.deployment
    switch point {
    case .jobBuried:
      guard try deployment.redis(["LLEN", deployment.key("dead")]) == "1" else {
        throw scene.broken("the garbage is not on the dead list")
      }
      try deployment.redis(["DEL", deployment.key("dead")])
    case .sliceRefused:
      guard rename(scene.tree.root + ".away", scene.tree.root) == 0 else { throw scene.broken("no root") }
      try deployment.redis(["DEL", deployment.key("worker:\(Self.stranger)")])
    default:
      if isPrepared { try deployment.database.query("DROP TRIGGER refuse_victim ON slices") }
    }
  }
}
