import Catalog
import ScanModel

/// The merge of a directory's sorted listing with the catalogue's rows of its files, sorted alike. Pure: it
/// is told the rows in pages, and answers what each name comes to.
///
///     listing   a    b  (c)   d/  (e)        c: could not be looked at; d: a directory; e: rejected
///     rows           b'   c   d    e    f
///               new  changed kept missing excluded missing
struct SortedMerge {
  enum Finding {
    /// In the listing only.
    case new(DirectoryEntries.Entry)
    /// In both, and something differs.
    case changed(DirectoryEntries.Entry, KnownFiles.File)
    case unchanged
    /// In the rows only, or the name is a directory's now.
    case missing(KnownFiles.File)
    /// It is there, and the rules do not admit it, or have its link followed to a directory.
    case excluded(KnownFiles.File)
  }

  private let entries: DirectoryEntries
  private var place = 0

  /// - Parameter entries: sorted.
  init(_ entries: DirectoryEntries) { self.entries = entries }

  /// The next row, in the order of names: what the listing has before it, then what it comes to itself.
  mutating func meet<Failure: Error>(
    _ file: KnownFiles.File, name: UnsafeRawBufferPointer, _ found: (Finding) throws(Failure) -> Void
  ) throws(Failure) {
    while place < entries.count {
      let entry = entries[place]
      let order = entries.withName(of: entry) { compareBytes($0, name) }
      if order > 0 { break }
      place += 1
      if order < 0 {
        if entry.isFile { try found(.new(entry)) }
        continue
      }
      switch entry.sort {
      case .unreadable: return
      case .rejected, .followed: return try found(.excluded(file))
      case _ where entry.isDirectory: return try found(.missing(file))
      default: return try found(file.isLike(entry.attributes) ? .unchanged : .changed(entry, file))
      }
    }
    try found(.missing(file))
  }

  /// There are no more rows: what is left of the listing is new.
  mutating func finish<Failure: Error>(_ found: (Finding) throws(Failure) -> Void) throws(Failure) {
    while place < entries.count {
      let entry = entries[place]
      place += 1
      if entry.isFile { try found(.new(entry)) }
    }
  }
}
