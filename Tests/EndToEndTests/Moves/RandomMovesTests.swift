import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Trees that change at random: a model of which file is which decides which id is whose, not the product.
  @Suite struct RandomMovesTests {
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `each file keeps its id whatever becomes of its name`(seed: UInt64) throws {
      var model = FileModel(seed: seed)
      let names = model.names
      let tree = try TestTree()
      for directory in FileModel.directories { try tree.directory(directory) }
      for name in names.prefix(names.count / 2) { try model.make(name, in: tree) }
      let scene = try MoveScene(Rescan(tree))
      for round in 0..<4 {
        let (files, ids) = (model.files, try scene.ids())
        for _ in 0..<25 { try model.change(tree) }
        let scan = try scene.rescan.scan()
        try expectExact(
          scan, added: scan.filesAdded, updated: scan.filesUpdated, moved: scan.filesMoved, removed: scan.filesRemoved,
          scene.rescan)
        let after = try scene.ids()
        #expect(Int64(ids.count) + scan.filesAdded - scan.filesRemoved == Int64(after.count))
        #expect(Set(after.values).count == after.count)
        let wrong = model.wrongIDs(from: files, ids, to: after)
        #expect(wrong == [], "seed \(seed), round \(round)")
        model.settle()
      }
    }
  }
}

/// Which file lies under which name. A file is the same for as long as it is neither removed nor, since the last scan,
/// moved and edited.
private struct FileModel {
  static let directories = ["a", "b", "b/c"]

  private var random: SeededRandom
  private var next = 0
  private var edited: Set<Int> = []
  /// Numbers of the files, by their paths.
  private(set) var files: [String: Int] = [:]
  let names = directories.flatMap { directory in (0..<8).map { "\(directory)/\($0)" } }

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func make(_ path: String, in tree: TestTree) throws {
    next += 1
    // Where there is one it is another file from now on.
    unlink(tree.path(path))
    try tree.file(path, bytes: next)
    files[path] = next
  }

  /// Makes, removes, edits, renames or exchanges a file, often over another.
  mutating func change(_ tree: TestTree) throws {
    let (path, other) = (names.randomElement(using: &random)!, names.randomElement(using: &random)!)
    guard let file = files[path] else { return try make(path, in: tree) }
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      unlink(tree.path(path))
      files[path] = nil
    case 1:
      truncate(tree.path(path), 10_000 + file)
      edited.insert(file)
    case 2:
      guard let second = files[other], path != other else { return }
      rename(tree.path(path), tree.path("aside"))
      rename(tree.path(other), tree.path(path))
      rename(tree.path("aside"), tree.path(other))
      (files[path], files[other]) = (second, file)
    default:
      guard path != other else { return }
      rename(tree.path(path), tree.path(other))
      (files[path], files[other]) = (nil, file)
    }
  }

  mutating func settle() { edited = [] }

  /// The names that have not the ids that they should have after a scan.
  func wrongIDs(from before: [String: Int], _ ids: [String: Int64], to after: [String: Int64]) -> [String] {
    let places = Dictionary(uniqueKeysWithValues: before.map { ($1, $0) })
    let isThere = Set(files.filter { path, file in places[file] == path || !edited.contains(file) }.values)
    return files.compactMap { path, file in
      guard let id = after[path] else { return "\(path) is not there" }
      if isThere.contains(file), let place = places[file] {
        return id == ids[place] ? nil : "\(path) was \(place) and has not its id"
      }
      // A new file keeps the id of the name's, unless that lives on elsewhere.
      if let old = before[path], !isThere.contains(old) { return id == ids[path] ? nil : "\(path) has lost its id" }
      return ids.values.contains(id) ? "\(path) has another one's id" : nil
    }
  }
}
