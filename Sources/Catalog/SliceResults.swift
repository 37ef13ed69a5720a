import ScanModel

/// What a slice found out about a directory whose row an earlier commit had made.
public struct VisitedDirectory: Sendable, Equatable {
  public let id: Int64
  public let attributes: FileAttributes
  /// Entries that are no directories; `nil` where the listing did not reach its end, or one of them
  /// could not be looked at.
  public let files: Int64?
  public let bytes: Int64?
  /// `nil` leaves the row's as it is.
  public let isBoundary: Bool?
  /// `nil` where anything in it is unsettled.
  public let signature: DirectorySignature?
  public let errors: DirectoryErrors

  public init(
    id: Int64, attributes: FileAttributes, files: Int64?, bytes: Int64?, isBoundary: Bool? = nil,
    signature: DirectorySignature? = nil, errors: DirectoryErrors = DirectoryErrors()
  ) {
    self.id = id
    self.attributes = attributes
    self.files = files
    self.bytes = bytes
    self.isBoundary = isBoundary
    self.signature = signature
    self.errors = errors
  }
}

/// What a walked slice commits beside the rows that it has sent.
public struct SliceResults: Sendable, Equatable {
  /// Under the layout `category/course`: directories of the root, and directories of those.
  public var categoriesFound: Int64 = 0
  public var coursesFound: Int64 = 0
  /// Entries that the rules pass over in silence.
  public var entriesIgnored: Int64 = 0
  public var directoriesSeen: Int64 = 0
  /// New rows, and tombstones that live again.
  public var filesAdded: Int64 = 0
  public var filesUpdated: Int64 = 0
  public var filesUnchanged: Int64 = 0
  public var bytesSeen: Int64 = 0
  public var errors = SliceErrors()
  public var visited: [VisitedDirectory] = []
  /// Live files that are not what they were.
  public var updates = FileChanges()
  /// Tombstones that live again.
  public var revivals = FileChanges()
  /// Of the updates those under whose names there was another file before, as that was.
  public var lost = LostFiles()
  /// Of the updates and revivals those that may be files which were elsewhere before. New rows are noted as they are
  /// sent.
  public var found = FileChanges()
  /// Directories whose tombstones live again.
  public var revivedDirectories: [Int64] = []
  /// Directories whose names are those of links that lead to them, and such as were and are so no more.
  public var followed: [Int64] = []
  public var unfollowed: [Int64] = []
  /// Directories that are known and lie elsewhere now, and others that take or leave their places.
  public var moves = DirectoryMoves()
  /// Rows whose names are confirmed to be gone, to be staged.
  public var missing = MissingRows()
  /// Staged by this scan before, and there again.
  public var unstagedDirectories: [Int64] = []
  public var unstagedFiles: [Int64] = []
  /// Live files that this scan has changed before, and that have changed once more.
  public var amendments = FileChanges()
  /// Files that this scan itself has added, and that are gone again.
  public var passing = MissingRows()
  /// Directories that were known before and in which something stays unsettled: their signatures go.
  public var unsettled: [Int64] = []
  /// Directories that were known before, were gone when the walk came to them, and are back: nobody has listed them.
  public var unlisted: [Int64] = []
  /// Directories of this scan that were gone when they were opened or before they were listed, and of which an earlier
  /// commit or this slice has sent rows.
  public var vanished: [Int64] = []
  /// What the slice has found at the root and at mount points, and is not on record for its host.
  public var mounts: [MountFinding] = []
  /// Directories that are no mount points any more.
  public var unmounted: [Int64] = []
  /// Ids of the directories still to visit, the first to be visited first.
  public var frontier: [Int64] = []

  public init() {}

  /// Rows of new directories were sent.
  public var hasNewDirectories = false

  /// Whether the catalogue's directories, or what lies in them, are not what they were. Nothing changes in one without
  /// its row.
  public var hasChanges: Bool {
    hasNewDirectories || !visited.isEmpty || !moves.isEmpty || !revivedDirectories.isEmpty || missing.count > 0
      || !unlisted.isEmpty
  }

  public var filesSeen: Int64 { filesAdded + filesUpdated + filesUnchanged }
  public var entries: Int64 { directoriesSeen + filesSeen }
}
