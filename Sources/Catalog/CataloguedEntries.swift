import PostgresClient
import ScanModel

/// Rows of what lies in directories, files and child directories alike, by directory and name; of one name the file
/// comes first. Their names lie in one arena.
public struct CataloguedEntries: Sendable {
  public struct Entry: Sendable {
    public let id: Int64
    /// The directory in which it lies.
    public let directory: Int64
    /// Those of a directory are of kind `directory`, with no size; a file's have no device.
    public let attributes: FileAttributes
    /// Lies on another file system than its parent.
    public let isBoundary: Bool
    /// Its name is a link's, which leads to it.
    public let isFollowed: Bool
    /// A listing of the directory has reached its end once.
    public let wasListed: Bool
    fileprivate let name: Range<Int>

    public var isDirectory: Bool { attributes.kind == .directory }
  }

  public private(set) var entries: [Entry] = []
  private var names: [UInt8] = []

  public init() {}

  /// Adds the next one.
  public mutating func append(
    id: Int64, directory: Int64, name: UnsafeRawBufferPointer, _ attributes: FileAttributes, isBoundary: Bool = false,
    isFollowed: Bool = false, wasListed: Bool = false
  ) {
    let start = names.count
    names.append(contentsOf: name)
    entries.append(
      Entry(
        id: id, directory: directory, attributes: attributes, isBoundary: isBoundary, isFollowed: isFollowed,
        wasListed: wasListed, name: start..<names.count))
  }

  public func withName<Result, Failure: Error>(
    of entry: Entry, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try names.withUnsafeBufferPointer { (names) throws(Failure) in
      try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: names[entry.name])))
    }
  }
}

extension CataloguedEntries {
  /// Decodes the rows of `verify_entries`, or of `verify_named`.
  init(_ rows: PostgresRows) throws(PostgresError) {
    self.init()
    entries.reserveCapacity(rows.count)
    for row in rows {
      let (directory, id, flags) = (try row.int64(0), try row.int64(2), try row.int32(11))
      let letter = try row.withText(3) { $0.count == 1 ? $0[0] : 0 }
      let attributes = FileAttributes(
        kind: letter == UInt8(ascii: "d") ? .directory : try row.kind(3),
        mode: UInt32(bitPattern: try row.int32(9)), size: try row.int64(4),
        device: UInt64(bitPattern: try row.optionalInt64(10) ?? 0), inode: UInt64(bitPattern: try row.int64(8)),
        mtime_ns: try row.int64(5), ctime_ns: try row.int64(6), btime_ns: try row.optionalInt64(7))
      try row.withBytes(1) {
        append(
          id: id, directory: directory, name: $0, attributes, isBoundary: flags & 1 != 0, isFollowed: flags & 2 != 0,
          wasListed: flags & 4 != 0)
      }
    }
  }
}
