import Foundation
import TestSupport

/// A tree of many small directories that a test can change between scans, and that knows how many files it
/// has lost. In memory: what it lies on does not matter.
final class ForestTree {
  private let tree: TestTree
  var root: String { tree.root }
  private let directories: Int
  private let files: Int
  private var generation = 0
  /// Directories of the root's that are gone.
  private(set) var felled: Set<Int> = []

  /// - Parameters:
  ///   - directories: of `files` files each, ten in each directory of the root.
  init(directories: Int = 200, files: Int = 40) throws {
    tree = try TestTree(inMemory: true)
    self.directories = directories
    self.files = files
    for index in 0..<directories {
      if index % 10 == 0 { try tree.directory(Self.grove(index)) }
      try plant(index)
    }
  }

  private static func grove(_ index: Int) -> String { "grove \(index / 10)" }
  private static func path(_ index: Int) -> String { "\(grove(index))/tree \(index)" }

  private func plant(_ index: Int) throws {
    try tree.directory(Self.path(index))
    for file in 0..<files { try tree.file("\(Self.path(index))/leaf \(file)", bytes: file) }
  }

  /// Adds, edits, removes, renames, exchanges, overwrites, chmods and replaces, other files and directories each time,
  /// never more than a few in a hundred.
  ///
  /// - Returns: how many files are gone, with those that others were moved over.
  func change() throws -> Int {
    generation += 1
    var gone = 0
    for index in stride(from: generation % 7, to: directories, by: 14) where !felled.contains(index / 10) {
      gone += try change(directory: index)
    }
    if generation > 1 { gone += try replaceByLink("new \(generation - 1)") }
    try tree.directory("new \(generation)")
    for file in 0..<files { try tree.file("new \(generation)/\(file)", bytes: 5) }
    return gone
  }

  private func change(directory index: Int) throws -> Int {
    let directory = Self.path(index)
    let path = tree.path(directory)
    let leaves = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != Self.changeling }.sorted()
    try tree.file("\(directory)/added \(generation)", bytes: generation)
    let gone = try change(changeling: "\(directory)/\(Self.changeling)")
    guard leaves.count > 7 else { return gone }
    unlink("\(path)/\(leaves[0])")
    try edit("\(path)/\(leaves[1])")
    rename("\(path)/\(leaves[2])", "\(path)/renamed \(generation)")
    chmod("\(path)/\(leaves[3])", generation % 2 == 0 ? 0o600 : 0o640)
    for (from, to) in [("\(leaves[4])", "aside"), ("\(leaves[5])", "\(leaves[4])"), ("aside", "\(leaves[5])")] {
      rename("\(path)/\(from)", "\(path)/\(to)")
    }
    rename("\(path)/\(leaves[6])", "\(path)/\(leaves[7])")
    if generation % 3 == 0 { chmod(path, generation % 2 == 0 ? 0o700 : 0o750) }
    return gone + 2
  }

  /// What is a file, then a directory, then a link to one, then a file again.
  private static let changeling = "changeling"

  private func change(changeling: String) throws -> Int {
    let path = tree.path(changeling)
    switch try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType {
    case .typeRegular:
      unlink(path)
      try tree.directory(changeling)
      try tree.file("\(changeling)/inside", bytes: generation)
      return 1
    case .typeDirectory:
      return try replaceByLink(changeling)
    case .typeSymbolicLink:
      unlink(path)
      try tree.file(changeling)
      return 0
    default:
      try tree.file(changeling, bytes: 1)
      return 0
    }
  }

  private func edit(_ path: String) throws {
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    defer { try? file.close() }  // Written already.
    try file.seekToEnd()
    try file.write(contentsOf: Array("edited".utf8))
  }

  /// Moves a directory out of the tree, and leaves a link to it.
  ///
  /// - Returns: how many files that takes away.
  private func replaceByLink(_ directory: String) throws -> Int {
    let path = tree.path(directory)
    let gone = try Self.files(below: path)
    let away = tree.outside("\(generation) \(directory.replacing("/", with: " "))")
    rename(path, away)
    try tree.symlink(directory, to: away)
    return gone
  }

  private static func files(below path: String) throws -> Int {
    let keys: [URLResourceKey] = [.isDirectoryKey]
    guard let all = FileManager.default.enumerator(at: URL(filePath: path), includingPropertiesForKeys: keys) else {
      throw Broken(description: "cannot list \(path)")
    }
    // Of a link this tells what it is, not what it leads to.
    return try all.reduce(0) { count, url in
      guard let url = url as? URL else { return count }
      return try count + (url.resourceValues(forKeys: Set(keys)).isDirectory == true ? 0 : 1)
    }
  }

  /// Removes a whole directory of the root's with all below it.
  ///
  /// - Returns: how many files that was.
  func fell(grove: Int) throws -> Int {
    let path = tree.path("grove \(grove)")
    let files = try Self.files(below: path)
    try FileManager.default.removeItem(atPath: path)
    felled.insert(grove)
    return files
  }

  /// Removes every file of the first so many directories of an unchanged tree; the directories stay.
  ///
  /// - Returns: how many files that was.
  func strip(_ count: Int) throws -> Int {
    for index in 0..<count {
      for file in 0..<files { unlink(tree.path("\(Self.path(index))/leaf \(file)")) }
    }
    return count * files
  }

  /// Makes a directory that was removed anew, under its old names.
  func plant(grove: Int) throws {
    felled.remove(grove)
    try tree.directory(Self.grove(grove * 10))
    for index in grove * 10..<min(grove * 10 + 10, directories) { try plant(index) }
  }

  func directory(_ path: String) throws { try tree.directory(path) }
  func file(_ path: String, bytes: Int = 0) throws { try tree.file(path, bytes: bytes) }
}
