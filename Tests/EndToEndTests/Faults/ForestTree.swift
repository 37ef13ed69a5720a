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

  /// Adds, edits, removes, renames and replaces, other files and directories each time, never more than a few in a
  /// hundred.
  ///
  /// - Returns: how many files' rows are gone from their places.
  func change() throws -> Int {
    generation += 1
    var gone = 0
    for index in stride(from: generation % 7, to: directories, by: 14) { gone += try change(directory: index) }
    try tree.directory("new \(generation)")
    for file in 0..<files { try tree.file("new \(generation)/\(file)", bytes: 5) }
    return gone
  }

  private func change(directory index: Int) throws -> Int {
    guard !felled.contains(index / 10) else { return 0 }
    let path = tree.path(Self.path(index))
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    try tree.file("\(Self.path(index))/added \(generation)", bytes: generation)
    guard names.count > 3 else { return 0 }
    try edit("\(path)/\(names[1])")
    try FileManager.default.removeItem(atPath: "\(path)/\(names[0])")
    return 1
  }

  private func edit(_ path: String) throws {
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    defer { try? file.close() }  // Written already.
    try file.seekToEnd()
    try file.write(contentsOf: Array("edited".utf8))
  }

  /// Removes a whole directory of the root's with all below it.
  ///
  /// - Returns: how many files that was.
  func fell(grove: Int) throws -> Int {
    let path = tree.path("grove \(grove)")
    let files = try FileManager.default.subpathsOfDirectory(atPath: path).count { $0.contains("/") }
    try FileManager.default.removeItem(atPath: path)
    felled.insert(grove)
    return files
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
