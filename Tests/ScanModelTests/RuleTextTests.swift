import ScanModel
import TestSupport
import Testing

/// Extensions and sizes as people write them.
@Suite struct RuleTextTests {
  @Test(arguments: [
    ("mp4", ["mp4"]), ("mp4,pdf", ["mp4", "pdf"]), ("pdf,mp4", ["mp4", "pdf"]), (".mp4,..PDF", ["mp4", "pdf"]),
    (" mp4 , pdf ", ["mp4", "pdf"]), ("mp4,MP4,.mp4", ["mp4"]), (".all", ["all"]), ("É", ["É"]), ("a b", ["a b"]),
  ])
  func `extensions are lowered, sorted and once there`(text: String, list: [String]) throws {
    #expect(try RuleChanges.Extensions(parsing: text) == .only(list))
  }

  @Test func `all takes the rule of extensions away`() throws {
    #expect(try RuleChanges.Extensions(parsing: "all") == .all)
  }

  @Test(arguments: [
    ("", 1, "write mp4,pdf"), (",", 1, "write"), ("mp4,", 5, "write"), ("mp4,,pdf", 5, "write"), (",mp4", 1, "write"),
    ("mp4, ,pdf", 6, "write"), (".", 2, "write"), ("mp4,all", 5, "stands alone"), ("tar.gz", 4, "last dot"),
    ("*.mp4", 2, "last dot"), ("mp4,*", 5, "no glob"), ("é,a/b", 4, "slash"), ("a\0", 2, "NUL"),
    ("mp4.", 4, "last dot"),
  ])
  func `a bad extension is refused, showing where`(text: String, position: Int, words: String) throws {
    let error = try #require(throws: RuleError.self) { try RuleChanges.Extensions(parsing: text) }
    #expect(error.position == position && error.problem.contains(words) && error.text == text, "\(error)")
  }

  @Test func `extensions are limited in number and length`() throws {
    let many = (0...1000).map { "x\($0)" }
    #expect(throws: Never.self) { try RuleChanges.Extensions(parsing: many.dropLast().joined(separator: ",")) }
    let error = #expect(throws: RuleError.self) {
      try RuleChanges.Extensions(parsing: many.joined(separator: ","))
    }
    #expect(error?.problem == "there are 1001; a library has at most 1000")
    #expect(throws: RuleError.self) { try RuleChanges.Extensions(parsing: String(repeating: "x", count: 255)) }
  }

  @Test(
    arguments: [
      ("0", 0), ("1024", 1024), ("1B", 1), ("2GiB", 2_147_483_648), ("2 GiB", 2_147_483_648), ("2gib", 2_147_483_648),
      ("500MB", 500_000_000), ("500mb", 500_000_000), ("1.5 GiB", 1_610_612_736), ("0.5KiB", 512), ("1kB", 1000),
      ("1.1KiB", 1126), ("0.1 MB", 100_000), ("007KB", 7000), ("7.999999999999999999EiB", .max - 1),
      ("9223372036854775807", .max), ("9.2 EB", 9_200_000_000_000_000_000), ("0.000000000000000001EB", 1),
    ] as [(String, Int64)])
  func `sizes are exact`(text: String, bytes: Int64) throws {
    #expect(try ByteSize.parse(text) == bytes)
  }

  @Test(
    arguments: [
      ("", 1, "begins with a number"), ("GiB", 1, "begins with a number"), ("-1", 1, "begins"), ("+1", 1, "begins"),
      (" 1", 1, "begins"), (".5 GiB", 1, "begins"), ("١GB", 1, "begins"), ("5\u{301}GB", 1, "begins"),
      ("1.5 GoB", 5, "no such unit"),
      ("1.", 2, "no digit"), ("1..5KB", 2, "no digit"), ("1.5.5KB", 4, "no such unit"), ("2G", 2, "write which"),
      ("2 k", 3, "write which"), ("1,5 GB", 2, "with a dot"), ("1e9", 2, "no such unit"), ("0x10", 2, "no such unit"),
      ("1.5", 2, "no parts of a byte"), ("1.5B", 2, "no parts of a byte"), ("1 GB ", 3, "no such unit"),
      ("1.0000000000000000001GB", 3, "more than 18 digits"), ("8EiB", nil, "more than"), ("9.3EB", nil, "more than"),
      ("9223372036854775808", nil, "more than"), ("99999999999999999999999 KiB", nil, "more than"),
    ] as [(String, Int?, String)])
  func `what is no size is refused, showing where`(text: String, position: Int?, words: String) throws {
    let error = try #require(throws: RuleError.self) { try ByteSize.parse(text) }
    #expect(error.position == position && error.problem.contains(words) && error.text == text, "\(error)")
  }

  @Test func `a size that is shown reads back as the same`() throws {
    #expect(ByteSize.format(0) == "0 B" && ByteSize.format(1_610_612_736) == "1536 MiB")
    #expect(ByteSize.format(500_000_000) == "500 MB" && ByteSize.format(2_147_483_649) == "2147483649 B")
    var random = SeededRandom(seed: 13)
    for bits in 0..<63 {
      for bytes in [Int64(1) << bits, Int64.random(in: 0...(1 << bits), using: &random)] {
        #expect(try ByteSize.parse(ByteSize.format(bytes)) == bytes)
      }
    }
  }
}
