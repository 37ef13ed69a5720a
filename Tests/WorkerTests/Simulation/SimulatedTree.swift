import Catalog
import ScanModel
import TestSupport

/// A library's tree as its seed gives it. Directories are numbered and named by their numbers; 0 is the root.
struct SimulatedTree {
  struct Directory {
    var children: [Int] = []
    let files: Int64
    let bytes: Int64
  }

  /// Visiting a directory kills the worker.
  struct Poisoned: Error {}

  private(set) var directories: [Directory] = []
  private(set) var poisonous: Set<Int> = []

  init(using random: inout SeededRandom) {
    // Some trees are chains, some are stars, most lie between.
    let reach = [1, 3, 1_000].randomElement(using: &random) ?? 1
    for number in 0..<Int.random(in: 1...150, using: &random) {
      let files = Int64.random(in: 0...20, using: &random)
      directories.append(Directory(files: files, bytes: files * Int64.random(in: 0...1_000, using: &random)))
      guard number > 0 else { continue }
      directories[Int.random(in: max(0, number - reach)..<number, using: &random)].children.append(number)
    }
  }

  /// Makes some directories kill every worker that visits them.
  mutating func poison(_ count: Int, using random: inout SeededRandom) {
    for _ in 0..<count { poisonous.insert(Int.random(in: 0..<directories.count, using: &random)) }
  }

  /// What a worker can see: nothing of a poisonous directory, nor below it.
  var visible: (directories: Int64, files: Int64, bytes: Int64, leftOut: Set<Int>) {
    var seen: (directories: Int64, files: Int64, bytes: Int64, leftOut: Set<Int>) = (0, 0, 0, [])
    var stack = [0]
    while let number = stack.popLast() {
      if poisonous.contains(number) {
        seen.leftOut.insert(number)
        continue
      }
      seen.directories += 1
      seen.files += directories[number].files
      seen.bytes += directories[number].bytes
      stack += directories[number].children
    }
    return seen
  }

  /// Visits a claimed frontier, at least one directory of it, until `entries` are seen.
  func walk(
    _ frontier: SliceFrontier, entries: Int64, sending send: (_ name: [UInt8], _ parent: Int64) throws -> Int64
  ) throws -> SliceResults {
    var numbers = Dictionary(uniqueKeysWithValues: frontier.directories.map { ($0.id, Self.number($0.name)) })
    let known = Set(frontier.visits)
    var results = SliceResults()
    var stack = Array(frontier.visits.reversed())
    while let id = stack.last, results.entries == 0 || results.entries < entries {
      stack.removeLast()
      let number = numbers[id] ?? 0
      if poisonous.contains(number) { throw Poisoned() }
      let directory = directories[number]
      results.directoriesSeen += 1
      results.filesAdded += directory.files
      results.bytesSeen += directory.bytes
      if known.contains(id) {
        results.visited.append(
          VisitedDirectory(id: id, attributes: .directory, files: directory.files, bytes: directory.bytes))
      }
      for child in directory.children {
        let found = try send(Array("\(child)".utf8), id)
        numbers[found] = child
        stack.append(found)
      }
    }
    results.frontier = stack.reversed()
    return results
  }

  /// The root has no name.
  static func number(_ name: [UInt8]) -> Int { Int(String(decoding: name, as: UTF8.self)) ?? 0 }
}

extension FileAttributes {
  static let directory = FileAttributes(
    kind: .directory, mode: 0o40755, size: 4096, device: 1, inode: 2, mtime_ns: 3, ctime_ns: 4, btime_ns: nil)
}
