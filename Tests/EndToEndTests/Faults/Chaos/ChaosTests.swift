import Foundation
import TestSupport
import Testing

extension Faults {
  /// All of it together, by a seed that is printed: `ROLLCALL_CHAOS_SEED` runs one again.
  /// `ROLLCALL_CHAOS_MINUTES` says for how long (ops/chaos), and `ROLLCALL_CHAOS_DEFAULTS` that workers are only
  /// killed and intervals are the defaults, to see how long recovery takes.
  @Suite struct ChaosTests {
    @Test func `ten rounds of several faults at once leave every scan exact`() async throws {
      let seed = Self.seed()
      try await inTurn(isLong: true) {
        let style = ChaosRun.Style(
          volley: 3, faults: ChaosFault.allCases, pause: .seconds(3), settings: FaultScene.quick, workers: 2,
          filesPerSecond: 2_000)
        try Self.run("ten rounds", seed, style, directories: 100, until: .rounds(10))
      }
    }

    @Test func `faults at random for a while leave every scan exact`() async throws {
      let seed = Self.seed()
      let minutes = Self.variable("MINUTES").flatMap(Int.init) ?? 1
      try await inTurn(isLong: true) {
        let onlyKills = Self.variable("DEFAULTS") != nil
        let style = ChaosRun.Style(
          volley: 1, faults: onlyKills ? [.killHalf] : ChaosFault.allCases, pause: .seconds(onlyKills ? 8 : 2),
          settings: onlyKills ? [:] : FaultScene.quick, workers: onlyKills ? 6 : 3, filesPerSecond: 1_000)
        try Self.run("chaos", seed, style, directories: 200, until: .time(.seconds(60 * minutes)))
      }
    }

    private static func run(
      _ name: String, _ seed: UInt64, _ style: ChaosRun.Style, directories: Int, until limit: ChaosRun.Limit
    ) throws {
      print("\(name): seed \(seed)")
      let run = try ChaosRun(seed: seed, style: style, tree: ForestTree(directories: directories))
      do { try run.run(until: limit) } catch {
        let so = run.tally.lines.joined(separator: "\n")
        throw Broken(description: "\(name), ROLLCALL_CHAOS_SEED=\(seed): \(error)\nso far: \(so)")
      }
      print(([name] + run.tally.lines).joined(separator: "\n"))
    }

    private static func seed() -> UInt64 { variable("SEED").flatMap(UInt64.init) ?? .random(in: 0...99_999_999) }

    private static func variable(_ name: String) -> String? {
      ProcessInfo.processInfo.environment["ROLLCALL_CHAOS_\(name)"].flatMap { $0.isEmpty ? nil : $0 }
    }
  }
}
