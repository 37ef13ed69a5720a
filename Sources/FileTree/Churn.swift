import CLinux
import Glibc
import ScanModel

/// The names of one listing that were not there when they were looked at.
///
/// As a rule they went in between, and a listing that begins later lacks them: churn, nobody's error. But a file
/// system may go on listing what it says is not there, as where names cannot be looked up or a server has lost
/// what they lead to. Then nothing is known to be absent, and that is told.
struct Churn {
  /// Names that are kept to be looked for again: some 10 MB at most, as a rule. Of more it cannot be told.
  private static let mostNames = 65_536

  private var names: Set<[UInt8]> = []
  private var isLastLook = false
  /// Names that went and are not kept.
  private(set) var unkept = 0

  /// Names to be looked for again.
  var count: Int { names.count }

  /// Begins with a directory's first listing.
  mutating func begin() { self = Churn() }

  /// Begins with a further listing, at whose names those that this returns are looked at again.
  mutating func beginAgain(isLast: Bool) -> Set<[UInt8]> {
    isLastLook = isLast
    defer { names = [] }
    return names
  }

  /// An entry that was listed is not there. False at the last look: then that is an error.
  mutating func note(_ entry: EntryBuffer.Entry) -> Bool {
    guard !isLastLook else { return false }
    if names.count < Self.mostNames { names.insert(Array(entry.bytes)) } else { unkept += 1 }
    return true
  }
}

extension Walk {
  /// How often a name must be listed and not be there before that is an error: something may come and go under
  /// one name, but hardly ever in step with the walk.
  private static var looks: Int { 4 }

  /// Lists a directory again as long as names are listed that are not there.
  ///
  /// - Returns: false if the directory itself is gone.
  mutating func settleChurn(
    _ directory: borrowing Descriptor, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) -> Bool {
    outcome.churned += churn.count + churn.unkept
    for turn in 2...Self.looks where listing.isComplete && churn.count > 0 {
      let names = churn.beginAgain(isLast: turn == Self.looks)
      // As a new opening would: what is listed is what is there now (rewinddir(3)).
      guard lseek(directory.number, 0, SEEK_SET) == 0 else {
        listing.isComplete = false
        try fail(node, cause: .system(SystemError(operation: .list, errno: errno)))
        return true
      }
      guard try look(again: names, directory, node: node, &listing) else { return false }
    }
    if churn.unkept > 0 { listing.isComplete = false }
    return true
  }

  /// Opens a directory to list it. One that another took the place of, in no time and under its name, is there.
  mutating func open(_ node: Int) throws(SystemError) -> Descriptor {
    for _ in 2...Self.looks {
      do { return try tree.openForListing(node) } catch {
        guard error.errno == ENOENT, !isGone(node, error) else { throw error }
      }
    }
    return try tree.openForListing(node)
  }

  /// Whether an error says that a directory is gone, and it is: a file system may say so of what is there. The
  /// root's end is told by whoever confirms it.
  mutating func isGone(_ node: Int, _ error: SystemError) -> Bool { error.errno == ENOENT && !tree.isThere(node) }

  /// Reads a directory to its end, and looks at those entries that bear one of the names.
  private mutating func look(
    again names: Set<[UInt8]>, _ directory: borrowing Descriptor, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) -> Bool {
    var names = names
    buffer.begin(directory.number)
    while true {
      let entry: EntryBuffer.Entry?
      do { entry = try buffer.next() } catch {
        if isGone(node, error) { return false }
        listing.isComplete = false
        try fail(node, cause: .system(error))
        return true
      }
      guard let entry else { return true }
      guard names.remove(Array(entry.bytes)) != nil else { continue }
      if limits.isAborted() { throw .aborted }
      try look(at: entry, in: directory.number, node: node, &listing)
    }
  }
}

extension OpenTree {
  /// Whether a directory that could not be opened may be there nevertheless: the name of it, or of the nearest one
  /// above it that could be asked for, is a directory's, or could not be looked at.
  mutating func isThere(_ node: Int) -> Bool {
    guard node != DirectoryStack.root else { return true }
    let above = Int(stack[node].parent)
    let parent: Int32
    do { parent = try openForLooking(above) } catch {
      return error.errno == ENOENT || error.isNoDirectory ? isThere(above) : true
    }
    var status = statx()
    let result = stack.withName(of: node) { readStatus(of: $0, in: parent, into: &status) }
    guard result == 0 else { return result != -ENOENT }
    guard FileKind(mode: UInt32(status.stx_mode)) == .directory else { return false }
    return stack[node].identity.map { $0 == status.identity } ?? true
  }
}
