import CLinux
import Glibc
import ScanModel

extension Walk {
  /// Entries between two looks at `isAborted`: on a slow disk some 0.3 s of lookups.
  private static var entriesPerCheck: Int { 32 }

  /// Reads a directory to its end, gives each entry to the sink and pushes its directories.
  mutating func list(
    _ directory: borrowing Descriptor, node: Int, attributes: FileAttributes, hasUsualTimes: Bool
  ) throws(Failure) {
    let id = tree.stack[node].id
    let pace = limits.pace
    judge?.begin(directory: tree.stack.path(of: node))
    var listing = DirectoryListing(attributes: attributes, depth: tree.stack.depth(of: node), rules: judge?.directory)
    listing.hasUsualTimes = hasUsualTimes
    buffer.begin(directory.number)
    names?.begin()
    churn.begin()
    reading: while true {
      let entry: EntryBuffer.Entry?
      do {
        entry = try buffer.next()
      } catch {
        // A directory that was removed while it was open has no entries, not even an end (getdents(2)).
        if isGone(node, error) { return try deliver { () throws(Sink.Failure) in try sink.vanished(directory: id) } }
        try fail(node, cause: .system(error))
        listing.isComplete = false
        break reading
      }
      guard let entry else { break reading }
      if entry.isDotOrDotDot || names?.isRepeated(entry) == true { continue }
      outcome.entries += 1
      if outcome.entries % Self.entriesPerCheck == 0, limits.isAborted() { throw .aborted }
      if let pace, pace.spend(), limits.isAborted() { throw .aborted }
      try look(at: entry, in: directory.number, node: node, &listing)
    }
    guard try settleChurn(directory, node: node, &listing) else {
      return try deliver { () throws(Sink.Failure) in try sink.vanished(directory: id) }
    }
    listing.isSteady = isSteady(directory, attributes)
    // A listing that broke off is its directory's failure already.
    if listing.isComplete, !hasUsualTimes { try fail(node, cause: .timestampOutOfRange) }
    let settled = listing
    try deliver { () throws(Sink.Failure) in try sink.listed(directory: id, settled) }
  }

  /// Compares the directory's stamps with those before its first entry. Where they cannot be read any more,
  /// or not be told, the listing is not called steady.
  private func isSteady(_ directory: borrowing Descriptor, _ before: FileAttributes) -> Bool {
    guard let status = try? directory.status(), status.hasUsualTimes, let after = try? FileAttributes(status) else {
      return false
    }
    return after.mtime_ns == before.mtime_ns && after.ctime_ns == before.ctime_ns
  }

  mutating func look(
    at entry: EntryBuffer.Entry, in directory: Int32, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) {
    if judge != nil, try isPassedOver(unseen: entry, node: node, &listing) { return }
    var status = statx()
    let result = readStatus(of: entry.name, in: directory, into: &status)
    guard result == 0 else {
      if result == -ENOENT, churn.note(entry) { return }
      listing.failures += 1
      return try fail(node, entry: entry, cause: .system(SystemError(operation: .stat, errno: -result)))
    }
    let attributes: FileAttributes
    do {
      attributes = try FileAttributes(status)
    } catch {
      listing.failures += 1
      return try fail(node, entry: entry, cause: .init(error))
    }
    if judge != nil, try isPassedOver(entry, attributes, node: node, &listing) { return }
    if attributes.kind == .symlink, judge?.rules.followsLinks == true {
      return try follow(entry, attributes, in: directory, node: node, &listing)
    }
    if attributes.kind == .directory {
      let isAutomount = status.stx_attributes & UInt64(STATX_ATTR_AUTOMOUNT) != 0
      try found(
        entry, attributes, isAutomount: isAutomount, isMount: status.isMountRoot == true, node: node, in: &listing)
    } else {
      try found(file: entry, attributes, node: node, &listing)
    }
  }

  /// An entry that is no directory.
  mutating func found(
    file entry: EntryBuffer.Entry, _ attributes: FileAttributes, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) {
    listing.add(attributes)
    let id = tree.stack[node].id
    try deliver { () throws(Sink.Failure) in
      try sink.file(directory: id, name: entry.bytes, attributes: attributes)
    }
  }

  private mutating func found(
    _ entry: EntryBuffer.Entry, _ attributes: FileAttributes, isAutomount: Bool, isMount: Bool, node: Int,
    in listing: inout DirectoryListing
  ) throws(Failure) {
    listing.directories += 1
    let parent = tree.stack[node].id
    // A walk that stays on one file system is on that of the root, or of a followed directory.
    // A directory of the same one that is mounted here is a boundary too, but of no walk.
    let isBoundary = isAutomount || attributes.device != listing.attributes.device || isMount && rootDevice == nil
    let id = try deliver { () throws(Sink.Failure) in
      try sink.newDirectory(parent: parent, name: entry.bytes, attributes: attributes, isBoundary: isBoundary)
    }
    guard let id, !isBoundary || rootDevice == nil else { return }
    guard tree.stack.pendingCount < TreeWalker.heldDirectories else { return deferred.append(id) }
    // What an automount's name will be once opening it has mounted it, nobody knows yet.
    tree.push(id: id, parent: node, name: entry.bytes, identity: isAutomount ? nil : attributes.identity)
  }
}

extension DirectoryListing {
  fileprivate mutating func add(_ attributes: FileAttributes) {
    files += 1
    let (sum, overflowed) = bytes.addingReportingOverflow(attributes.size)
    bytes = overflowed ? .max : sum
  }
}
