import PostgresClient

/// The directories that a slice has still to visit, with all that lie above them, each once.
public struct SliceFrontier: Sendable, Equatable {
  public struct Directory: Sendable, Equatable {
    public let id: Int64
    /// `nil` for the root.
    public let parent: Int64?
    /// Empty for the root.
    public let name: [UInt8]
    /// What earlier scans knew of a directory to visit.
    public let known: KnownDirectory?
    /// Whether it was on another file system than its parent.
    public let isBoundary: Bool
    /// The name is a link's, which leads to the directory.
    public let isFollowed: Bool
    /// It could not be read when it was last visited; not told of the frontier of a slice.
    public let isClosed: Bool
    /// It was gone when the scan came to it, and is back; not told of the frontier of a slice.
    public let isUnlisted: Bool

    public init(
      id: Int64, parent: Int64?, name: [UInt8], known: KnownDirectory? = nil, isBoundary: Bool = false,
      isFollowed: Bool = false, isClosed: Bool = false, isUnlisted: Bool = false
    ) {
      self.id = id
      self.parent = parent
      self.name = name
      self.known = known
      self.isBoundary = isBoundary
      self.isFollowed = isFollowed
      self.isClosed = isClosed
      self.isUnlisted = isUnlisted
    }
  }

  /// In any order.
  public let directories: [Directory]
  /// Ids of the directories to visit, the first to be visited first.
  public let visits: [Int64]
  /// Those of the visits that the scan has listed before: what they hold is compared with that listing.
  public let again: Set<Int64>
  /// An earlier scan of the library has been at its root: what this one finds may be known from elsewhere.
  public let hasHistory: Bool

  public init(
    directories: [Directory] = [], visits: [Int64] = [], again: Set<Int64> = [], hasHistory: Bool = false
  ) {
    self.directories = directories
    self.visits = visits
    self.again = again
    self.hasHistory = hasHistory
  }

  /// The same chain, with other visits.
  public func visiting(_ visits: [Int64]) -> SliceFrontier {
    SliceFrontier(directories: directories, visits: visits, again: again, hasHistory: hasHistory)
  }
}

extension SliceFrontier {
  /// From where on a row tells what earlier scans knew.
  private static var knownColumn: Int { 5 }

  /// Decodes the rows of `slice_frontier`; or those of its first columns with whether it is a boundary, closed, and
  /// still to be listed (`directories_above`).
  init(_ rows: PostgresRows) throws(PostgresError) {
    var directories: [Directory] = []
    var places: [(place: Int64, id: Int64)] = []
    var again: Set<Int64> = []
    var hasHistory = false
    directories.reserveCapacity(rows.count)
    for row in rows {
      let id = try row.int64(0)
      // The boundary is never NULL, but where nothing is known.
      let tellsKnown = row.count > Self.knownColumn + 3
      let boundary = try row.optionalBoolean(tellsKnown ? Self.knownColumn + 6 : Self.knownColumn)
      let known = tellsKnown && boundary != nil ? try KnownDirectory(id: id, row, from: Self.knownColumn) : nil
      directories.append(
        Directory(
          id: id, parent: try row.optionalInt64(1), name: try row.bytes(2), known: known, isBoundary: boundary == true,
          isFollowed: try row.boolean(Self.knownColumn - 1),
          isClosed: tellsKnown ? false : try row.boolean(Self.knownColumn + 1),
          isUnlisted: tellsKnown ? false : try row.boolean(Self.knownColumn + 2)))
      if let place = try row.optionalInt64(3) { places.append((place, id)) }
      if tellsKnown, try row.optionalBoolean(Self.knownColumn + 14) == true { again.insert(id) }
      if tellsKnown, try row.optionalBoolean(Self.knownColumn + 15) == true { hasHistory = true }
    }
    places.sort { $0.place < $1.place }
    self.init(directories: directories, visits: places.map(\.id), again: again, hasHistory: hasHistory)
  }
}
