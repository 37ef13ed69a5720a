import Catalog
import CrashPoints
import FileTree
import ScanModel

/// The second look at what a slice misses, right before its commit: only what is gone then is staged, and
/// nothing that lay on a mount which is missing. What the rules exclude is there, and nobody looks for it.
struct SecondLook {
  /// Names that one check looks at.
  private static let namesPerCheck = 4_096

  let check: AbsenceCheck
  let known: KnownRows
  /// Where this slice knows directories to lie.
  var places = KnownPlaces()

  /// Leaves of the missing rows those that are gone, adds of the known directories that vanished those that
  /// are, notes those that are back as not listed, and clears the signature of every directory in which a name was missing, whatever became of it, or
  /// is excluded. The directories whose mounts are missing, and why they are.
  func confirm(
    _ results: inout SliceResults, gone: [Int64]
  ) throws(WalkError<CatalogError>) -> [Int64: String] {
    for first in stride(from: 0, to: gone.count, by: Self.namesPerCheck) {
      let wanted = Set(gone[first..<min(first + Self.namesPerCheck, gone.count)])
      let frontier = try above(wanted.sorted())
      for directory in frontier.directories where wanted.contains(directory.id) {
        guard let parent = directory.parent else { continue }
        directory.name.withUnsafeBytes {
          results.missing.append(id: directory.id, directory: parent, isDirectory: true, name: $0)
        }
      }
    }
    let losses = results.missing
    guard losses.count > 0 else { return [:] }
    results.unsettled += Set(losses.rows.map(\.unsettled)).sorted()
    var lost: [Int64: String] = [:]
    var goes = losses.rows.map { !$0.loss.isAbsence }
    let places = goes.indices.filter { !goes[$0] }
    for first in stride(from: 0, to: places.count, by: Self.namesPerCheck) {
      let page = places[first..<min(first + Self.namesPerCheck, places.count)]
      let answers = try areGone(page.map { losses.rows[$0] }, of: losses) { lost[$0] = $1 }
      for (place, isGone) in zip(page, answers) { goes[place] = isGone }
      crashPoint(.missingLookedAt)
    }
    // What lies on a missing mount was not listed either, and stays as it was.
    if lost.isEmpty, !gone.isEmpty {
      let gone = Set(gone)
      results.unlisted = goes.indices.filter {
        !goes[$0] && losses.rows[$0].isDirectory && gone.contains(losses.rows[$0].id)
      }
      .map { losses.rows[$0].id }
    }
    results.missing.keep(goes)
    return lost
  }

  private func areGone(
    _ rows: [MissingRows.Row], of losses: MissingRows, lostMount: (Int64, String) -> Void
  ) throws(WalkError<CatalogError>) -> [Bool] {
    let names = rows.map {
      AbsentName(directory: $0.directory, name: losses.name(of: $0), isDirectory: $0.isDirectory)
    }
    let frontier = try above(Set(rows.map(\.directory)).sorted())
    do {
      return try check.areGone(names, in: frontier.forWalker, lostMount: lostMount)
    } catch { throw error.widened() }
  }

  private func above(_ directories: [Int64]) throws(WalkError<CatalogError>) -> SliceFrontier {
    do { return try places.above(directories, by: known) } catch { throw .sink(error) }
  }
}

extension WalkError<Never> {
  /// As the error of a walk whose sink can fail.
  func widened<Failure>() -> WalkError<Failure> {
    switch self {
    case .rootUnavailable(let path, let error): .rootUnavailable(path: path, error)
    case .rootRefused(let reason): .rootRefused(reason)
    case .rootReplaced(let path): .rootReplaced(path: path)
    case .mountReplaced(let path): .mountReplaced(path: path)
    case .brokenFrontier(let directory): .brokenFrontier(directory: directory)
    case .aborted: .aborted
    }
  }
}
