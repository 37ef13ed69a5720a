import ScanModel

/// Who receives what the walk finds. Everything is called on the walking thread, and a thrown error ends
/// the run at once.
///
/// For each visited directory comes one of these; the second is where nothing could be listed:
///
///     willList ── (file | newDirectory | rejected | failure)* ── listed | vanished
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

  /// An entry that is there, and that is neither of the above because of another rule than a glob. Where the
  /// rules want it told, `failure` says which.
  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(Failure)

  /// The end of a directory's listing.
  func listed(directory: Int64, _ listing: DirectoryListing) throws(Failure)

  /// The directory went between its parent's listing and its own: churn, no error.
  func vanished(directory: Int64) throws(Failure)

  /// A directory or an entry could not be read; the walk goes on without it.
  func failure(_ failure: WalkFailure) throws(Failure)
}

/// A directory's listing as a whole.
public struct DirectoryListing: Sendable {
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
  /// Entries that are passed over in silence.
  public var ignored = 0
  /// Entries that the rules reject, each told to `rejected` and `failure`.
  public var rejected = 0
  /// How far below the root the directory is: 0 is the root itself.
  public let depth: Int
  /// What judged the entries; `nil` where everything is admitted.
  public let rules: DirectoryRules?
  /// Sum of the files' sizes in bytes; stops at `Int64.max`.
  public var bytes: Int64 = 0

  init(attributes: FileAttributes, depth: Int = 0, rules: DirectoryRules? = nil) {
    self.attributes = attributes
    self.depth = depth
    self.rules = rules
  }
}

/// A failure that belongs to one directory or entry.
public struct WalkFailure: Sendable, Equatable {
  public enum Cause: Sendable, Equatable {
    case system(SystemError)
    /// The name belongs to another directory than when it was found, or to none.
    case replaced
    case timestampOutOfRange
    case unknownKind(mode: UInt32)
    /// The library's rule of extensions does not name the file's.
    case extensionNotAllowed(allowed: [String])
    /// The file is larger than the library's rule allows; both in bytes.
    case oversized(size: Int64, limit: Int64)

    /// The rules do not want the entry, which could be read well enough.
    public var isRejection: Bool {
      switch self {
      case .extensionNotAllowed, .oversized: true
      case .system, .replaced, .timestampOutOfRange, .unknownKind: false
      }
    }
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
    case .extensionNotAllowed: .invalidExtension
    case .oversized: .oversized
    }
  }

  /// One line, without the path.
  public var message: String {
    switch cause {
    case .system(let error): error.description
    case .replaced: "no longer the directory that the scan found here; scan again"
    case .timestampOutOfRange: "modified or changed before 1677 or after 2262; set its time with touch"
    case .unknownKind(let mode): "the file system reports an unknown kind of file (mode 0\(String(mode, radix: 8)))"
    case .extensionNotAllowed(let allowed):
      "\(fileExtension.map { "extension \"\($0)\"" } ?? "no extension"), and the library's rule allows only "
        + allowed.joined(separator: ", ")
    case .oversized(let size, let limit): "\(size) bytes, and the library's rule allows at most \(limit)"
    }
  }

  /// As the rule of extensions sees it: behind the last dot, if that does not begin the name.
  private var fileExtension: String? {
    let name = path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex, dot + 1 < name.endIndex else {
      return nil
    }
    return String(decoding: name[(dot + 1)...], as: UTF8.self)
  }
}
