/// How many errors there are of each type (R14). As a change a number may be negative.
public struct ErrorCounts: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  private var counts: [ScanErrorType: Int64] = [:]

  public init() {}

  public init(dictionaryLiteral elements: (ScanErrorType, Int64)...) {
    for (type, count) in elements { self[type] += count }
  }

  public subscript(type: ScanErrorType) -> Int64 {
    get { counts[type] ?? 0 }
    set { counts[type] = newValue == 0 ? nil : newValue }
  }

  public var isEmpty: Bool { counts.isEmpty }

  public var total: Int64 { counts.values.reduce(0, +) }

  /// Those of which there are any, in the order of their names.
  public var types: [ScanErrorType] { counts.keys.sorted { $0.rawValue < $1.rawValue } }

  public static func += (left: inout ErrorCounts, right: ErrorCounts) {
    for (type, count) in right.counts { left[type] += count }
  }

  public static func -= (left: inout ErrorCounts, right: ErrorCounts) {
    for (type, count) in right.counts { left[type] -= count }
  }

  /// The larger number of each type.
  public func union(_ other: ErrorCounts) -> ErrorCounts {
    var union = self
    for (type, count) in other.counts { union[type] = max(union[type], count) }
    return union
  }
}

/// What was wrong at a directory when it was visited last.
public struct DirectoryErrors: Sendable, Equatable {
  /// Of its entries: those that could not be looked at, and those that the rules reject.
  public var entries: ErrorCounts
  /// Why the directory itself could not be read, or not to its end; its entries' errors are then those of
  /// earlier visits, too. `timestampOutOfRange`: it was read, and its own times are not as its row has them.
  public var unread: ScanErrorType?

  public init(entries: ErrorCounts = ErrorCounts(), unread: ScanErrorType? = nil) {
    self.entries = entries
    self.unread = unread
  }

  public var isEmpty: Bool { entries.isEmpty && unread == nil }

  /// Both together.
  public var all: ErrorCounts {
    var all = entries
    if let unread { all[unread] += 1 }
    return all
  }
}
