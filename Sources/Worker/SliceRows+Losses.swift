import Catalog
import FileTree
import ScanModel

/// What could not be read, or went while the slice was at it.
extension SliceRows {
  /// What could not be read is there nevertheless, and what is known of it stays.
  func failure(_ failure: WalkFailure) throws(CatalogError) {
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
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(CatalogError) -> Bool {
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

  func vanished(directory id: Int64) throws(CatalogError) { try vanish(id) }

  private func vanish(_ id: Int64) throws(CatalogError) {
    let isOwn = found.remove(id)
    gone.insert(id)
    _ = restated.take(id)
    let current = listing?.directory == id ? listing : nil
    listing = nil
    if let current { drop(current) }
    let known = try current == nil && !isOwn ? waiting.take(id) : current?.known?.directory
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
