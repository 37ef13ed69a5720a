import PostgresClient
import ScanModel

/// The names of directories on the ways to some files, as they were at a time: as many as are of use, not as many as
/// a library has.
struct DirectoryNames {
  private struct Directory {
    /// `nil` for the root.
    let parent: Int64?
    let name: [UInt8]
  }

  /// When there are more, they are forgotten before the next are loaded.
  private static let mostDirectories = 16_384

  private let library: PostgresParameter
  private let scan: PostgresParameter
  private var directories: [Int64: Directory] = [:]

  /// - Parameter scan: they are named and lie as they did before it; as they do now, where no scan is so young.
  init(library: PostgresParameter, before scan: ScanID) {
    self.library = library
    self.scan = .int64(scan.rawValue)
  }

  /// Loads those that are not known yet, with all above them, in one query.
  mutating func load(_ wanted: [Int64], on connection: PostgresConnection) throws(PostgresError) {
    if directories.count > Self.mostDirectories { directories = [:] }
    let unknown = Set(wanted.filter { directories[$0] == nil })
    guard !unknown.isEmpty else { return }
    let rows = try connection.execute(Statements.directoriesThen, [library, .int64Array(unknown.sorted()), scan])
    for row in rows {
      directories[try row.int64(0)] = Directory(parent: try row.optionalInt64(1), name: try row.bytes(2))
    }
  }

  /// Relative to the root.
  func path(of name: [UInt8], in directory: Int64) throws(PostgresError) -> [UInt8] {
    var names = [name]
    var next: Int64? = directory
    while let id = next {
      guard let above = directories[id] else { throw .decoding("directory \(id) of a changed file is not known") }
      guard names.count <= directories.count else { throw .decoding("directory \(id) lies in itself") }
      if above.parent != nil { names.append(above.name) }
      next = above.parent
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}
