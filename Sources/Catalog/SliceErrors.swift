import PostgresClient
import ScanModel

/// A file-level error that a slice met (R14).
public struct SliceError: Sendable, Equatable {
  /// What the next visit has to find healthy for the error to be resolved.
  public enum Place: Sendable, Equatable {
    case directory(Int64)
    /// The entry of that directory under the last name of the path.
    case entry(of: Int64)
    /// There is no such place any more: the library's next scan resolves it.
    case fleeting
  }

  public let place: Place
  /// Relative to the root; empty for the root itself.
  public let path: [UInt8]
  public let type: ScanErrorType
  /// The system call that failed, and its errno.
  public let operation: String?
  public let errno: Int32?
  public let message: String

  public init(
    place: Place = .fleeting, path: [UInt8], type: ScanErrorType, operation: String?, errno: Int32?, message: String
  ) {
    self.place = place
    self.path = path
    self.type = type
    self.operation = operation
    self.errno = errno
    self.message = message
  }

  fileprivate var directory: Int64 {
    switch place {
    case .directory(let id), .entry(of: let id): id
    case .fleeting: 0
    }
  }

  fileprivate var name: [UInt8] {
    guard case .entry = place else { return [] }
    return Array(path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...])
  }
}

/// Whether a directory itself could be read.
public struct DirectoryReading: Sendable, Equatable {
  public let id: Int64
  /// `nil` where it could.
  public let unread: ScanErrorType?

  public init(id: Int64, unread: ScanErrorType?) {
    self.id = id
    self.unread = unread
  }
}

/// What a slice found out about errors. Those that it met again where they were take no part.
public struct SliceErrors: Sendable, Equatable {
  /// How many more errors there are of each type than before, or fewer.
  public var changes = ErrorCounts()
  /// How many of them are fleeting.
  public var fleeting = ErrorCounts()
  /// Errors that have no row yet or whose rows may say something else, as far as the slice keeps them.
  public var rows: [SliceError] = []
  /// Directories in which no error is left, nor in reading them.
  public var healed: [Int64] = []
  /// Directories that could not be read before, and can be now or fail otherwise.
  public var reread: [DirectoryReading] = []
  /// Rows of errors that were not met again.
  public var resolved: [Int64] = []
  /// Directories whose rows do not say yet that they could not be read, or still do.
  public var unread: [DirectoryReading] = []

  public init() {}

  /// A directory could not be read at all: what was known of it and of what lies below stays.
  ///
  /// - Parameter known: `nil` where this very scan has found it.
  public mutating func note(unread directory: Int64, known: KnownDirectory?, _ type: ScanErrorType) {
    let reading = DirectoryReading(id: directory, unread: type)
    changes[type] += 1
    if let before = known?.errors.unread {
      changes[before] -= 1
      if before != type { reread.append(reading) }
    }
    let isUnsettled = type != .mountMissing && known?.signature != nil
    if isUnsettled || known?.errors.unread != type { unread.append(reading) }
  }
}

extension SliceErrors {
  /// The parameters of `settle_errors` after the scan's.
  var settled: [PostgresParameter] {
    let types = Set(changes.types + fleeting.types).sorted { $0.rawValue < $1.rawValue }
    return [
      .textArray(types.map(\.rawValue)), .int64Array(types.map { changes[$0] }),
      .int64Array(types.map { fleeting[$0] }), .int64Array(healed), .int64Array(reread.map(\.id)),
      .textArray(reread.map { $0.unread?.rawValue ?? "" }), .int64Array(resolved),
    ]
  }

  /// The parameters of `add_errors` after the scan's.
  var added: [PostgresParameter] {
    [
      .int64Array(rows.map(\.directory)), .bytesArray(rows.map(\.name)), .bytesArray(rows.map(\.path)),
      .textArray(rows.map(\.type.rawValue)), .textArray(rows.map { $0.operation ?? "" }),
      .int32Array(rows.map { $0.errno ?? 0 }), .textArray(rows.map(\.message)),
    ]
  }
}

extension ErrorCounts {
  /// What `directories.errors` holds; empty where there are none.
  var json: String {
    isEmpty ? "" : "{" + types.map { "\"\($0.rawValue)\": \(self[$0])" }.joined(separator: ", ") + "}"
  }
}
