import Foundation
import TestSupport

/// Some seeds with a library each, named as the seed, which one worker scans. One thread owns it.
final class OracleBatch {
  private let deployment: TestDeployment
  private let worker: ChildProcess
  private let memory: TemporaryDirectory
  private let disk: TemporaryDirectory
  private var seeds: [Int]
  let rounds: Int

  init(_ seeds: [Int], rounds: Int) throws {
    self.seeds = seeds
    self.rounds = rounds
    memory = try TemporaryDirectory(inMemory: true)
    disk = try TemporaryDirectory()
    deployment = try TestDeployment()
    try deployment.database.query(script: OracleProgram.sql("expect"))
    worker = try deployment.worker(slots: 2, ["--with-reaper"])
  }

  /// Every second one on a disk's file system: ext4 gives inodes out again at once, and cuts times.
  private func root(_ seed: Int) -> String { (seed % 2 == 0 ? memory : disk).appending("\(seed)") }

  /// Makes or mutates the trees, changes rules, scans all, and compares. Round 0 makes them.
  ///
  /// - Returns: a line for each difference, which begins with its seed. These seeds have no further round.
  func round(_ round: Int) throws -> [String] {
    try OracleProgram.grow(round, seeds.map { ($0, root($0)) })
    if round == 0 { for seed in seeds { try addLibrary(seed) } }
    for change in try OracleProgram.rules(before: round, of: seeds) {
      try deployment.succeed(["library", "set", "\(change.seed)"] + change.flags)
    }
    try scan(round)
    let lines = try compare(round) + verify(round)
    let failed = Set(lines.map { $0.prefix { $0 != ":" } })
    seeds.removeAll { failed.contains("\($0)") }
    return lines
  }

  /// No removal is held: that is for other tests.
  private func addLibrary(_ seed: Int) throws {
    try deployment.succeed(["library", "add", "\(seed)", root(seed), "--removal-limit-percent", "100"])
  }

  /// Asks as any program may, which costs less than a command for each.
  private func scan(_ round: Int) throws {
    guard !seeds.isEmpty else { return }
    let requests = seeds.map { #"{"library":"\#($0)","request_id":"\#($0)/\#(round)"}"# }
    try deployment.redis(["LPUSH", deployment.key("queue")] + requests)
    do {
      // A chain of directories goes level by level, and the machine may have other things to do.
      try eventually("every scan ends", within: .seconds(300)) {
        try deployment.database.query(script: OracleProgram.wait(for: seeds.count, round)) == ["t"]
      }
    } catch {
      throw Broken(description: "round \(round) of the seeds \(seeds): \(error)\n\(worker.errorsSoFar.suffix(2_000))")
    }
  }

  private func compare(_ round: Int) throws -> [String] {
    guard !seeds.isEmpty else { return [] }
    let listing = try IndependentListing.copyText(of: seeds.map { (name: "\($0)", root: root($0)) })
    let directories = memory.appending("directories")
    let ids = try deployment.database.query(
      "SELECT library, path, id FROM catalog_directories WHERE removed_at IS NULL")
    try (ids.joined(separator: "\n") + "\n").write(toFile: directories, atomically: false, encoding: .utf8)
    let judged = try OracleProgram.judge(listing, round, seeds.map { ($0, root($0)) }, directories: directories)
    let told = try told(round)
    return try deployment.database.query(
      script: Array("\\set turn \(round)\n".utf8) + judged + OracleProgram.copy(told, into: "oracle.told")
        + OracleProgram.sql("compare"))
  }

  /// What `rollcall changes` says of each scan. A first scan's are all that the catalogue holds, and one library of
  /// some is asked for them: a command costs more than a scan.
  private func told(_ round: Int) throws -> [UInt8] {
    let scans =
      "SELECT l.name, s.id FROM scans s JOIN libraries l ON l.id = s.library_id WHERE s.request_id LIKE '%/\(round)'"
    var lines: [UInt8] = []
    for scan in try deployment.database.query(scans).map({ $0.split(separator: "\t") }) {
      guard let seed = Int(scan[0]), round > 0 || seed % rounds == 0 else { continue }
      let told = try deployment.run(["changes", String(scan[1]), "--json"])
      guard told.code == 0 else { throw Broken(description: "changes of seed \(seed): \(told.errors)") }
      lines += Array("\(seed)\t".utf8) + OracleProgram.copied(told.output) + [UInt8(ascii: "\n")]
    }
    return lines
  }

  /// What `rollcall verify` says of every fifth seed, after an exact scan: a time that no row holds, at the most.
  private func verify(_ round: Int) throws -> [String] {
    try seeds.filter { $0 % 5 == 0 }.flatMap { seed in
      let ended = try deployment.run(["verify", "\(seed)"])
      let lines = ended.text.split(separator: "\n").dropLast().filter { !$0.hasPrefix("unreadable ") }
      let hasEnded = [0, 1].contains(ended.code) && ended.text.contains(" compared in ")
      return (hasEnded ? lines : [ended.errors[...]]).map { "\(seed): round \(round): verify: \($0)" }
    }
  }

  /// Nothing is left of any scan.
  func end() throws {
    guard worker.isRunning else { throw Broken(description: "the worker died: \(worker.errorsSoFar.suffix(2_000))") }
    try deployment.requireNothingLeft()
  }
}
