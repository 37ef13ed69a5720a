import Catalog
import FileTree
import ScanModel

/// Finds the directories that have changed since the walk listed them, and has them listed again: so what was renamed
/// from a part that was not walked yet into one that was is not lost, and what was renamed the other way is not there
/// twice.
struct Rewalk {
  /// Directories that are looked at between two commits; no slice's row holds more.
  private static let pageRows: Int64 = 4_096

  let catalog: PostgresSlotCatalog
  let check: StampCheck

  /// Compares the next page of stamps, and commits which of them are stale; its last directory. `nil` where there is
  /// none.
  func look(_ claim: SliceClaim, after last: Int64) throws(RewalkError) -> Int64? {
    let page: StampedPage
    do { page = try catalog.stampedDirectories(claim, after: last, limit: Self.pageRows) } catch {
      throw .catalog(error)
    }
    guard let end = page.directories.last?.id else { return nil }
    let visited = Self.entered(page, oneFilesystem: claim.rules.oneFilesystem)
    let found: [Int64: FileAttributes]
    do { found = try check.attributes(of: page.frontier.visiting(visited.map(\.id)).forWalker) } catch {
      throw .walk(error)
    }
    let stale = visited.filter { directory in found[directory.id].map { !directory.isLike($0) } ?? false }
    do { try catalog.noteStale(claim, upTo: end, stale.map(\.id)) } catch { throw .catalog(error) }
    return end
  }

  /// Those that a walk comes to: none at or below what is staged, be it missing or excluded, none below a directory that
  /// could not be read, as all in that stays as it was, and none at or below a boundary, if it stays on one file system.
  private static func entered(_ page: StampedPage, oneFilesystem: Bool) -> [StampedDirectory] {
    let isBarred = { (directory: SliceFrontier.Directory) in
      directory.isClosed || oneFilesystem && directory.isBoundary || page.staged.contains(directory.id)
    }
    guard page.frontier.directories.contains(where: isBarred) else { return page.directories }
    let chain = Dictionary(page.frontier.directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    return page.directories.filter { directory in
      var next = chain[directory.id]
      while let current = next {
        if isBarred(current) { return false }
        next = current.parent.flatMap { chain[$0] }
      }
      return true
    }
  }
}

enum RewalkError: Error {
  case catalog(CatalogError)
  case walk(WalkError<Never>)
}

extension StampedDirectory {
  /// Whether it is the directory that was listed, and as it was then. Its mode is of no account: it holds nothing.
  fileprivate func isLike(_ attributes: FileAttributes) -> Bool {
    inode == attributes.inode && mtime_ns == attributes.mtime_ns && ctime_ns == attributes.ctime_ns
  }
}

extension SliceResults {
  /// Counts back what this scan had counted of files that are confirmed to be gone, and takes those out that it had
  /// added itself.
  mutating func countBack() {
    for row in missing.rows {
      guard let tally = row.tally else { continue }
      if tally.isAdded { filesAdded -= 1 } else { filesUnchanged -= 1 }
      bytesSeen -= tally.bytes
    }
    passing = missing.takePassing()
  }
}
