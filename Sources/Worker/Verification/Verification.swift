import Catalog
import FileTree
import ScanModel

/// Compares a library's tree, as this host sees it, with its catalogue, and writes nothing (R42).
///
/// It judges as a scan would that began now: the same walk, rules and mounts. Directories are visited by what the
/// catalogue knows of them, depth first, some hundreds at a time, as far as possible in one descent; those in which anything differs are listed a second
/// time and their rows read anew, and what differs then too is reported. Memory is bounded whatever the tree, but for
/// eight bytes for each directory that waits. The catalogue's thread runs it.
public struct Verification {
  /// Directories that are compared before what they hold is.
  private static let directoriesAtOnce = 512

  /// With fewer to begin with, those below them are asked for, too.
  private static let fewDirectories = 128

  private let scope: VerificationScope
  private let root: Int64
  private let walkRules: WalkRules?

  /// - Parameters:
  ///   - mounts: what this host must find mounted.
  ///   - pace: how fast entries may be looked at; `nil`: as fast as they come.
  ///   - rows: of a catalogue that is used for nothing else meanwhile.
  /// - Throws: where a rule cannot be used, or the catalogue cannot be read.
  public init(
    of library: LibraryRecord, mounts: RecordedMounts, pace: WalkPace?, rows: LibraryRows
  ) throws(VerificationError) {
    guard let root = mounts.root?.directory else { throw .failed("library \(library.name) is no more") }
    self.root = root
    do { walkRules = try WalkRules(library.rules) } catch {
      throw .failed("a rule of the library cannot be used: \(error)")
    }
    do {
      scope = VerificationScope(
        rootPath: library.rootPath, rules: library.rules, signatureVersion: try rows.signatureVersion(),
        mounts: MountWatch(mounts), pace: pace,
        rows: rows)
    } catch { throw .catalog(error) }
  }

  /// - Parameters:
  ///   - progress: called now and then, with what was compared so far.
  ///   - report: called with each difference when it is found. What it throws ends the run.
  public func run(
    progress: @escaping (VerificationTally) -> Void = { _ in }, _ report: @escaping (Difference) throws -> Void
  ) throws(VerificationError) -> VerificationTally {
    let account = VerificationAccount(progress: progress, report: report)
    var waiting = [root]
    while !waiting.isEmpty {
      let ids = Array(waiting.suffix(Self.directoriesAtOnce).reversed())
      waiting.removeLast(ids.count)
      let frontier = try frontier(of: ids, isDescending: ids.count < Self.fewDirectories)
      waiting += try compare(frontier, account).reversed()
    }
    return account.tally
  }

  /// What is a tombstone by now is passed over.
  private func frontier(of ids: [Int64], isDescending: Bool = false) throws(VerificationError) -> SliceFrontier {
    let frontier: SliceFrontier
    do {
      let below = isDescending ? try scope.rows.descendants(of: ids, limit: Self.directoriesAtOnce) : []
      frontier = try scope.rows.frontier(of: ids + below)
    } catch { throw .catalog(error) }
    let known = Set(frontier.directories.filter { $0.known != nil }.map(\.id))
    if ids == [root], !known.contains(root) { throw .neverScanned }
    return frontier.visiting(ids.filter(known.contains))
  }

  /// The directories that are to be visited next.
  private func compare(
    _ frontier: SliceFrontier, _ account: VerificationAccount
  ) throws(VerificationError) -> [Int64] {
    guard !frontier.visits.isEmpty else { return [] }
    let first = TreeComparison(scope, frontier, .first, account)
    try walk(frontier, into: first)
    let met = first.met
    guard !first.suspects.directories.isEmpty else {
      return first.children.values.joined().filter { !met.contains($0) }.sorted()
    }
    let again = try self.frontier(of: first.suspects.directories.sorted())
    let second = TreeComparison(scope, again, .second(first.suspects), account)
    try walk(again, into: second, skipsRepeatedNames: first.needsNamesOnce)
    return first.children.merging(second.children) { $1 }.values.joined().filter { !met.contains($0) }.sorted()
  }

  private func walk(
    _ frontier: SliceFrontier, into comparison: TreeComparison, skipsRepeatedNames: Bool = false
  ) throws(VerificationError) {
    let walker = TreeWalker(
      rootPath: scope.rootPath, oneFilesystem: scope.rules.oneFilesystem, rules: walkRules, mounts: scope.mounts,
      skipsRepeatedNames: skipsRepeatedNames)
    do {
      _ = try walker.run(frontier.forWalker, limits: WalkLimits(pace: scope.pace), into: comparison)
    } catch {
      throw VerificationError(error, scope.mounts.recorded)
    }
    try comparison.compareWaiting()
  }
}

/// What was compared and found so far, and who is told.
final class VerificationAccount {
  private(set) var tally = VerificationTally()
  private var lostMounts: Set<Int64> = []
  private let progress: (VerificationTally) -> Void
  private let report: (Difference) throws -> Void

  init(progress: @escaping (VerificationTally) -> Void, report: @escaping (Difference) throws -> Void) {
    self.progress = progress
    self.report = report
  }

  /// A directory was listed for the first time, with so many files.
  func note(files: Int64, bytes: Int64) {
    tally.directories += 1
    tally.files += files
    tally.bytes = saturatingSum(tally.bytes, bytes)
    progress(tally)
  }

  func tell(_ difference: Difference) throws(VerificationError) {
    tally.note(difference)
    do { try report(difference) } catch { throw .report(error) }
  }

  /// Whether it is the first time that a mount point is said to be missing: each is told once.
  func isNews(lostMount directory: Int64) -> Bool { lostMounts.insert(directory).inserted }
}
