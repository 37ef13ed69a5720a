import Glibc
import ScanModel

/// Who receives what the walk finds. Everything is called on the walking thread, and a thrown error ends
/// the run at once.
///
/// For each visited directory comes one of these; the second is where nothing could be listed. A `failure` amid
/// the entries is one of them, or of the listing itself.
///
///     willList ── (file | newDirectory | followedDirectory | rejected | isCounted | failure)* ── listed | vanished
///     vanished | failure
///
/// The buffers hold a name's bytes as the kernel gave them, and are valid during the call only.
public protocol WalkSink: AnyObject {
  associatedtype Failure: Error

  /// The directory is open and the one that was expected; its entries follow. False: it is not to be listed, and
  /// nothing more is told of it.
  func willList(directory: Int64, attributes: FileAttributes) throws(Failure) -> Bool

  /// An entry that is no directory.
  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(Failure)

  /// An entry that is a directory. It is visited later, under the id that this returns, or not where that is `nil`;
  /// one on another file system is not if the walk stays on the root's.
  ///
  /// - Parameter isBoundary: it lies on another file system: than the root, if the walk stays on the
  ///   root's; else than `parent`.
  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(Failure) -> Int64?

  /// A link that is followed to a directory; `attributes` are the directory's. It is visited later, as one in the
  /// link's place, under the id that this returns, or not where that is `nil`.
  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(Failure) -> Int64?

  /// An entry that is there, and that is neither of the above because of another rule than a glob. Where the
  /// rules want it told, `isCounted` and `failure` say which.
  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(Failure)

  /// The end of a directory's listing.
  func listed(directory: Int64, _ listing: DirectoryListing) throws(Failure)

  /// The directory went between its parent's listing and its own: churn, no error.
  func vanished(directory: Int64) throws(Failure)

  /// Asked of each failure of an entry before `failure` is told, which takes a path as long as the tree is deep.
  ///
  /// - Returns: true where the sink has counted it and wants no more of it; false leaves it to `failure`.
  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(Failure) -> Bool

  /// A directory or an entry could not be read, or is against a rule; the walk goes on without it.
  func failure(_ failure: WalkFailure) throws(Failure)
}

/// A directory's listing as a whole.
public struct DirectoryListing: Sendable {
  /// The directory's own, read before its first entry.
  public var attributes: FileAttributes
  /// Its own mtime and ctime were the same after its last entry: nothing came or went meanwhile, as far as
  /// the file system's clock can tell.
  public var isSteady = false
  /// A row holds its own mtime and ctime. Otherwise `attributes` has the nearest times that one holds, which show
  /// no change, and `failure` was told.
  public var hasUsualTimes = true
  /// Its names were read to their end without error. Otherwise the listing proves nothing about what is
  /// absent.
  public var isComplete = true
  /// Entries delivered to `file`.
  public var files = 0
  /// Entries delivered to `newDirectory`.
  public var directories = 0
  /// Entries that are there and could not be read, each told to `isCounted` and `failure`.
  public var failures = 0
  /// There are links that might be followed: what the entries are depends on what lies elsewhere.
  public var hasLinks = false
  /// Entries that are passed over in silence.
  public var ignored = 0
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
    /// As `replaced`, by a link, which the walk was not led by.
    case ledAway(SystemError)
    /// Another file system was mounted here, or nothing is there any more; why, and what to do. What is known of it
    /// and of all below stays. `isAbove`: directories below it were to be visited, and it was not.
    case mountMissing(String, isAbove: Bool)
    /// A time that no row can hold. A directory is listed nevertheless.
    case timestampOutOfRange
    case unknownKind(mode: UInt32)
    /// The library's rule of extensions does not name the file's.
    case extensionNotAllowed(allowed: [String])
    /// The file is larger than the library's rule allows; both in bytes.
    case oversized(size: Int64, limit: Int64)
    /// A link that leads out of the root.
    case linkOutside
    /// A link to the directory in which it lies, or to one above.
    case linkLoop
    /// A link whose target cannot be told, or is not there.
    case linkTarget(SystemError)
    /// What a link leads to was exchanged while it was looked at.
    case linkUnsteady

    /// What it is about could not be read. Otherwise it could, and is not as it should be.
    public var isUnread: Bool {
      switch self {
      case .system, .replaced, .ledAway, .mountMissing, .timestampOutOfRange, .unknownKind: true
      case .extensionNotAllowed, .oversized, .linkOutside, .linkLoop, .linkTarget, .linkUnsteady: false
      }
    }

    /// Something else stands in a directory's place.
    public var isExchange: Bool {
      switch self {
      case .replaced, .ledAway: true
      default: false
      }
    }

    /// What a link leads to could not be told, though it may be there.
    public var isUnresolvedLink: Bool {
      switch self {
      case .linkUnsteady: true
      case .linkTarget(let error): !error.isDangling
      default: false
      }
    }

    /// How it is classed in `scan_errors` (R14).
    public var errorType: ScanErrorType {
      switch self {
      case .system(let error): error.errorType
      case .replaced: .changedDuringScan
      case .mountMissing: .mountMissing
      case .ledAway: .pathTraversal
      case .timestampOutOfRange: .timestampOutOfRange
      case .unknownKind: .ioError
      case .extensionNotAllowed: .invalidExtension
      case .oversized: .oversized
      case .linkOutside: .symlinkExternal
      case .linkLoop: .symlinkLoop
      case .linkTarget(let error): error.isDangling && error.errno != ELOOP ? .fileNotFound : error.errorType
      case .linkUnsteady: .changedDuringScan
      }
    }

    /// The call that failed.
    public var call: SystemError? {
      switch self {
      case .system(let error), .ledAway(let error), .linkTarget(let error): error
      default: nil
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

  /// The same of a directory that is known by another id.
  public func of(directory id: Int64) -> WalkFailure {
    WalkFailure(path: path, directory: id, isEntry: isEntry, cause: cause)
  }

  public var errorType: ScanErrorType { cause.errorType }

  /// As many as a message names: a rule may have a thousand, and each rejected file a message.
  private static var namedExtensions: Int { 5 }

  /// One line, without the path.
  public var message: String {
    switch cause {
    case .system(let error): error.description
    case .replaced: "no longer the directory that the scan found here; scan again"
    case .ledAway(let error) where error.errno == EXDEV:
      "the link to this directory leads out of the root now, and was not followed: \(error)"
    case .ledAway(let error):
      "a link took the place of a directory that the scan found, here or above, and was not followed: \(error)"
    case .mountMissing(let reason, _): reason
    case .timestampOutOfRange: "modified or changed before 1677 or after 2262; set its time with touch"
    case .unknownKind(let mode): "the file system reports an unknown kind of file (mode 0\(String(mode, radix: 8)))"
    case .extensionNotAllowed(let allowed):
      "\(fileExtension.map { "extension \"\($0)\"" } ?? "no extension"), and the library's rule allows only "
        + allowed.prefix(Self.namedExtensions).joined(separator: ", ")
        + (allowed.count > Self.namedExtensions ? " and \(allowed.count - Self.namedExtensions) more" : "")
    case .oversized(let size, let limit): "\(size) bytes, and the library's rule allows at most \(limit)"
    case .linkOutside: "a link that leads out of the library's root, where nothing is followed"
    case .linkLoop: "a link to a directory in which it lies, which is not entered again"
    case .linkTarget(let error): "the target of the link: \(error)"
    case .linkUnsteady: "what the link leads to was exchanged while it was looked at; scan again"
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
