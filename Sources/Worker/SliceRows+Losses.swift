import Catalog
import FileTree
import ScanModel

/// What could not be read, or went while the slice was at it.
extension SliceRows {
  /// What could not be read is there nevertheless, and what is known of it stays.
  func failure(_ met: WalkFailure) throws(CatalogError) {
    let id = try own(met.directory)
    // What is at its former place is another directory.
    if id == met.directory, moved[id] != nil, listing?.directory != id { return }
    let failure = id == met.directory ? met : met.of(directory: id)
    if listing?.directory == failure.directory, try errors.note(failure) {
      if failure.isEntry { failure.name.withUnsafeBytes { keepFailed($0, failure.cause) } }
    } else if case .mountMissing(_, isAbove: true) = failure.cause {
      errors.note(fleeting: failure)
    } else if failure.cause.isExchange {
      // What stands in a directory's place is no directory: its row must not stay.
      try vanish(failure.directory)
      errors.note(fleeting: failure)
    } else if failure.isEntry {
      errors.note(fleeting: failure)
    } else if found.contains(failure.directory) {
      errors.note(unsent: failure.directory, failure)
    } else {
      _ = restated.take(failure.directory)
      errors.note(unread: try waiting.take(failure.directory), failure)
    }
  }

  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in walked: Int64, _ cause: WalkFailure.Cause
  ) throws(CatalogError) -> Bool {
    let directory = try own(walked)
    guard listing?.directory == directory, try errors.count(cause.errorType, of: name, in: directory) else {
      return false
    }
    keepFailed(name, cause)
    return true
  }

  private func keepFailed(_ name: UnsafeRawBufferPointer, _ cause: WalkFailure.Cause) {
    if cause.isUnresolvedLink { listing?.known?.unresolvedLinks.insert(Array(name)) }
    if cause.isUnread { listing?.entries.append(name: name, .unknown, .unreadable) }
  }

  func vanished(directory walked: Int64) throws(CatalogError) {
    if let sought = sought.take(walked), let former = sought.former, moved[former.id] == nil {
      // As if the name had been the former directory's still.
      _ = found.remove(walked)
      aliases[walked] = former.id
      waiting.add(former)
    }
    let id = aliases[walked] ?? walked
    if id == walked, moved[id] != nil { return }
    try vanish(id)
  }

  private func vanish(_ id: Int64) throws(CatalogError) {
    let isOwn = found.remove(id)
    gone.insert(id)
    _ = restated.take(id)
    let current = listing?.directory == id ? listing : nil
    listing = nil
    if let current { drop(current) }
    let known = try current == nil && !isOwn ? waiting.take(id) : current?.known?.directory
    unmove(id)
    if known != nil {
      // A tombstone that was about to live again stays one.
      if !keepRemoved(id) { goneKnown.append(id) }
    } else if !isOwn || (current?.sentFiles.count ?? 0) > 0 {
      results.vanished.append(id)
    }
  }

  /// What was found in a directory that went while it was listed went with it.
  private func drop(_ listing: OpenListing) {
    errors.drop()
    spareEntries.append(listing.entries)
    gone.formUnion(listing.sentDirectories)
    results.vanished += listing.sentDirectories
    for id in listing.revivedDirectories {
      _ = keepRemoved(id)
      _ = restated.take(id)
      gone.insert(id)
    }
  }

  private func keepRemoved(_ id: Int64) -> Bool {
    guard let index = results.revivedDirectories.firstIndex(of: id) else { return false }
    results.revivedDirectories.remove(at: index)
    return true
  }
}

extension FileAttributes {
  /// Of an entry whose own are of no account.
  static var unknown: FileAttributes {
    FileAttributes(
      kind: .file, mode: 0, size: 0, device: 0, inode: 0, mtime_ns: 0, ctime_ns: 0, btime_ns: nil)
  }
}
