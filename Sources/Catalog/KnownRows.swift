import PostgresClient
import ScanModel

/// What the catalogue knows of what a slice walks, in the slice's own transaction: many directories in one
/// query each. The slot's thread owns it.
public final class KnownRows {
  /// Rows in one answer: some megabytes.
  private static let pageRows: Int64 = 8_192

  private let connection: PostgresConnection
  private let library: PostgresParameter
  private let scan: PostgresParameter

  init(claim: SliceClaim, connection: PostgresConnection) {
    self.connection = connection
    library = .int64(claim.library.rawValue)
    scan = .int64(claim.slice.scan.rawValue)
  }

  /// What earlier scans knew of one directory; `nil` where they knew none.
  public func directory(_ id: Int64) throws(CatalogError) -> KnownDirectory? {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(Statements.directoryKnown, [library, .int64(id), scan])
      return try rows.first.map { (row) throws(PostgresError) in try KnownDirectory(id: id, row, from: 3) }
    }
  }

  /// The live child directories of as many of the given ones as one answer holds, in their order: of the
  /// first at least.
  public func children(of parents: [Int64]) throws(CatalogError) -> [KnownChildren] {
    try wrap { () throws(PostgresError) in
      let replies = try connection.pipeline([
        childrenPage(of: parents, after: []), (Statements.childrenRemoved, [library, .int64Array(parents)]),
      ])
      var children = [KnownChildren](repeating: KnownChildren(), count: parents.count)
      var place = try Self.distribute(replies[0], parents, &children)
      var page = replies[0]
      while place == 0, page.count == Self.pageRows, let last = page.last {
        page = try execute(childrenPage(of: Array(parents.prefix(1)), after: try last.bytes(1)))
        place = try Self.distribute(page, parents, &children)
      }
      // Of the last one that a full answer names there may be more.
      if replies[0].count == Self.pageRows { children.removeSubrange(max(place, 1)...) }
      let removed = Set(try replies[1].map { (row) throws(PostgresError) in try row.int64(0) })
      for index in children.indices { children[index].hasRemoved = removed.contains(parents[index]) }
      return children
    }
  }

  private func childrenPage(of parents: [Int64], after name: [UInt8]) -> (PostgresStatement, [PostgresParameter]) {
    (Statements.childrenLive, [library, .int64Array(parents), .bytes(name), .int64(Self.pageRows)])
  }

  /// Appends each row to the children of its parent; the place of the last row's.
  private static func distribute(
    _ rows: PostgresRows, _ parents: [Int64], _ children: inout [KnownChildren]
  ) throws(PostgresError) -> Int {
    var place = 0
    for row in rows {
      let parent = try row.int64(0)
      while place < parents.count - 1, parents[place] != parent { place += 1 }
      let directory = try KnownDirectory(id: try row.int64(2), row, from: 3)
      try row.withBytes(1) { children[place].append(directory, name: $0) }
    }
    return place
  }

  /// When the youngest directory that the catalogue knows was born, in nanoseconds since 1970-01-01T00:00:00Z; `nil`
  /// where that is known of none.
  public func youngestBirth() throws(CatalogError) -> Int64? {
    try wrap { () throws(PostgresError) in
      try connection.execute(Statements.directoryYoungest, [library]).first.map { (row) throws(PostgresError) in
        try row.int64(0)
      }
    }
  }

  /// The live directories of earlier scans that have these inodes and birth times, by the places of what was given:
  /// two at most of each. None of them is a boundary, or has the name of a link. Where no birth time is given they have
  /// none either, and what they hold must tell whether they are the same: inodes are given again.
  public func directories(
    born identities: [(inode: UInt64, btime_ns: Int64?)]
  ) throws(CatalogError) -> [Int: [PlacedDirectory]] {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(
        Statements.directoriesBorn,
        [
          library, scan, .int64Array(identities.map { Int64(bitPattern: $0.inode) }),
          .nullableInt64Array(identities.map(\.btime_ns)),
        ])
      var found: [Int: [PlacedDirectory]] = [:]
      for row in rows {
        found[Int(try row.int64(0)) - 1, default: []].append(
          PlacedDirectory(
            place: DirectoryPlace(parent: try row.int64(1), name: try row.bytes(2)),
            directory: try KnownDirectory(id: try row.int64(3), row, from: 4)))
      }
      return found
    }
  }

  /// Names of what is known to lie in directories, by their ids: of each at most `limit` files' and as many
  /// directories', and of these none that a link leads to.
  public func names(in directories: [Int64], limit: Int) throws(CatalogError) -> [Int64: [KnownName]] {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(
        Statements.directoryNames, [library, .int64Array(directories), .int64(Int64(limit))])
      var found: [Int64: [KnownName]] = [:]
      for row in rows {
        found[try row.int64(0), default: []].append(
          KnownName(name: try row.bytes(1), isDirectory: try row.boolean(2)))
      }
      return found
    }
  }

  /// The directory of that name that was in the parent and is gone.
  public func removedDirectory(_ name: UnsafeRawBufferPointer, in parent: Int64) throws(CatalogError) -> Int64? {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(Statements.childRemoved, [library, .int64(parent), .bytes(Array(name))])
      return try rows.first.map { (row) throws(PostgresError) in try row.int64(0) }
    }
  }

  /// The next live files of directories, in the directories' order and by name, and whether there may be more.
  ///
  /// - Parameters:
  ///   - name: of the first directory, those after it.
  ///   - isMarked: tells what this scan has made of each before.
  public func files(
    of directories: ArraySlice<Int64>, after name: [UInt8], isMarked: Bool = false
  ) throws(CatalogError) -> (page: KnownFiles, isLast: Bool) {
    try wrap { () throws(PostgresError) in
      let page = [library, .int64Array(Array(directories)), .bytes(name), .int64(Self.pageRows)]
      let rows =
        isMarked
        ? try connection.execute(Statements.filesMarked, page + [scan])
        : try connection.execute(Statements.filesLive, page)
      return (try KnownFiles(rows), rows.count < Self.pageRows)
    }
  }

  /// Those of the directories that this scan has staged.
  public func staged(_ directories: [Int64]) throws(CatalogError) -> Set<Int64> {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(Statements.stagedDirectories, [scan, .int64Array(directories)])
      return Set(try rows.map { (row) throws(PostgresError) in try row.int64(0) })
    }
  }

  /// Those of the directories in which files were that are gone.
  public func directoriesWithRemovedFiles(_ directories: [Int64]) throws(CatalogError) -> Set<Int64> {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(Statements.filesRemoved, [library, .int64Array(directories)])
      return Set(try rows.map { (row) throws(PostgresError) in try row.int64(0) })
    }
  }

  /// The ids of files that were in a directory under these names and are gone, by the names' places.
  public func removedFiles(_ names: [[UInt8]], in directory: Int64) throws(CatalogError) -> [Int: Int64] {
    try wrap { () throws(PostgresError) in
      let rows = try connection.execute(Statements.tombstonesNamed, [library, .int64(directory), .bytesArray(names)])
      let pairs = try rows.map { (row) throws(PostgresError) in (Int(try row.int64(0)) - 1, try row.int64(1)) }
      return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Directories and all that lie above them.
  public func above(_ directories: [Int64]) throws(CatalogError) -> SliceFrontier {
    try wrap { () throws(PostgresError) in
      try SliceFrontier(connection.execute(Statements.directoriesAbove, [library, .int64Array(directories)]))
    }
  }

  /// The open errors of entries in the library, as far as they have rows, which is a bounded number.
  public func openErrors() throws(CatalogError) -> [KnownError] {
    try wrap { () throws(PostgresError) in
      try connection.execute(Statements.errorsOpen, [library]).map { (row) throws(PostgresError) in
        KnownError(
          id: try row.int64(0), directory: try row.int64(1), name: try row.bytes(2), type: try decode(try row.text(3)),
          message: try row.text(4))
      }
    }
  }

  private func execute(
    _ statement: (PostgresStatement, [PostgresParameter])
  ) throws(PostgresError) -> PostgresRows {
    try connection.execute(statement.0, statement.1)
  }
}

/// An entry of a directory.
public struct KnownName: Sendable, Equatable {
  public let name: [UInt8]
  public let isDirectory: Bool
}

/// A directory and where its row has it.
public struct PlacedDirectory: Sendable, Equatable {
  public let place: DirectoryPlace
  public let directory: KnownDirectory
}

/// An open error of an entry.
public struct KnownError: Sendable, Equatable {
  /// Of the row.
  public let id: Int64
  public let directory: Int64
  public let name: [UInt8]
  public let type: ScanErrorType
  public let message: String
}
