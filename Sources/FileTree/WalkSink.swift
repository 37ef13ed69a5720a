import ScanModel

/// Who receives what the walk finds. Everything is called on the walking thread, and a thrown error ends
/// the run at once.
///
/// For each visited directory comes one of these; the second is where nothing could be listed:
///
///     willList ── (file | newDirectory | failure)* ── listed | vanished
///     vanished | failure
///
/// The buffers hold a name's bytes as the kernel gave them, and are valid during the call only.
public protocol WalkSink: AnyObject {
  associatedtype Failure: Error

  /// The directory is open and the one that was expected; its entries follow.
  func willList(directory: Int64, attributes: FileAttributes) throws(Failure)

  /// An entry that is no directory.
  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(Failure)

  /// An entry that is a directory. It is visited later, under the id that this returns; one on another
  /// file system is not if the walk stays on the root's.
  ///
  /// - Parameter isBoundary: it lies on another file system: than the root, if the walk stays on the
  ///   root's; else than `parent`.
  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(Failure) -> Int64

  /// The end of a directory's listing.
  func listed(directory: Int64, _ listing: DirectoryListing) throws(Failure)

  /// The directory went between its parent's listing and its own: churn, no error.
  func vanished(directory: Int64) throws(Failure)

  /// A directory or an entry could not be read; the walk goes on without it.
  func failure(_ failure: WalkFailure) throws(Failure)
}

/// A directory's listing as a whole.
public struct DirectoryListing: Sendable, Equatable {
  /// The directory's own, read before its first entry.
  public var attributes: FileAttributes
  /// Its own mtime and ctime were the same after its last entry: nothing came or went meanwhile, as far as
  /// the file system's clock can tell.
  public var isSteady = false
  /// Its names were read to their end without error. Otherwise the listing proves nothing about what is
  /// absent.
  public var isComplete = true
  /// Entries delivered to `file`.
  public var files = 0
  /// Entries delivered to `newDirectory`.
  public var directories = 0
  /// Entries that are there and could not be read, each told to `failure`.
  public var failures = 0
  /// Sum of the files' sizes in bytes; stops at `Int64.max`.
  public var bytes: Int64 = 0

  init(attributes: FileAttributes) { self.attributes = attributes }
}

/// A failure that belongs to one directory or entry.
public struct WalkFailure: Sendable, Equatable {
  public enum Cause: Sendable, Equatable {
    case system(SystemError)
    /// The name belongs to another directory than when it was found, or to none.
    case replaced
    case timestampOutOfRange
    case unknownKind(mode: UInt32)
  }

  /// Relative to the root, without a leading slash; empty for the root.
  public let path: [UInt8]
  /// The directory that was visited.
  public let directory: Int64
  /// Whether `path` is an entry of `directory`, not `directory` itself.
  public let isEntry: Bool
  public let cause: Cause

  /// How the failure is classed in `scan_errors` (R14).
  public var errorType: ScanErrorType {
    switch cause {
    case .system(let error): error.errorType
    case .replaced: .changedDuringScan
    case .timestampOutOfRange: .timestampOutOfRange
    case .unknownKind: .ioError
    }
  }

  /// One line, without the path.
  public var message: String {
    switch cause {
    case .system(let error): error.description
    case .replaced: "no longer the directory that the scan found here; scan again"
    case .timestampOutOfRange: "modified or changed before 1677 or after 2262; set its time with touch"
    case .unknownKind(let mode): "the file system reports an unknown kind of file (mode 0\(String(mode, radix: 8)))"
    }
  }
}
