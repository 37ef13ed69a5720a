import Catalog
import ScanModel

extension ColumnDifference {
  fileprivate init?(_ column: Column, _ catalogued: Int64?, _ found: Int64?) {
    guard catalogued != found else { return nil }
    self.init(column: column, catalogued: Value(catalogued), found: Value(found))
  }

  /// Unsigned in the kernel, signed in SQL.
  fileprivate init?(_ column: Column, _ catalogued: UInt64, _ found: UInt64) {
    self.init(column, Int64(bitPattern: catalogued), Int64(bitPattern: found))
  }

  fileprivate init?(_ column: Column, _ catalogued: Bool, _ found: Bool) {
    guard catalogued != found else { return nil }
    self.init(column: column, catalogued: .boolean(catalogued), found: .boolean(found))
  }
}

extension CataloguedEntries.Entry {
  /// Whether a file's row is as the tree has it. No row of a file holds its device.
  func isLike(_ found: FileAttributes) -> Bool {
    let row = attributes
    return row.kind == found.kind && row.size == found.size && row.mtime_ns == found.mtime_ns
      && row.ctime_ns == found.ctime_ns && row.btime_ns == found.btime_ns && row.inode == found.inode
      && row.mode == found.mode
  }

  /// Whether another thing than the row's bears its name, which its directory's times tell too.
  func isAnother(than found: FileAttributes) -> Bool {
    attributes.inode != found.inode || attributes.kind != found.kind || attributes.btime_ns != found.btime_ns
  }

  /// In which columns a file's row is not as the tree has it.
  func fileDifferences(_ found: FileAttributes) -> [ColumnDifference] {
    let row = attributes
    let kind =
      row.kind == found.kind
      ? nil : ColumnDifference(column: .kind, catalogued: .text(row.kind.rawValue), found: .text(found.kind.rawValue))
    return [
      kind, ColumnDifference(.size, row.size, found.size), ColumnDifference(.mtime_ns, row.mtime_ns, found.mtime_ns),
      ColumnDifference(.ctime_ns, row.ctime_ns, found.ctime_ns),
      ColumnDifference(.btime_ns, row.btime_ns, found.btime_ns), ColumnDifference(.inode, row.inode, found.inode),
      ColumnDifference(.mode, UInt64(row.mode), UInt64(found.mode)),
    ].compactMap { $0 }
  }

  /// In what a directory's row is not as its parent's listing has it.
  ///
  /// - Parameter isEntered: its own listing tells the rest.
  func directoryDifferences(
    _ found: FileAttributes, isBoundary: Bool, isFollowed: Bool, isEntered: Bool
  ) -> [ColumnDifference] {
    let row = attributes
    let own =
      isEntered
      ? []
      : [
        ColumnDifference(.inode, row.inode, found.inode),
        ColumnDifference(.mode, UInt64(row.mode), UInt64(found.mode)),
      ]
    return
      (own + [
        ColumnDifference(.boundary, self.isBoundary, isBoundary),
        ColumnDifference(.followed, self.isFollowed, isFollowed),
      ]).compactMap { $0 }
  }
}

extension KnownDirectory {
  /// In which columns the row of a listed directory is not as the tree has it.
  ///
  /// - Parameter ownTimes: whether its own times count: where names in it have come or gone, these tell it already.
  func differences(_ found: FileAttributes, ownTimes: Bool) -> [ColumnDifference] {
    let times =
      ownTimes
      ? [ColumnDifference(.mtime_ns, mtime_ns, found.mtime_ns), ColumnDifference(.ctime_ns, ctime_ns, found.ctime_ns)]
      : []
    return
      (times + [
        ColumnDifference(.btime_ns, btime_ns, found.btime_ns),
        ColumnDifference(.inode, inode.map(Int64.init(bitPattern:)), Int64(bitPattern: found.inode)),
        ColumnDifference(.mode, mode.map(Int64.init), Int64(found.mode)),
      ]).compactMap { $0 }
  }

  /// In which counts it is neither what the tree holds nor what the rows of its files sum up to: it lags behind the
  /// tree as they do, and runs ahead of them where what is missing is held.
  func countDifferences(
    tree: (files: Int64, bytes: Int64), rows: (files: Int64, bytes: Int64)
  ) -> [ColumnDifference] {
    guard let files, let bytes else { return [] }
    return [
      files == rows.files || files == tree.files ? nil : ColumnDifference(.files, files, tree.files),
      bytes == rows.bytes || bytes == tree.bytes ? nil : ColumnDifference(.bytes, bytes, tree.bytes),
    ].compactMap { $0 }
  }
}
