/// What an entry of a directory is. Raw values are what `catalog_files.kind` shows.
public enum FileKind: String, Sendable, CaseIterable {
  case file, directory, symlink, fifo, socket, block, char
}

/// An entry's attributes as `statx(2)` reports them, without following links. Plain numbers, so that a
/// row passes from kernel to COPY without allocation.
public struct FileAttributes: Sendable, Equatable {
  public var kind: FileKind
  /// `st_mode`: file type and permission bits.
  public var mode: UInt32
  /// Bytes.
  public var size: Int64
  /// Device number of the file system, as `st_dev`.
  public var device: UInt64
  public var inode: UInt64
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public var mtime_ns: Int64
  public var ctime_ns: Int64
  /// Birth time in nanoseconds, where the file system has one.
  public var btime_ns: Int64?
  /// Whether other names may lead to the same file: a hard link. Of no account for a directory.
  public var hasOtherLinks: Bool

  public init(
    kind: FileKind, mode: UInt32, size: Int64, device: UInt64, inode: UInt64, mtime_ns: Int64,
    ctime_ns: Int64, btime_ns: Int64?, hasOtherLinks: Bool = false
  ) {
    self.kind = kind
    self.mode = mode
    self.size = size
    self.device = device
    self.inode = inode
    self.mtime_ns = mtime_ns
    self.ctime_ns = ctime_ns
    self.btime_ns = btime_ns
    self.hasOtherLinks = hasOtherLinks
  }
}

/// The types of file-level errors (R14), as `scan_errors.error_type` shows them.
public enum ScanErrorType: String, Sendable, CaseIterable {
  /// A link took the place of a directory that the scan had found, and the walk was not led by it. (A root that may
  /// not be walked fails its scan under this name.)
  case pathTraversal = "path_traversal"
  case invalidExtension = "invalid_extension"
  case oversized
  case symlinkExternal = "symlink_external"
  case permissionDenied = "permission_denied"
  case fileNotFound = "file_not_found"
  case ioError = "io_error"
  case staleHandle = "stale_handle"
  /// Of what a link leads to, for a link's text may hold names that no directory can. The walk itself opens what a
  /// listing names, one name or a path that fits; so other entries have it only where a file system lists a name
  /// that it then refuses, as one that translates names may.
  case nameTooLong = "name_too_long"
  case symlinkLoop = "symlink_loop"
  case mountMissing = "mount_missing"
  case changedDuringScan = "changed_during_scan"
  case timestampOutOfRange = "timestamp_out_of_range"
}
