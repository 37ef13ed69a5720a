import ScanModel

/// One thing in which a library's tree and its catalogue are not the same.
public struct Difference: Sendable, Equatable {
  public enum Sort: Sendable, Equatable {
    /// In the tree, and no row of it. What lies in an unknown directory is unknown with it.
    case unknown
    /// A row, and nothing in the tree; of a directory with how many files are catalogued in it and below.
    case missing(files: Int64)
    /// A row, and the library's rules as they are now do not admit it; as `missing`.
    case excluded(files: Int64)
    /// Both, and they differ in these columns.
    case changed([ColumnDifference])
    /// It could not be read; what is catalogued of it, and below, was not compared.
    case unreadable(ScanErrorType, errno: Int32?, message: String)
    /// What is mounted there is not what is on record; how many files are catalogued on it, which were not compared.
    case mountMissing(message: String, files: Int64)
  }

  public let sort: Sort
  /// Of the row where there is one.
  public let kind: FileKind
  /// Relative to the root, which is empty itself.
  public let path: [UInt8]
}

/// A column of a row that is not as the tree has it.
public struct ColumnDifference: Sendable, Equatable {
  /// By the names that they have in SQL.
  public enum Column: String, Sendable {
    case kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode
    /// Of directories.
    case boundary, followed, files, bytes
    /// It vouches for rows that are not so, so that scans pass the directory over; or it is nobody's.
    case signature
  }

  public enum Value: Sendable, Equatable {
    case none
    case integer(Int64)
    case text(String)
    case boolean(Bool)

    init(_ number: Int64?) { self = number.map(Value.integer) ?? .none }
  }

  public let column: Column
  public let catalogued: Value
  public let found: Value
}

/// What a verification has come to.
public struct VerificationTally: Sendable, Equatable {
  /// Compared, or tried to be: what the tree holds that has rows, or should.
  public internal(set) var files: Int64 = 0
  public internal(set) var directories: Int64 = 0
  /// Of these files.
  public internal(set) var bytes: Int64 = 0
  public internal(set) var unknown: Int64 = 0
  public internal(set) var missing: Int64 = 0
  public internal(set) var excluded: Int64 = 0
  public internal(set) var changed: Int64 = 0
  public internal(set) var unreadable: Int64 = 0
  public internal(set) var mountsMissing: Int64 = 0

  /// The catalogue is the tree, as far as anybody can tell, and all of it could be told.
  public var isEqual: Bool { unknown + missing + excluded + changed + unreadable + mountsMissing == 0 }

  mutating func note(_ difference: Difference) {
    switch difference.sort {
    case .unknown: unknown += 1
    case .missing: missing += 1
    case .excluded: excluded += 1
    case .changed: changed += 1
    case .unreadable: unreadable += 1
    case .mountMissing: mountsMissing += 1
    }
  }
}
