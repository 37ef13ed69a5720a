import Glibc
import PostgresClient
import ScanModel

/// The order of names in the catalogue: that of their unsigned bytes, a shorter one before a longer.
/// Negative, 0 or positive.
public func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
  let common = min(left.count, right.count)
  if common > 0, let a = left.baseAddress, let b = right.baseAddress {
    let order = memcmp(a, b, common)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}

/// A page of the files that the catalogue knows, by directory and name. Their names lie in one arena.
public struct KnownFiles: Sendable, Equatable {
  /// What a scan has made of a file.
  public enum Mark: String, Sendable {
    /// It was as it had been, or it has not been looked at.
    case counted = "c"
    case staged = "s"
    case added = "a"
    /// Updated, or revived.
    case updated = "u"
  }

  public struct File: Sendable, Equatable {
    public let id: Int64
    public let directory: Int64
    public let kind: FileKind
    public let mode: UInt32
    public let size: Int64
    public let inode: UInt64
    public let mtime_ns: Int64
    public let ctime_ns: Int64
    public let btime_ns: Int64?
    /// What the scan has made of it before, where it is listed again.
    public let mark: Mark
    fileprivate let name: Range<Int>

    /// Whether the file is as it was. Its device is of no account: it changes with a remount.
    public func isLike(_ attributes: FileAttributes) -> Bool {
      kind == attributes.kind && size == attributes.size && mtime_ns == attributes.mtime_ns
        && ctime_ns == attributes.ctime_ns && btime_ns == attributes.btime_ns && inode == attributes.inode
        && mode == attributes.mode
    }

    /// Whether it can be the same file, whatever has been done to it. Where either side lacks a birth time the inode has
    /// to do; or, as many such file systems number their files anew with every mount, all else that tells files. Where
    /// both have one, its change time tells too, as a file system that keeps its inodes changes that with a name.
    public func isSame(as attributes: FileAttributes) -> Bool {
      guard kind == attributes.kind else { return false }
      let isLikely = size == attributes.size && mtime_ns == attributes.mtime_ns
      guard let btime_ns, let other = attributes.btime_ns else { return inode == attributes.inode || isLikely }
      guard btime_ns == other else { return false }
      return inode == attributes.inode || isLikely && ctime_ns == attributes.ctime_ns
    }
  }

  public private(set) var files: [File] = []
  private var names: [UInt8] = []

  public init() {}

  /// Adds a file; its attributes' device is of no account.
  public mutating func append(
    id: Int64, directory: Int64, name: UnsafeRawBufferPointer, _ attributes: FileAttributes, mark: Mark = .counted
  ) {
    let start = names.count
    names.append(contentsOf: name)
    files.append(
      File(
        id: id, directory: directory, kind: attributes.kind, mode: attributes.mode, size: attributes.size,
        inode: attributes.inode, mtime_ns: attributes.mtime_ns, ctime_ns: attributes.ctime_ns,
        btime_ns: attributes.btime_ns, mark: mark, name: start..<names.count))
  }

  /// Adds a file of another page.
  mutating func append(_ file: File, name: UnsafeRawBufferPointer) {
    append(
      id: file.id, directory: file.directory, name: name,
      FileAttributes(
        kind: file.kind, mode: file.mode, size: file.size, device: 0, inode: file.inode, mtime_ns: file.mtime_ns,
        ctime_ns: file.ctime_ns, btime_ns: file.btime_ns))
  }

  public func withName<Result, Failure: Error>(
    of file: File, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try names.withUnsafeBufferPointer { (names) throws(Failure) in
      try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: names[file.name])))
    }
  }
}

extension KnownFiles {
  /// Decodes the rows of `files_live`, or of `files_marked`.
  init(_ rows: PostgresRows) throws(PostgresError) {
    self.init()
    files.reserveCapacity(rows.count)
    for row in rows {
      let (id, directory, kind) = (try row.int64(2), try row.int64(0), try row.kind(3))
      let attributes = FileAttributes(
        kind: kind, mode: UInt32(bitPattern: try row.int32(9)), size: try row.int64(4), device: 0,
        inode: UInt64(bitPattern: try row.int64(8)), mtime_ns: try row.int64(5), ctime_ns: try row.int64(6),
        btime_ns: try row.optionalInt64(7))
      let mark: Mark = row.count > 10 ? try decode(try row.text(10)) : .counted
      try row.withBytes(1) { append(id: id, directory: directory, name: $0, attributes, mark: mark) }
    }
  }
}

extension PostgresRow {
  /// From the letter that a `kind` holds, as text.
  func kind(_ column: Int) throws(PostgresError) -> FileKind {
    let letter = try withText(column) { $0.count == 1 ? $0[0] : 0 }
    guard let kind = FileKind(code: letter) else { throw .decoding("there is no kind of file \"\(letter)\"") }
    return kind
  }
}
