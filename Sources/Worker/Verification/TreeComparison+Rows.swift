import Catalog
import FileTree
import ScanModel

/// A row that the tree seems to lack.
struct AbsentRow {
  let id: Int64
  let directory: Int64
  let kind: FileKind
  let name: [UInt8]

  init(_ row: CataloguedEntries.Entry, name: [UInt8]) {
    (id, directory, kind, self.name) = (row.id, row.directory, row.attributes.kind, name)
  }
}

/// Listings against rows.
extension TreeComparison {
  /// Names that one query looks up, or one check looks for.
  private static var namesPerPage: Int { 4_096 }

  /// Compares directories whose entries are sorted: at least one.
  func compare(_ listings: [ComparedListing]) throws(VerificationError) {
    let ids = listings.map(\.id)
    var place = 0
    var merge = EntryMerge(listings[0].entries)
    var after = LibraryRows.Place()
    var isLast = false
    func next() throws(VerificationError) {
      try merge.finish { (finding) throws(VerificationError) in try take(finding, listings[place], noName) }
      try finish(listings[place])
      place += 1
      if place < listings.count { merge = EntryMerge(listings[place].entries) }
    }
    while !isLast {
      let page: CataloguedEntries
      do { (page, isLast) = try scope.rows.entries(of: ids[place...], after: &after) } catch { throw .catalog(error) }
      for row in page.entries {
        while ids[place] != row.directory { try next() }
        try meet(row, in: page, &merge, listings[place])
      }
    }
    while place < listings.count { try next() }
  }

  /// Compares a part of a large directory with the rows of its names.
  func comparePart(of listing: ComparedListing) throws(VerificationError) {
    let entries = listing.entries
    var merge = EntryMerge(entries)
    for first in stride(from: 0, to: entries.count, by: Self.namesPerPage) {
      let names = (first..<min(first + Self.namesPerPage, entries.count)).map { place in
        entries.withName(of: entries[place]) { Array($0) }
      }
      let page: CataloguedEntries
      do { page = try scope.rows.entries(named: names, in: listing.id) } catch { throw .catalog(error) }
      for row in page.entries { try meet(row, in: page, &merge, listing) }
    }
    try merge.finish { (finding) throws(VerificationError) in try take(finding, listing, noName) }
  }

  /// Looks for every row of a large directory, of whose listing nothing is kept.
  func lookForAllRows(of listing: ComparedListing) throws(VerificationError) {
    listing.rows = (0, 0)
    var after = LibraryRows.Place()
    var isLast = false
    while !isLast {
      let page: CataloguedEntries
      do { (page, isLast) = try scope.rows.entries(of: [listing.id], after: &after) } catch { throw .catalog(error) }
      var sought: [AbsentRow] = []
      for row in page.entries {
        listing.count(row: row)
        let name = page.withName(of: row) { Array($0) }
        if isExcluded(row, name, listing) {
          try exclude(row, name, listing)
        } else if case .second(let earlier) = look, !name.withUnsafeBytes({ earlier.has(.missing, $0, in: listing.id) })
        {
          continue
        } else {
          sought.append(AbsentRow(row, name: name))
        }
      }
      guard listing.isComplete else { continue }
      for row in try gone(of: sought) {
        (listing.hasOtherNames, listing.hasDifferences) = (true, true)
        try differs(.missing, row.name, in: row.directory, row.kind) { () throws(VerificationError) in
          .missing(files: try filesBelow(row.id, row.kind))
        }
      }
    }
  }

  private func meet(
    _ row: CataloguedEntries.Entry, in page: CataloguedEntries, _ merge: inout EntryMerge, _ listing: ComparedListing
  ) throws(VerificationError) {
    listing.count(row: row)
    try page.withName(of: row) { (name) throws(VerificationError) in
      try merge.meet(row, name: name) { (finding) throws(VerificationError) in
        try take(finding, listing, name)
      }
    }
  }

  /// - Parameter name: of the row that was met.
  private func take(
    _ finding: EntryMerge.Finding, _ listing: ComparedListing, _ name: UnsafeRawBufferPointer
  ) throws(VerificationError) {
    switch finding {
    case .kept: break
    case .unknown(let entry):
      (listing.hasOtherNames, listing.hasDifferences) = (true, true)
      let name = listing.entries.withName(of: entry) { Array($0) }
      try differs(.unknown, name, in: listing.id, entry.attributes.kind) { .unknown }
    case .both(let entry, let row) where row.isDirectory: try compare(directory: entry, row, Array(name), listing)
    case .both(let entry, let row):
      let found = entry.attributes
      guard !row.isLike(found) else { return }
      listing.hasDifferences = true
      if row.isAnother(than: found) { listing.hasOtherNames = true }
      try differs(.changed, Array(name), in: listing.id, row.attributes.kind) { .changed(row.fileDifferences(found)) }
    case .missing(let row): try miss(row, Array(name), listing)
    case .excluded(let row): try exclude(row, Array(name), listing)
    }
  }

  /// A child directory that is there.
  private func compare(
    directory entry: DirectoryEntries.Entry, _ row: CataloguedEntries.Entry, _ name: [UInt8],
    _ listing: ComparedListing
  ) throws(VerificationError) {
    let isBoundary = entry.sort == .boundary
    let isEntered = !isBoundary || !scope.rules.oneFilesystem
    // What lies at a recorded mount point, who visits it tells.
    let isMount = scope.mounts.isGuarded(row.id)
    if isMount { listing.hasMounts = true }
    if !isEntered, row.wasListed, row.attributes.device != listing.known.device {
      return try exclude(row, name, listing)
    }
    if isEntered { children[listing.id, default: []].append(row.id) }
    guard !isMount else { return }
    if row.isAnother(than: entry.attributes) || row.isBoundary != isBoundary {
      (listing.hasOtherNames, listing.hasOtherDirectories) = (true, true)
    }
    let columns = row.directoryDifferences(
      entry.attributes, isBoundary: isBoundary, isFollowed: entry.sort == .followed, isEntered: isEntered)
    guard !columns.isEmpty else { return }
    try differs(.changed, name, in: listing.id, .directory) { .changed(columns) }
  }

  /// A row whose name the listing has not got, or has for another sort of thing.
  private func miss(
    _ row: CataloguedEntries.Entry, _ name: [UInt8], _ listing: ComparedListing
  ) throws(VerificationError) {
    // Of a large directory all rows are looked for at its end.
    guard listing.isComplete, !listing.isSpilled else { return }
    if row.isFollowed && listing.unresolvedLinks.contains(name) { return }
    if isExcluded(row, name, listing) { return try exclude(row, name, listing) }
    (listing.hasOtherNames, listing.hasDifferences) = (true, true)
    guard isCertain(.missing, name, in: listing.id) else { return }
    absent.append(AbsentRow(row, name: name))
    if absent.count >= Self.namesPerPage { try lookForAbsent() }
  }

  private func isExcluded(_ row: CataloguedEntries.Entry, _ name: [UInt8], _ listing: ComparedListing) -> Bool {
    if row.isFollowed && scope.rules.symlinks != .follow { return true }
    return name.withUnsafeBytes { listing.end?.rules?.isIgnored($0, isDirectory: row.isDirectory) == true }
  }

  private func exclude(
    _ row: CataloguedEntries.Entry, _ name: [UInt8], _ listing: ComparedListing
  ) throws(VerificationError) {
    listing.hasDifferences = true
    try differs(.excluded, name, in: listing.id, row.attributes.kind) { () throws(VerificationError) in
      .excluded(files: try filesBelow(row.id, row.attributes.kind))
    }
  }

  /// What the directory's own row says.
  func finish(_ listing: ComparedListing) throws(VerificationError) {
    var columns = listing.known.differences(listing.attributes, ownTimes: !listing.hasOtherNames)
    if listing.isComplete, listing.failures == 0 {
      columns += listing.known.countDifferences(tree: listing.tree, rows: listing.rows)
    }
    if isSignatureWrong(listing) {
      columns.append(ColumnDifference(column: .signature, catalogued: .none, found: .none))
    }
    guard !columns.isEmpty else { return }
    try differs(.changed, [], in: listing.id, .directory) { .changed(columns) }
  }

  /// A signature that is the listing's says that the rows are; one that is not says that something differs.
  private func isSignatureWrong(_ listing: ComparedListing) -> Bool {
    guard let signature = listing.known.signature, signature.version == scope.signatureVersion, listing.isSettled,
      let found = digest.signature(of: listing.entries, version: scope.signatureVersion)
    else { return false }
    return (signature == found) == listing.hasDifferences
  }
}

/// Of what was not met as a row.
private nonisolated(unsafe) let noName = UnsafeRawBufferPointer(start: nil, count: 0)
