import PostgresClient

/// Where a directory lies, or lay.
public struct DirectoryPlace: Sendable, Hashable {
  public let parent: Int64
  public let name: [UInt8]

  public init(parent: Int64, name: [UInt8]) {
    self.parent = parent
    self.name = name
  }

  /// What the directory's row has in place of its name while another directory has that: no file system has such a
  /// name, and none of two directories has the same.
  public func vacated(by directory: Int64) -> DirectoryPlace {
    let id = withUnsafeBytes(of: directory.bigEndian) { Array($0) }
    return DirectoryPlace(parent: parent, name: [0] + id + given)
  }

  /// The name, also where it is vacated.
  private var given: [UInt8] { name.first == 0 ? Array(name.dropFirst(9)) : name }
}

/// Rows of directories that a slice's commit moves. All that do not stay where they are are vacated before the first
/// takes its place, so that places can be exchanged.
public struct DirectoryMoves: Sendable, Equatable {
  private struct Move: Sendable, Equatable {
    let id: Int64
    let from: DirectoryPlace
    let to: DirectoryPlace
    /// Earlier scans knew it: this is a change of the scan.
    let isKnown: Bool
    let inode: UInt64?
  }

  private var moves: [Move] = []
  /// Those that are to be vacated, with their places.
  private var vacated: [(id: Int64, from: DirectoryPlace)] = []
  /// Those that others must not have moved.
  private var kept: [(id: Int64, from: DirectoryPlace)] = []

  public init() {}

  public static func == (left: DirectoryMoves, right: DirectoryMoves) -> Bool {
    left.moves == right.moves && left.vacated.map(\.id) == right.vacated.map(\.id)
      && left.vacated.map(\.from) == right.vacated.map(\.from) && left.kept.map(\.id) == right.kept.map(\.id)
  }

  /// - Parameters:
  ///   - known: ids of directories that earlier scans knew, with their rows' places, those that they have now, and
  ///     their rows' inodes.
  ///   - displaced: directories whose places are taken, and of which nobody knows where they are.
  ///   - kept: directories that are others than before and keep their rows, with their places.
  ///   - new: directories of this slice whose rows were sent without their names, with their places.
  public init(
    known: [Int64: (from: DirectoryPlace, to: DirectoryPlace, inode: UInt64?)], displaced: [Int64: DirectoryPlace],
    kept: [Int64: DirectoryPlace], new: [Int64: DirectoryPlace]
  ) {
    let taken = Set(known.values.map(\.to) + new.values)
    self.kept = kept.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    vacated += displaced.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    for (id, move) in known.sorted(by: { $0.key < $1.key }) {
      let isTaken = taken.contains(move.from)
      if isTaken { vacated.append((id, move.from)) }
      moves.append(
        Move(
          id: id, from: isTaken ? move.from.vacated(by: id) : move.from, to: move.to, isKnown: true, inode: move.inode))
    }
    for (id, place) in new.sorted(by: { $0.key < $1.key }) {
      moves.append(Move(id: id, from: place.vacated(by: id), to: place, isKnown: false, inode: nil))
    }
  }

  public var isEmpty: Bool { moves.isEmpty && vacated.isEmpty }
  var vacatedCount: Int { vacated.count }
  var keptCount: Int { kept.count }
  var count: Int { moves.count }

  /// Directories into which others are moved.
  var parents: [Int64] { Set(moves.map(\.to.parent)).sorted() }

  /// Some of the vacated as columns: id, parent, name.
  func vacated(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = vacated[range]
    return [.int64Array(rows.map(\.id)), .int64Array(rows.map(\.from.parent)), .bytesArray(rows.map(\.from.name))]
  }

  /// Some of the kept as columns: id, parent, name.
  func kept(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = kept[range]
    return [.int64Array(rows.map(\.id)), .int64Array(rows.map(\.from.parent)), .bytesArray(rows.map(\.from.name))]
  }

  /// Some of the moves as columns: id, parent and name before, parent and name after, whether it is known, inode.
  func columns(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = moves[range]
    return [
      .int64Array(rows.map(\.id)), .int64Array(rows.map(\.from.parent)), .bytesArray(rows.map(\.from.name)),
      .int64Array(rows.map(\.to.parent)), .bytesArray(rows.map(\.to.name)),
      .int32Array(rows.map { $0.isKnown ? 1 : 0 }),
      .nullableInt64Array(rows.map { $0.inode.map(Int64.init(bitPattern:)) }),
    ]
  }
}
