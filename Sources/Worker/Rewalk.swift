import Catalog
import FileTree
import ScanModel

/// Finds the directories that have changed since the walk listed them, and has them listed again: so what was renamed
/// from a part that was not walked yet into one that was is not lost, and what was renamed the other way is not there
/// twice.
///
/// Stamps that are equal prove less than that: a file system stamps by a clock that ticks, and what comes after a listing
/// within the tick of an earlier change leaves them as they were. So the first time a directory is listed again, too, that
/// has changed since shortly before the scan began. Where the server's clock is behind Postgres's by more than that, as of
/// some network file systems, equal stamps are believed.
struct Rewalk {
  /// The most directories that are looked at between two commits; no slice's row holds more.
  private static let mostRows: Int64 = 4_096

  let catalog: PostgresSlotCatalog
  let check: StampCheck
  /// When the scan began, in nanoseconds since 1970; `nil` once it has listed directories again.
  let began_ns: Int64?
  /// Directories of the next page: about as many as are looked at in a second, for what is not committed is lost when
  /// the worker ends.
  private(set) var pageRows: Int64 = 64

  init(catalog: PostgresSlotCatalog, check: StampCheck, began_ns: Int64?) {
    self.catalog = catalog
    self.check = check
    self.began_ns = began_ns
  }

  /// Compares the next page of stamps, and commits which of them are stale; its last directory. `nil` where there is
  /// none.
  mutating func look(_ claim: SliceClaim, after last: Int64) throws(RewalkError) -> Int64? {
    let page: StampedPage
    do { page = try catalog.stampedDirectories(claim, after: last, limit: pageRows) } catch {
      throw .catalog(error)
    }
    let begun = ContinuousClock.now
    guard let end = page.directories.last?.id else { return nil }
    let visited = Self.entered(page, oneFilesystem: claim.rules.oneFilesystem)
    let found: [Int64: FileAttributes]
    do { found = try check.attributes(of: page.frontier.visiting(visited.map(\.id)).forWalker) } catch {
      throw .walk(error)
    }
    let stale = visited.filter { directory in found[directory.id].map { isStale(directory, $0) } ?? false }
    do { try catalog.noteStale(claim, upTo: end, stale) } catch { throw .catalog(error) }
    pageRows = Self.rows(after: pageRows, in: .now - begun)
    return end
  }

  /// How many directories the next page has, after one of `rows` that took so long.
  static func rows(after rows: Int64, in duration: Duration) -> Int64 {
    if duration > .seconds(2) { return max(rows / 4, 1) }
    if duration > .seconds(1) { return max(rows / 2, 1) }
    return duration < .milliseconds(500) ? min(rows * 2, mostRows) : rows
  }

  private func isStale(_ directory: StampedDirectory, _ attributes: FileAttributes) -> Bool {
    !directory.isLike(attributes) || began_ns.map(directory.hasChanged(since:)) ?? false
  }

  /// Those that a walk comes to: none at or below what is staged, be it missing or excluded, none below a directory that
  /// could not be read, as all in that stays as it was, none at or below a boundary, if it stays on one file system, and none below one that is
  /// still to be listed, which leads to them.
  private static func entered(_ page: StampedPage, oneFilesystem: Bool) -> [StampedDirectory] {
    let isBarred = { (directory: SliceFrontier.Directory) in
      directory.isClosed || oneFilesystem && directory.isBoundary || page.staged.contains(directory.id)
    }
    guard page.frontier.directories.contains(where: { isBarred($0) || $0.isUnlisted }) else { return page.directories }
    let chain = Dictionary(page.frontier.directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    return page.directories.filter { directory in
      var next = chain[directory.id]
      while let current = next {
        if isBarred(current) || current.isUnlisted && current.id != directory.id { return false }
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
  /// Whether it may have changed, in its entries or itself, since an instant in nanoseconds since 1970.
  func hasChanged(since instant_ns: Int64) -> Bool {
    [mtime_ns, ctime_ns].contains { stamp in stamp.map { Self.tickEnd(of: $0) >= instant_ns } ?? false }
  }

  /// Until when a clock may have shown the same, and some more. Some tell whole seconds, or every other one; the finer
  /// ones tick a hundred times a second or more.
  private static func tickEnd(of stamp_ns: Int64) -> Int64 {
    let tick_ns: Int64 = stamp_ns % 1_000_000_000 == 0 ? 3_000_000_000 : 20_000_000
    let (end, overflow) = stamp_ns.addingReportingOverflow(tick_ns)
    return overflow ? .max : end
  }

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
