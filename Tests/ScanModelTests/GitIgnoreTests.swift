import Foundation
import ScanModel
import TestSupport
import Testing

/// Globs against git itself: random ones on one random tree, by seed.
///
/// Where git differs from its manual the manual counts: git takes `a**/b` for an `a` and then any number of levels,
/// so that `ab` is ignored too, because it cuts literal text off before it looks for `**`. Such globs are left out.
@Suite struct GitIgnoreTests {
  /// Of places, those that git ignores.
  struct Git {
    let directory: TemporaryDirectory
    let places: [String]
    let directories: Set<String>

    /// - Parameter places: a directory before what is in it; one with nothing in it becomes a file.
    init(_ places: [String]) throws {
      directory = try TemporaryDirectory(inMemory: true)
      self.places = places
      directories = Set(places.map { String($0.dropLast($0.split(separator: "/").last?.count ?? 0).dropLast()) })
      _ = try run(["init", "-q"])
      for place in places {
        let path = directory.appending(place)
        if directories.contains(place) {
          try #require(mkdir(path, 0o700) == 0, "\(place)")
        } else {
          let file = open(path, O_CREAT | O_WRONLY, 0o600)
          try #require(file >= 0, "\(place)")
          close(file)
        }
      }
    }

    func ignored(by globs: [String]) throws -> Set<String> {
      let lines = globs.map { ($0.hasPrefix("#") ? "\\" + $0 : $0) + "\n" }.joined()
      try Data(lines.utf8).write(to: URL(filePath: directory.appending(".git/info/exclude")))
      let input = places.joined(separator: "\0") + "\0"
      let ended = try run(["check-ignore", "--no-index", "--stdin", "-z"], input: Array(input.utf8))
      return Set(ended.text.split(separator: "\0").map(String.init))
    }

    private func run(_ words: [String], input: [UInt8] = []) throws -> ChildProcess.Ended {
      let environment = ["GIT_CONFIG_NOSYSTEM": "1", "HOME": directory.path, "GIT_CONFIG_GLOBAL": "/dev/null"]
      let ended = try ChildProcess(
        ["git", "-C", directory.path, "-c", "safe.directory=*"] + words, environment: environment, input: input
      ).wait()
      // 1 is for nothing ignored.
      try #require(ended.code <= 1, "\(ended.errors)")
      return ended
    }
  }

  private static let pieces = [
    "a", "b", "ab", "a", "b", "x", "*", "*", "?", "/", "/", "**", "**/", "/**", "/**/", "[ab]", "[!a]", "[^b]", "[a-c]",
    "[]a]", "[a-]", "[[:alpha:]]", "[![:space:]]", "[/]", "[a/]", "\\a", "\\*", "\\", " ", "\\ ", "#", "!", ".", "é",
    "[é]", "-", "]", "[", "\t",
  ]

  static func glob(_ random: inout SeededRandom) -> String {
    let length = Int.random(in: 1...6, using: &random)
    let body = (0..<length).map { _ in pieces.randomElement(using: &random) ?? "a" }.joined()
    let negation = Int.random(in: 0..<4, using: &random) == 0 ? "!" : ""
    let end = Int.random(in: 0..<5, using: &random) == 0 ? "/" : ""
    return negation + body + end
  }

  /// A directory's children come after it, so that they can be made in this order.
  static func tree(_ random: inout SeededRandom) -> [String] {
    let names = [
      "a", "b", "ab", "ba", "x", "abc", "*", "a b", "a ", "#", "!", "é", "]", "-", ".a", "\t", "\\", "[", "a]",
    ]
    var places: [String] = []
    var open = [""]
    while let parent = open.popLast(), places.count < 250 {
      let depth = parent.split(separator: "/").count
      for name in names.shuffled(using: &random).prefix(Int.random(in: 4...9, using: &random)) {
        places.append(parent + name)
        if depth < 3, Bool.random(using: &random) { open.insert(parent + name + "/", at: 0) }
      }
    }
    return places
  }

  /// Whether the first wildcard is a run of stars behind literal text.
  static func isAmbiguous(_ glob: String) -> Bool {
    let path = glob.drop { $0 == "!" }.drop { $0 == "/" }
    guard path.contains("/"), let first = path.firstIndex(where: { "*?[\\".contains($0) }), first > path.startIndex
    else { return false }
    return path[first...].hasPrefix("**") && path[path.index(before: first)] != "/"
  }

  @Test(arguments: 0..<16) func `globs ignore what git ignores`(batch: UInt64) throws {
    var random = SeededRandom(seed: batch)
    let places = Self.tree(&random)
    let git = try Git(places)
    for round in 0..<25 {
      let given = (0..<Int.random(in: 1...8, using: &random)).map { _ in Self.glob(&random) }
        .filter { !Self.isAmbiguous($0) }
      let rules = try EntryRules(LibraryRules(ignore: given.filter { problem(with: $0) == nil }))
      // What is refused matches nothing in git.
      let ignored = try git.ignored(by: given)
      for place in places {
        let isDirectory = git.directories.contains(place)
        let isIgnored = rules.isIgnored(path: Array(place.utf8), isDirectory: isDirectory)
        #expect(isIgnored == ignored.contains(place), "seed \(batch), round \(round): \(given) on \(place)")
      }
    }
  }
}
