import Catalog
import Foundation
import ScanModel
import TestSupport
import Testing

/// A scanned tree in which directories are moved before it is scanned again. Which row is which directory or file is
/// told by the inodes, which the tree's file system never gives twice.
final class MovingTree {
  let scanned: RescannedTree
  private var ids: [String: String] = [:]

  init(rules: LibraryRules = LibraryRules(), _ make: (TestTree) throws -> Void) throws {
    scanned = try RescannedTree(rules: rules, make)
    try scanned.scan()
    ids = try liveIDs()
  }

  /// Of everything that is live: its sort and inode, and its id.
  private func liveIDs() throws -> [String: String] {
    let rows = try scanned.database.query(
      """
      SELECT 'f' || inode, id FROM files WHERE removed_at IS NULL
      UNION ALL SELECT 'd' || inode, id FROM directories WHERE removed_at IS NULL
      """)
    return Dictionary(
      uniqueKeysWithValues: rows.map { $0.split(separator: "\t").map(String.init) }.map { ($0[0], $0[1]) })
  }

  func move(_ from: String, _ to: String) {
    #expect(rename(scanned.tree.path(from), scanned.tree.path(to)) == 0, "\(from) to \(to)")
  }

  func exchange(_ one: String, _ other: String) {
    move(one, "exchanged")
    move(other, one)
    move("exchanged", other)
  }

  /// A scan after which the catalogue is the tree, and each row is that of the directory or file that it was.
  func expectMoved(
    _ moved: Int, added: Int64 = 0, updated: Int64 = 0, unchanged: Int64, removed: Int64 = 0,
    _ mischief: RescannedTree.Mischief = .init(), sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let counters = try scanned.scan(mischief)
    #expect(
      counters == .init(added: added, updated: updated, unchanged: unchanged, removed: removed),
      sourceLocation: sourceLocation)
    try expectRight(moved, sourceLocation: sourceLocation)
  }

  func expectRight(_ moved: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let differences = try scanned.differences()
    #expect(differences == [], sourceLocation: sourceLocation)
    #expect(
      try scanned.database.query("SELECT directories_moved FROM scans ORDER BY id DESC LIMIT 1") == ["\(moved)"],
      sourceLocation: sourceLocation)
    #expect(try scanned.database.query("SELECT * FROM staged_removals") == [], sourceLocation: sourceLocation)
    #expect(
      try scanned.database.query("SELECT id FROM directories WHERE get_byte(name || '\\x01', 0) = 0") == [],
      sourceLocation: sourceLocation)
    let now = try liveIDs()
    for (inode, id) in now {
      if let before = ids[inode] { #expect(id == before, "\(inode)", sourceLocation: sourceLocation) }
    }
    ids = now
  }

  /// What the last scan has moved, as `from > to`.
  func changes() throws -> [String] {
    let catalog = Catalog(
      url: scanned.database.url, applicationName: "test", deadline: .seconds(60), logger: .init(label: "test"))
    let last = try #require(Int64(scanned.database.query("SELECT max(id) FROM scans")[0]))
    let scan = try #require(try catalog.scan(ScanID(last)))
    var lines: [String] = []
    try catalog.eachChange(of: scan) { change in
      guard case .moved(let from) = change.change else { return }
      #expect(change.kind == .directory)
      lines.append("\(String(decoding: from, as: UTF8.self)) > \(String(decoding: change.path, as: UTF8.self))")
    }
    return lines.sorted()
  }
}
