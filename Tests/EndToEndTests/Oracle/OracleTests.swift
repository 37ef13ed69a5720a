import Foundation
import TestSupport
import Testing

/// Random trees, mutated and scanned again and again: after each scan catalogue, counters and changes are what an
/// independent listing says. The trees are made by Tests/Oracle/grow.py, by their seeds.
///
/// `ROLLCALL_ORACLE_SEED=17 ops/test --filter OracleTests` runs one seed again, `…=300-500` a range of others.
@Suite struct OracleTests {
  private static let small = 1...200
  private static let giant = 100_001...100_005
  /// Seeds whose libraries share one deployment and are scanned at the same time.
  private static let batch = 25

  @Test(arguments: batches(small, of: batch))
  func `every catalogue of a random tree is the tree, whatever happens to it`(_ seeds: [Int]) async throws {
    try await inTurn { try Self.run(OracleBatch(seeds, rounds: 4)) }
  }

  @Test(arguments: batches(giant, of: 1))
  func `a directory of 100,000 entries is as exact`(_ seeds: [Int]) async throws {
    try await inTurn(isLong: true) { try Self.run(OracleBatch(seeds, rounds: 3)) }
  }

  /// Which of a test's seeds to run, all of them or those that were asked for.
  private static func batches(_ all: ClosedRange<Int>, of size: Int) -> [[Int]] {
    let asked = ProcessInfo.processInfo.environment["ROLLCALL_ORACLE_SEED"].flatMap { $0.isEmpty ? nil : $0 }
    var seeds = Array(all)
    if let asked {
      let bounds = asked.split(separator: "-").compactMap { Int($0) }
      precondition(bounds.count == 1 || bounds.count == 2, "ROLLCALL_ORACLE_SEED is neither N nor N-M: \(asked)")
      seeds = (bounds[0]...bounds[bounds.count - 1]).filter { ($0 < giant.lowerBound) == (all == small) }
    }
    return stride(from: 0, to: seeds.count, by: size).map { Array(seeds[$0..<min($0 + size, seeds.count)]) }
  }

  private static func run(_ batch: OracleBatch) throws {
    var differences: [String] = []
    for round in 0..<batch.rounds {
      for difference in try batch.round(round) {
        let seed = difference.prefix { $0 != ":" }
        differences.append(
          "round \(round) of seed \(difference)\n  again: ROLLCALL_ORACLE_SEED=\(seed) ops/test --filter OracleTests")
      }
    }
    guard differences.isEmpty else { throw Broken(description: differences.joined(separator: "\n")) }
    try batch.end()
  }
}
