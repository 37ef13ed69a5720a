import Foundation
import TestSupport

/// Scans of a tree that changes between them, and faults in the middle of each, all of it by a seed. One thread
/// owns it.
final class ChaosRun {
  /// When it is enough.
  enum Limit {
    case rounds(Int)
    case time(Duration)
  }

  struct Style {
    /// Faults that strike at the same moment.
    let volley: Int
    let faults: [ChaosFault]
    /// The longest pause between two volleys.
    let pause: Duration
    let settings: [String: String]
    let workers: Int
    let filesPerSecond: Int
  }

  private let style: Style
  private let world: ChaosWorld
  private let tree: ForestTree
  private let stalls = StallWatch()
  private var random: SeededRandom
  private(set) var tally = ChaosTally()
  private var recoveries: [Recovery] = []

  /// A killed worker's slice that nobody has claimed again.
  private struct Recovery {
    let claim: Middle.Claim
    let killed: ContinuousClock.Instant
    /// The next fault came before its end, and may have met whoever was about to claim the slice.
    var isDisturbed = false
  }

  init(seed: UInt64, style: Style, tree: ForestTree) throws {
    self.style = style
    self.tree = tree
    random = SeededRandom(seed: seed)
    world = try ChaosWorld(
      tree: tree, settings: style.settings, workers: style.workers, filesPerSecond: style.filesPerSecond)
  }

  func run(until limit: Limit) throws {
    let began = ContinuousClock.now
    while true {
      switch limit {
      case .rounds(let count): if tally.scans == count { return }
      case .time(let time): if ContinuousClock.now - began >= time { return }
      }
      try round()
    }
  }

  /// One scan, struck until it ends or has had enough; then all is repaired, and it must end exact.
  private func round() throws {
    let removed = try changeTree()
    let last = try world.scene.scan()?.id ?? 0
    try requestScan(after: last)
    var volleys = Int.random(in: 1...6, using: &random)
    var next = ContinuousClock.now
    while volleys > 0, try isOpen(after: last) {
      if ContinuousClock.now >= next, try strike(after: last) {
        volleys -= 1
        next = .now + style.pause * Double.random(in: 0.05...1, using: &random)
      }
      try tick()
    }
    try world.scene.wait("all that was struck is made up for") {
      try tick()
      return world.isWhole && recoveries.isEmpty
    }
    try world.repair(all: true)
    let scan = try world.scene.expectExactEnd(removed: removed)
    try world.noteStandstill(of: stalls.longestStall())
    let count = try world.scene.deployment.database.query("SELECT count(*) FROM scans WHERE id > \(last)")
    guard count == ["1"] else { throw world.scene.broken("one request made \(count) scans") }
    tally.end(scan, attempts: try expectedAttempts(after: last))
  }

  /// Only the death or long sleep of whoever had a slice counts an attempt; outages and hand-backs do not.
  private func expectedAttempts(after last: Int64) throws -> Int {
    let attempts = try world.scene.attempts(after: last)
    let unjust = attempts.filter { !$0.isDeath || !world.struck.contains($0.worker) }
    guard unjust.isEmpty else {
      throw world.scene.broken("attempts were counted although nobody had died: \(unjust.map(\.detail))")
    }
    return attempts.count
  }

  private func tick() throws {
    try world.noteStandstill(of: stalls.longestStall())
    try world.repair()
    if world.isPostgresThere { try lookForRecoveries() }
    usleep(30_000)
  }

  /// - Returns: how many files of the library are gone.
  private func changeTree() throws -> Int {
    guard tally.scans > 0 else { return 0 }
    if let grove = tree.felled.min() {
      // First the change: what it removes of the new ones would be gone already.
      let gone = try tree.change()
      try tree.plant(grove: grove)
      return gone
    }
    let felled = try Bool.random(using: &random) ? tree.fell(grove: Int.random(in: 0..<10, using: &random)) : 0
    return try felled + tree.change()
  }

  /// Through one door or the other.
  private func requestScan(after last: Int64) throws {
    let deployment = world.scene.deployment
    if Bool.random(using: &random) { return try world.scene.requestScan() }
    try deployment.redis(["LPUSH", deployment.key("queue"), #"{"library":"x","request_id":"after \#(last)"}"#])
    try world.scene.wait("the request is admitted") { try world.scene.scan().map { $0.id > last } ?? false }
  }

  private func isOpen(after last: Int64) throws -> Bool {
    guard world.isPostgresThere else { return true }
    return try world.scene.scan().map { $0.id == last || !$0.hasEnded } ?? true
  }

  /// Strikes while the scan is `running` and everything stands still.
  ///
  /// - Returns: false where this is not the moment.
  private func strike(after last: Int64) throws -> Bool {
    guard world.isPostgresThere else { return false }
    let faults = style.faults.shuffled(using: &random).filter { world.isRedisThere || !$0.isOfRedis }
    let began = ContinuousClock.now
    let hasStruck = try world.scene.standingStill {
      guard let middle = try world.scene.middle(), middle.done > 0, middle.open > 0 else { return false }
      let uncounted = try world.scene.slicesWithUncountedAttempts()
      guard uncounted.isEmpty else {
        throw world.scene.broken("slices show attempts that nobody counted: \(uncounted)")
      }
      // Of what takes a server away one at most: what strikes it too would find nobody.
      for fault in faults.prefix(style.volley)
      where world.isPostgresThere && (world.isRedisThere || !fault.isOfRedis) {
        try world.strike(fault, in: middle, using: &random)
        tally.strike(fault)
      }
      note(middle)
      return true
    }
    try world.noteStandstill(of: .now - began)
    return hasStruck
  }

  private func note(_ middle: Middle) {
    let dead = world.workers.filter { !world.scene.isRunning($0) }
    var killed: Set<String> = []
    for index in recoveries.indices { recoveries[index].isDisturbed = true }
    let known = Set(recoveries.map(\.claim))
    for claim in middle.claims where !known.contains(claim) {
      guard let worker = dead.first(where: { claim.slot.hasPrefix("\($0)-") }) else { continue }
      recoveries.append(Recovery(claim: claim, killed: .now))
      killed.insert(worker)
    }
    tally.kills += killed.count
  }

  private func lookForRecoveries() throws {
    guard !recoveries.isEmpty else { return }
    let fates = try world.scene.fates(of: recoveries.map(\.claim))
    recoveries.removeAll { recovery in
      switch fates[recovery.claim] {
      case .claimedAgain: tally.recover(.now - recovery.killed, isDisturbed: recovery.isDisturbed)
      case .committed: tally.committed += 1
      case .waits, nil: return false
      }
      return true
    }
  }
}
