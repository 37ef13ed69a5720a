import Catalog
import FileTree
import ScanModel

/// What a listing comes to in a directory that earlier scans knew.
extension SliceRows {
  /// The id of a directory that earlier scans knew under this name, also if another one bears it now.
  func knownDirectory(
    _ name: UnsafeRawBufferPointer, in parent: Int64, _ attributes: FileAttributes, isBoundary: Bool,
    isFollowed: Bool
  ) throws(CatalogError) -> Int64? {
    guard let parentKnown = listing?.known else { return nil }
    if let place = parentKnown.children.place(of: name) {
      parentKnown.areSeen[place] = true
      let directory = parentKnown.children.directories[place]
      if directory.isFollowed && !isFollowed { results.unfollowed.append(directory.id) }
      if hasHistory && mayHaveMoved(directory, attributes, isBoundary: isBoundary || isFollowed) {
        return try seekLater(
          name, in: parent, attributes, former: directory, mayLiveAgain: parentKnown.children.hasRemoved)
      }
      if isBoundary != directory.isBoundary { places.note(directory.id, isBoundary: isBoundary) }
      if isBoundary && oneFilesystem {
        // The walk does not enter it: this is all that is seen of it.
        errors.leave(directory)
        results.note(
          directory, attributes, isBoundary: true, files: nil, bytes: nil, signature: nil, errors: DirectoryErrors())
        if directory.wasListedBeyond(parentKnown.directory) {
          results.missing.append(contentsOf: directory.id, directory: parent, name: name)
        }
        return directory.id
      }
      // Where a mount point is on record, who lists it tells what it is now.
      if isBoundary ? !directory.isBoundary : directory.isBoundary && !mounts.isGuarded(directory.id) {
        restated.add(directory, attributes, isBoundary: isBoundary)
      }
      waiting.add(directory)
      return directory.id
    }
    // What is looked for elsewhere first may be a tombstone too.
    guard !hasHistory || isBoundary || isFollowed else { return nil }
    guard parentKnown.children.hasRemoved, let id = try known.removedDirectory(name, in: parent) else { return nil }
    listing?.revivedDirectories.append(id)
    waiting.add(KnownDirectory(id: id))
    revive(id, attributes, isBoundary: isBoundary, isFollowed: isFollowed)
    return id
  }

  /// A tombstone lives again; it is listed anew.
  func revive(_ id: Int64, _ attributes: FileAttributes, isBoundary: Bool, isFollowed: Bool = false) {
    results.revivedDirectories.append(id)
    if !isFollowed { results.unfollowed.append(id) }
    restated.add(KnownDirectory(id: id), attributes, isBoundary: isBoundary)
  }

  /// Whether a known directory's name is that of another directory now. What lies on another file system, or is
  /// reached through a link, never moves.
  private func mayHaveMoved(_ known: KnownDirectory, _ attributes: FileAttributes, isBoundary: Bool) -> Bool {
    !isBoundary && !known.isBoundary && !known.isFollowed && !known.isSame(as: attributes)
  }

  /// Whether a directory that is met in one which the scan lists again is to be visited: those that it has met there
  /// before have been, and are listed again on their own account.
  func listsFirst(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let known = listing?.known, let place = known.children.place(of: name) else { return true }
    known.areSeen[place] = true
    let id = known.children.directories[place].id
    guard known.staged?.contains(id) == true else { return false }
    results.unstagedDirectories.append(id)
    return true
  }

  /// What the listing of a directory adds to the scan's that has been listed before.
  func count(_ listing: DirectoryListing, again known: KnownListing, appeared: Int) {
    guard layout == .categoryCourse, listing.isComplete else { return }
    let left = known.children.directories.indices.count {
      !known.areSeen[$0] && known.staged?.contains(known.children.directories[$0].id) == false
    }
    if listing.depth == 0 { results.categoriesFound += Int64(appeared - left) }
    if listing.depth == 1 { results.coursesFound += Int64(appeared - left) }
  }

  /// What the signature of its parent holds of a directory: of a recorded mount point whose mount seems to be
  /// missing, what it held before, so that nothing has changed when the mount is back.
  func asCatalogued(
    _ name: UnsafeRawBufferPointer, _ attributes: FileAttributes, isBoundary: Bool
  ) -> (FileAttributes, isBoundary: Bool) {
    guard mounts.hasNested, let children = listing?.known?.children, let place = children.place(of: name) else {
      return (attributes, isBoundary)
    }
    let directory = children.directories[place]
    guard mounts.isGuarded(directory.id), let recorded = mounts.recorded.nested[directory.id]?.own?.identity,
      recorded.inode != attributes.inode, let inode = directory.inode
    else { return (attributes, isBoundary) }
    var shown = attributes
    shown.inode = inode
    return (shown, directory.isBoundary)
  }

  func compare(
    _ id: Int64, _ known: KnownListing, _ entries: DirectoryEntries, _ listing: DirectoryListing,
    _ signature: DirectorySignature?, _ errors: DirectoryErrors
  ) throws(CatalogError) {
    let directory = known.directory
    if let signature, signature == directory.signature {
      if !known.isAgain { results.filesUnchanged += entries.files }
      results.note(
        directory, listing.attributes, isBoundary: known.isBoundary, files: entries.files,
        bytes: entries.bytes, signature: signature, errors: errors)
      return spareEntries.append(entries)
    }
    var isUnsettled = false
    if listing.isComplete {
      for (place, isSeen) in known.areSeen.enumerated() where !isSeen {
        isUnsettled = noteMissing(place, of: known, entries, listing.rules) || isUnsettled
      }
    }
    changed.append(
      ChangedDirectories.Directory(
        known: directory, attributes: listing.attributes, isBoundary: known.isBoundary, entries: entries,
        isComplete: listing.isComplete, isAgain: known.isAgain, rules: listing.rules, errors: errors,
        signature: isUnsettled ? nil : signature))
    if changed.isFull { try compareChanged() }
  }

  /// False where the name is there after all, and could only not be looked at.
  private func noteMissing(
    _ place: Int, of parent: KnownListing, _ entries: DirectoryEntries, _ rules: DirectoryRules?
  ) -> Bool {
    let directory = parent.children.directories[place]
    let name = parent.children.name(at: place)
    if moved[directory.id] != nil { return false }
    if directory.isFollowed && parent.unresolvedLinks.contains(Array(name)) { return false }
    return name.withUnsafeBytes { name in
      guard !entries.hasUnreadable(name) else { return false }
      // What a link led to goes with the rule that had it followed; while the rule stands, it may only be away.
      let isExcluded = directory.isFollowed && !followsLinks || rules?.isIgnored(name, isDirectory: true) ?? false
      results.missing.append(
        id: directory.id, directory: parent.directory.id, isDirectory: true, name: name, isExcluded: isExcluded)
      return true
    }
  }

  func compareChanged() throws(CatalogError) {
    let directories = changed.takeAll()
    guard !directories.isEmpty else { return }
    var comparison = try RowComparison(directories, known: known, writer: writer)
    try comparison.run(into: &results)
    spareEntries += directories.map(\.entries)
    activity.noteProgress()
  }
}

extension KnownDirectory {
  /// Whether what is known of it was listed on another file system than its parent's, as it was before the rule
  /// that forbids that. What lay there before a mount hid it is not looked at any more, and stays.
  fileprivate func wasListedBeyond(_ parent: KnownDirectory) -> Bool {
    isBoundary && files != nil && device != parent.device
  }
}
