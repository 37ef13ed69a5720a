import Foundation
import PostgresClient
import ScanModel

/// What earlier scans knew of a directory.
public struct KnownDirectory: Sendable, Equatable {
  public let id: Int64
  public let device: UInt64?
  public let inode: UInt64?
  public let mode: UInt32?
  public let mtime_ns: Int64?
  public let ctime_ns: Int64?
  public let btime_ns: Int64?
  /// Lies on another file system than its parent.
  public let isBoundary: Bool
  /// Its name is a link's, which leads to it.
  public let isFollowed: Bool
  /// Entries that are no directories; `nil` where no listing has reached its end.
  public let files: Int64?
  public let bytes: Int64?
  /// `nil` while anything in it is unsettled.
  public let signature: DirectorySignature?
  /// Those that are open; none costs nothing.
  public let errors: DirectoryErrors

  public init(
    id: Int64, device: UInt64? = nil, inode: UInt64? = nil, mode: UInt32? = nil, mtime_ns: Int64? = nil,
    ctime_ns: Int64? = nil, btime_ns: Int64? = nil, isBoundary: Bool = false, isFollowed: Bool = false,
    files: Int64? = nil, bytes: Int64? = nil, signature: DirectorySignature? = nil,
    errors: DirectoryErrors = DirectoryErrors()
  ) {
    self.id = id
    self.device = device
    self.inode = inode
    self.mode = mode
    self.mtime_ns = mtime_ns
    self.ctime_ns = ctime_ns
    self.btime_ns = btime_ns
    self.isBoundary = isBoundary
    self.isFollowed = isFollowed
    self.files = files
    self.bytes = bytes
    self.signature = signature
    self.errors = errors
  }

  /// Whether the directory itself is as it was. Its device is of no account: it changes with a remount.
  public func isLike(_ attributes: FileAttributes, isBoundary: Bool) -> Bool {
    inode == attributes.inode && mode == attributes.mode && mtime_ns == attributes.mtime_ns
      && ctime_ns == attributes.ctime_ns && btime_ns == attributes.btime_ns && self.isBoundary == isBoundary
  }
}

extension KnownDirectory {
  /// Decodes device, inode, mode, mtime, ctime, btime, boundary, files, bytes, signature and its version, followed,
  /// errors and whether it was read, from a column on.
  init(id: Int64, _ row: PostgresRow, from column: Int) throws(PostgresError) {
    let signature: DirectorySignature? =
      if let bytes = try row.optionalBytes(column + 9), let version = try row.optionalInt64(column + 10) {
        DirectorySignature(bytes: bytes, version: Int32(truncatingIfNeeded: version))
      } else {
        nil
      }
    self.init(
      id: id, device: try row.optionalInt64(column).map(UInt64.init(bitPattern:)),
      inode: try row.optionalInt64(column + 1).map(UInt64.init(bitPattern:)),
      mode: try row.optionalInt64(column + 2).map { UInt32(bitPattern: Int32(truncatingIfNeeded: $0)) },
      mtime_ns: try row.optionalInt64(column + 3), ctime_ns: try row.optionalInt64(column + 4),
      btime_ns: try row.optionalInt64(column + 5), isBoundary: try row.boolean(column + 6),
      isFollowed: try row.boolean(column + 11),
      files: try row.optionalInt64(column + 7), bytes: try row.optionalInt64(column + 8), signature: signature,
      errors: try DirectoryErrors(try row.optionalText(column + 12), unread: try row.optionalText(column + 13)))
  }
}

extension DirectoryErrors {
  fileprivate init(_ entries: String?, unread: String?) throws(PostgresError) {
    self.init()
    if let entries {
      let counts: [String: Int64]
      do { counts = try JSONDecoder().decode([String: Int64].self, from: Data(entries.utf8)) } catch {
        throw .decoding("a directory's errors cannot be read: \(error)")
      }
      for (type, count) in counts { self.entries[try decode(type)] = count }
    }
    if let unread { self.unread = try decode(unread) }
  }
}

/// The child directories that earlier scans knew of one directory, by name.
public struct KnownChildren: Sendable {
  /// In the order of their names.
  public private(set) var directories: [KnownDirectory] = []
  private var names: [UInt8] = []
  /// Where each name ends.
  private var ends: [Int] = []
  /// There were others, which are gone: a name that is not among these may be one of them.
  public internal(set) var hasRemoved = false

  public init() {}

  public var count: Int { directories.count }

  /// Adds the next one in the order of names.
  public mutating func append(_ directory: KnownDirectory, name: UnsafeRawBufferPointer) {
    directories.append(directory)
    names.append(contentsOf: name)
    ends.append(names.count)
  }

  /// The place of the child of that name.
  public func place(of name: UnsafeRawBufferPointer) -> Int? {
    names.withUnsafeBytes { names in
      var range = 0..<directories.count
      while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
        let order = compareBytes(UnsafeRawBufferPointer(rebasing: names[nameRange(middle)]), name)
        if order == 0 { return middle }
        range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
      }
      return nil
    }
  }

  public func name(at place: Int) -> ArraySlice<UInt8> { names[nameRange(place)] }

  private func nameRange(_ place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }
}
