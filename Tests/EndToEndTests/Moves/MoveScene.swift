import Foundation
import TestSupport
import Testing

/// A library that has been scanned once, whose files are known by their rows' ids.
struct MoveScene {
  let rescan: Rescan
  var tree: TestTree { rescan.tree }
  private var database: TestDatabase { rescan.deployment.database }

  /// - Parameter files: relative to the root, each of another size and time; their directories are made.
  init(_ files: [String], inMemory: Bool = false) throws {
    let tree = try TestTree(inMemory: inMemory)
    for (index, path) in files.enumerated() {
      try Self.directories(above: path, in: tree)
      try tree.file(path, bytes: index)
    }
    rescan = try Rescan(tree)
  }

  init(_ rescan: Rescan) { self.rescan = rescan }

  private static func directories(above path: String, in tree: TestTree) throws {
    var path = path[...]
    var missing: [Substring] = []
    while let slash = path.lastIndex(of: "/") {
      path = path[..<slash]
      missing.append(path)
    }
    for directory in missing.reversed() where access(tree.path(String(directory)), F_OK) != 0 {
      try tree.directory(String(directory))
    }
  }

  /// The id of each live file, by its path.
  func ids() throws -> [String: Int64] {
    let rows = try database.query("SELECT id, path_text FROM catalog_files WHERE removed_at IS NULL")
    return Dictionary(
      try rows.map { row in
        let fields = row.split(separator: "\t", maxSplits: 1)
        return (String(fields[1]), try #require(Int64(fields[0])))
      }, uniquingKeysWith: { first, _ in first })
  }

  func move(_ path: String, to other: String) throws {
    guard rename(tree.path(path), tree.path(other)) == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
  }

  /// Two files change places.
  func exchange(_ path: String, _ other: String) throws {
    try move(path, to: "\(path).aside")
    try move(other, to: path)
    try move("\(path).aside", to: other)
  }

  func remove(_ path: String) { unlink(tree.path(path)) }

  /// What `changes` tells of a scan: what became of which path, sorted.
  func changes(_ scan: ScanResult) throws -> [String] {
    struct Change: Decodable {
      let change: String
      let kind: String
      let path: String
      let from_path: String?
    }
    let json = try rescan.deployment.succeed(["changes", "\(scan.id)", "--json"])
    return try JSONDecoder().decode([Change].self, from: Data(json.utf8)).map { change in
      "\(change.change) " + (change.from_path.map { "\($0) -> " } ?? "") + change.path
    }.sorted()
  }

  /// Scans, and expects rows and counters to be exactly the tree's.
  ///
  /// - Parameters:
  ///   - ids: of all files, by their paths, which the scan must leave; a negative one stands for any new one.
  ///   - changes: all that it must tell, sorted.
  @discardableResult
  func expectScan(
    ids expected: [String: Int64], changes: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> ScanResult {
    let before = try ids()
    let known = try everyID()
    let scan = try rescan.scan()
    let after = try ids()
    #expect(Set(after.keys) == Set(expected.keys), sourceLocation: sourceLocation)
    for (path, id) in after {
      guard let wanted = expected[path] else { continue }
      if wanted < 0 {
        #expect(!known.contains(id), "\(path) has the id of another file", sourceLocation: sourceLocation)
      } else {
        #expect(id == wanted, "\(path) has not the id that it should have", sourceLocation: sourceLocation)
      }
    }
    #expect(try self.changes(scan) == changes, sourceLocation: sourceLocation)
    try expectExact(
      scan, added: scan.filesAdded, updated: scan.filesUpdated, moved: scan.filesMoved, removed: scan.filesRemoved,
      rescan, sourceLocation: sourceLocation)
    #expect(
      Int64(before.count) + scan.filesAdded - scan.filesRemoved == Int64(after.count), sourceLocation: sourceLocation)
    return scan
  }

  private func everyID() throws -> Set<Int64> {
    Set(try database.query("SELECT id FROM files").compactMap { Int64($0) })
  }
}
