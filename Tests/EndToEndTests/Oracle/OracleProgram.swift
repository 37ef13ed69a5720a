import Foundation
import TestSupport

/// The oracle's parts that are no Swift, so that they share nothing with the product: Tests/Oracle.
enum OracleProgram {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Oracle")

  /// Makes the trees in round 0, and mutates them in later ones.
  static func grow(_ round: Int, _ trees: [(seed: Int, root: String)]) throws {
    try run("grow.py", ["\(round)"] + words(trees))
  }

  /// What `library set` is to be told before a round.
  struct RuleChange: Decodable {
    let seed: Int
    let flags: [String]
  }

  static func rules(before round: Int, of seeds: [Int]) throws -> [RuleChange] {
    try run("rules.py", ["flags", "\(round)"] + seeds.map { "\($0)" }).split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(RuleChange.self, from: Data($0))
    }
  }

  /// A script for psql(1) that says what the rules make of a listing, and which row is which.
  ///
  /// - Parameter directories: a file with a line for each live directory of the catalogue.
  static func judge(
    _ listing: [UInt8], _ round: Int, _ trees: [(seed: Int, root: String)], directories: String
  ) throws -> [UInt8] {
    try run("rules.py", ["judge", "\(round)", directories] + words(trees), input: listing)
  }

  /// Closes directories of a tree by chance, after files have come and gone in it; `open` is the round that opens all.
  static func shut(_ round: String, _ seed: Int, _ root: String) throws {
    try run("shut.py", [round, "\(seed)=\(root)"])
  }

  /// What a user may see of a tree: paths in hexadecimal, by what seen.py says of each.
  static func seen(of root: String, by user: OrdinaryUser) throws -> [String: Set<String>] {
    let lines = try run("seen.py", [root] + (user.number.map { [$0] } ?? []))
    var seen: [String: Set<String>] = [:]
    for line in String(decoding: lines, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      seen[String(words[0]), default: []].insert(String(words[1]))
    }
    return seen
  }

  private static func words(_ trees: [(seed: Int, root: String)]) -> [String] {
    trees.map { "\($0.seed)=\($0.root)" }
  }

  @discardableResult
  private static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
    // -B: no compiled files beside the sources.
    try TestSupport.run(["python3", "-B", path(program)] + arguments, input: input)
  }

  static func sql(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: folder.appending(path: "\(name).sql")))
  }

  /// A script for psql(1) that says whether so many scans of a round have ended: at once when they have, otherwise
  /// after some seconds.
  static func wait(for count: Int, _ round: Int) -> [UInt8] {
    Array(
      """
      DO $$ BEGIN
        FOR i IN 1 .. 500 LOOP
          EXIT WHEN (SELECT count(*) FROM scans WHERE request_id LIKE '%/\(round)' AND completed_at IS NOT NULL) >= \(count);
          PERFORM pg_sleep(0.02);
        END LOOP;
      END $$;
      SELECT count(*) >= \(count) FROM scans WHERE request_id LIKE '%/\(round)' AND completed_at IS NOT NULL;
      """.utf8)
  }

  /// A script for psql(1) that puts the rows of a COPY into an emptied table.
  static func copy(_ rows: [UInt8], into table: String) -> [UInt8] {
    Array("TRUNCATE \(table);\nCOPY \(table) FROM STDIN;\n".utf8) + rows + Array("\\.\nANALYZE \(table);\n".utf8)
  }

  /// A JSON document as a column of a COPY: its lines end between tokens.
  static func copied(_ document: [UInt8]) -> [UInt8] {
    var column: [UInt8] = []
    for byte in document {
      switch byte {
      case UInt8(ascii: "\\"): column += [byte, byte]
      case UInt8(ascii: "\n"): column.append(UInt8(ascii: " "))
      default: column.append(byte)
      }
    }
    return column
  }

  /// Where one of the programs lies.
  static func path(_ name: String) -> String { folder.appending(path: name).path }
}
