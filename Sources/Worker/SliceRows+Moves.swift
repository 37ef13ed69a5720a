import Catalog
import FileTree
import ScanModel

/// Directories that were elsewhere, or had other names. The walk knows such a one by the id that it was given when it
/// was met; from when it is found out the rows know it by its own.
extension SliceRows {
  /// The id under which the rows know a directory of the walk.
  func own(_ id: Int64) throws(CatalogError) -> Int64 {
    if !sought.isEmpty, sought.contains(id) { try seek() }
    return aliases.isEmpty ? id : aliases[id] ?? id
  }

  /// A directory under another name or in another place than any row says; the id by which the walk knows it.
  ///
  /// - Parameter former: the directory that had the name before.
  func seekLater(
    _ name: UnsafeRawBufferPointer, in parent: Int64, _ attributes: FileAttributes, former: KnownDirectory?,
    mayLiveAgain: Bool
  ) throws(CatalogError) -> Int64 {
    let id = try writer.newDirectoryID()
    found.add(id: id, parent: parent, name: name, attributes, isBoundary: false)
    places.note(id, at: DirectoryPlace(parent: parent, name: Array(name)))
    sought.add(SoughtDirectories.Directory(id: id, former: former, mayLiveAgain: mayLiveAgain))
    return id
  }

  /// Finds out which of the sought directories are known ones.
  func seek() throws(CatalogError) {
    let wanted = sought.takeAll().filter { found.contains($0.id) }
    guard !wanted.isEmpty else { return }
    let matches = try matches(of: wanted.map(\.id))
    for directory in wanted {
      guard let match = matches[directory.id] else { continue }
      move(directory, match)
    }
    for directory in wanted where matches[directory.id] == nil { try settle(directory) }
  }

  private func move(_ sought: SoughtDirectories.Directory, _ match: PlacedDirectory) {
    let known = match.directory
    guard let (directory, name) = found.named(sought.id) else { return }
    let place = DirectoryPlace(parent: directory.parent, name: name)
    adopt(known, as: sought.id)
    moved[known.id] = (from: moved[known.id]?.from ?? match.place, to: place, inode: known.inode)
    places.note(known.id, at: place)
    displaced[known.id] = nil
    if gone.remove(known.id) != nil { goneKnown.removeAll { $0 == known.id } }
    if let former = sought.former, moved[former.id] == nil {
      displaced[former.id] = place
      // What lies in it is not what lies here now.
      places.note(former.id, at: place.vacated(by: former.id))
    }
  }

  /// Nobody knows it from elsewhere. It is the directory that had its name, if that is not known to have moved; or one
  /// that is there again; or new.
  private func settle(_ sought: SoughtDirectories.Directory) throws(CatalogError) {
    if let former = sought.former {
      guard moved[former.id] != nil else {
        if let (directory, name) = found.named(sought.id) {
          kept[former.id] = DirectoryPlace(parent: directory.parent, name: name)
          // Whoever finds the directory that it was must not take it for that.
          restated.add(former, directory.attributes, isBoundary: false)
        }
        return adopt(former, as: sought.id)
      }
      found.letWait(sought.id)
    }
    guard sought.mayLiveAgain, let (directory, name) = found.named(sought.id),
      let id = try name.withUnsafeBufferPointer({ (name) throws(CatalogError) in
        try known.removedDirectory(UnsafeRawBufferPointer(name), in: directory.parent)
      }), !results.revivedDirectories.contains(id)
    else { return }
    adopt(KnownDirectory(id: id), as: sought.id)
    revive(id, directory.attributes, isBoundary: false)
  }

  /// A directory of the walk is a known one.
  private func adopt(_ known: KnownDirectory, as id: Int64) {
    _ = found.remove(id)
    places.forget(id)
    aliases[id] = known.id
    waiting.add(known)
  }

  /// A known directory has gone from where it was found.
  func unmove(_ id: Int64) {
    guard moved.removeValue(forKey: id) != nil else { return }
    places.forget(id)
  }

  /// The known directories that some of those found are, by the ids of these.
  private func matches(of wanted: [Int64]) throws(CatalogError) -> [Int64: PlacedDirectory] {
    let candidates = try candidates(of: wanted)
    guard !candidates.isEmpty else { return [:] }
    var parents: Set<Int64> = []
    for (id, candidate) in candidates {
      parents.insert(candidate.place.parent)
      if let (directory, _) = found.named(id) { parents.insert(directory.parent) }
    }
    let frontier = try places.above(parents.sorted(), by: known)
    let chain = Dictionary(frontier.directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let likely = candidates.filter { id, candidate in
      guard let directory = found.named(id)?.directory,
        let here = frontier.mountPoint(of: directory.parent, in: chain)
      else { return false }
      return here == frontier.mountPoint(of: candidate.place.parent, in: chain)
    }
    let areGone = areGone(likely.map(\.1), in: frontier)
    let matches = try alike(zip(likely, areGone).filter { $1 }.map(\.0))
    try noteListed(matches.map(\.1), in: chain)
    return Dictionary(uniqueKeysWithValues: matches)
  }

  /// Of known directories that lie elsewhere now: a scan that lists directories again has listed them where they were,
  /// unless it has missed them there, or one above them.
  private func noteListed(
    _ directories: [PlacedDirectory], in chain: [Int64: SliceFrontier.Directory]
  ) throws(CatalogError) {
    guard !again.isEmpty, !directories.isEmpty else { return }
    let staged = try known.staged(chain.keys + directories.map(\.directory.id))
    for known in directories where !staged.contains(known.directory.id) {
      var next: Int64? = known.place.parent
      for _ in 0...chain.count {
        guard let id = next, !staged.contains(id) else { break }
        next = chain[id]?.parent
      }
      if next == nil { listedBefore.insert(known.directory.id) }
    }
  }

  /// Whether the scan has listed a directory before this slice.
  func isListedAgain(_ directory: Int64) -> Bool { again.contains(directory) || listedBefore.contains(directory) }

  /// Of each found directory the only known one that was born as it was or, without birth times, has its inode, if it
  /// is nobody else's.
  private func candidates(of wanted: [Int64]) throws(CatalogError) -> [(Int64, PlacedDirectory)] {
    var ids: [Int64] = []
    var births: [(inode: UInt64, btime_ns: Int64?)] = []
    for id in wanted {
      guard let attributes = found.named(id)?.directory.attributes else { continue }
      if let btime_ns = attributes.btime_ns {
        // Whoever was born after all that are known is none of them.
        guard let youngest = try youngestBirth(), btime_ns <= youngest else { continue }
      }
      ids.append(id)
      births.append((attributes.inode, attributes.btime_ns))
    }
    guard !ids.isEmpty else { return [] }
    let known = try known.directories(born: births)
    let single = known.compactMap { $1.count == 1 ? ($0, $1[0]) : nil }
    let claims = Dictionary(single.map { ($0.1.directory.id, 1) }, uniquingKeysWith: +)
    return single.sorted { $0.0 < $1.0 }.compactMap { place, candidate in
      let id = candidate.directory.id
      guard claims[id] == 1, moved[id] == nil, kept[id] == nil, !listedKnown.contains(id) else { return nil }
      return (ids[place], candidate)
    }
  }

  private func youngestBirth() throws(CatalogError) -> Int64? {
    if let youngest { return youngest.birth }
    let birth = try known.youngestBirth()
    youngest = YoungestBirth(birth: birth)
    return birth
  }

  /// Whether known directories are not where they were. Where that cannot be told they are taken to be there; the
  /// slice then ends at its own end for the reason.
  private func areGone(_ directories: [PlacedDirectory], in frontier: SliceFrontier) -> [Bool] {
    let names = directories.map { known in
      AbsentName(
        directory: known.place.parent, name: known.place.name, isDirectory: true,
        birth: known.directory.inode.map { DirectoryBirth(inode: $0, btime_ns: known.directory.btime_ns) })
    }
    guard !names.isEmpty else { return [] }
    do {
      return try check.areGone(names, in: frontier.forWalker)
    } catch {
      lookFailure = error
      return names.map { _ in false }
    }
  }

  /// What the commit does with directories that are not where their rows say.
  func placed() -> DirectoryMoves { DirectoryMoves(known: moved, displaced: displaced, kept: kept, new: placedLater) }
}

/// When the youngest known directory was born; asked for once.
struct YoungestBirth {
  let birth: Int64?
}
