import Catalog
import ScanModel

/// The merge of a directory's sorted listing with the rows of what lies in it, sorted alike; of one name there may be
/// a file's row and a directory's. Pure: it is told the rows in pages, and answers what each name comes to.
///
///     listing   a     b  (c)   d/  (e)       c: could not be looked at; d: a directory; e: rejected
///     rows            b'  c    d    e    f
///            unknown same kept missing excluded missing
struct EntryMerge {
  enum Finding {
    /// In the listing only.
    case unknown(DirectoryEntries.Entry)
    /// In both, and of one sort: they are to be compared.
    case both(DirectoryEntries.Entry, CataloguedEntries.Entry)
    /// In the rows only, or what bears the name is of the other sort.
    case missing(CataloguedEntries.Entry)
    /// It is there, and the rules do not admit it, or have its link followed to a directory.
    case excluded(CataloguedEntries.Entry)
    /// It is there, and could not be looked at.
    case kept
  }

  private let entries: DirectoryEntries
  private var place = 0
  /// A row was met that the entry at `place` is.
  private var isMet = false

  /// - Parameter entries: sorted.
  init(_ entries: DirectoryEntries) { self.entries = entries }

  /// The next row, in the order of names: what the listing has before it, then what it comes to itself.
  mutating func meet<Failure: Error>(
    _ row: CataloguedEntries.Entry, name: UnsafeRawBufferPointer, _ found: (Finding) throws(Failure) -> Void
  ) throws(Failure) {
    while place < entries.count {
      let entry = entries[place]
      let order = entries.withName(of: entry) { compareBytes($0, name) }
      if order > 0 { break }
      if order == 0 { return try found(meet(row, entry)) }
      try pass(found)
    }
    try found(.missing(row))
  }

  private mutating func meet(_ row: CataloguedEntries.Entry, _ entry: DirectoryEntries.Entry) -> Finding {
    switch entry.sort {
    case .unreadable: return .kept
    case .rejected: return .excluded(row)
    case .followed where !row.isDirectory: return .excluded(row)
    case .plain, .boundary, .followed:
      guard row.isDirectory == entry.isDirectory else { return .missing(row) }
      isMet = true
      return .both(entry, row)
    }
  }

  /// There are no more rows: what is left of the listing is unknown.
  mutating func finish<Failure: Error>(_ found: (Finding) throws(Failure) -> Void) throws(Failure) {
    while place < entries.count { try pass(found) }
  }

  private mutating func pass<Failure: Error>(_ found: (Finding) throws(Failure) -> Void) throws(Failure) {
    let entry = entries[place]
    if !isMet, entry.isFile || entry.isDirectory { try found(.unknown(entry)) }
    place += 1
    isMet = false
  }
}
