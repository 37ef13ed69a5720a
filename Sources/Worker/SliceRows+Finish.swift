import Catalog
import FileTree
import ScanModel

/// The end of a slice's walk.
extension SliceRows {
  /// Sends the rows of what was found and not listed; looks again at what seems to be missing; what is left of
  /// the frontier goes to other slices. What lies in a directory that is gone is gone with it, or was met
  /// elsewhere.
  func finish(remaining: [Int64]) throws(WalkError<CatalogError>) -> SliceResults {
    do {
      try seek()
      try compareChanged()
      for id in found.ids { try send(id) }
      restated.noteAll(in: &results)
    } catch {
      throw .sink(error)
    }
    if let lookFailure { throw lookFailure.widened() }
    results.moves = placed()
    noteDisplaced()
    let lostMounts = try SecondLook(check: check, known: known, places: places).confirm(&results, gone: goneKnown)
    results.countBack()
    do { results.errors = try errors.finish(lostMounts, mounts.recorded) } catch { throw .sink(error) }
    results.mounts = mounts.findings
    results.unmounted = mounts.released
    results.frontier = left(of: remaining)
    results.hasNewDirectories = writer.hasDirectories
    return results
  }

  /// What moved is not missing where it was; whose place was taken is, under the name that its row has from now on.
  private func noteDisplaced() {
    if !moved.isEmpty { results.missing.keep(results.missing.rows.map { !$0.isDirectory || moved[$0.id] == nil }) }
    for (id, place) in displaced.sorted(by: { $0.key < $1.key }) {
      place.vacated(by: id).name.withUnsafeBytes {
        results.missing.append(id: id, directory: place.parent, isDirectory: true, name: $0)
      }
    }
  }

  /// The directories that are left to other slices, each once, by their own ids.
  private func left(of remaining: [Int64]) -> [Int64] {
    if gone.isEmpty && aliases.isEmpty { return remaining }
    var met: Set<Int64> = []
    return remaining.compactMap { walked in
      let id = aliases[walked] ?? walked
      // At its former place there is another directory, or none.
      if id == walked && moved[id] != nil || gone.contains(id) { return nil }
      return met.insert(id).inserted ? id : nil
    }
  }
}
