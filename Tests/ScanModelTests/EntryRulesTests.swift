import ScanModel
import Testing

@Suite struct EntryRulesTests {
  private func verdict(
    _ rules: LibraryRules, _ name: String, _ kind: FileKind = .file, size: Int64 = 0
  ) throws -> EntryVerdict {
    try verdict(rules, Array(name.utf8), kind, size: size)
  }

  private func verdict(
    _ rules: LibraryRules, _ name: [UInt8], _ kind: FileKind = .file, size: Int64 = 0
  ) throws -> EntryVerdict {
    let rules = try EntryRules(rules)
    return name.withUnsafeBytes { rules.verdict($0, kind: kind, size: size) }
  }

  @Test func `without rules everything is admitted`() throws {
    for kind in FileKind.allCases {
      #expect(try verdict(LibraryRules(), "x", kind, size: .max) == .admitted)
    }
  }

  @Test(arguments: [
    ("a.mp4", true), ("a.MP4", true), ("a.b.Mp4", true), ("a.tar.gz", true), (".x.mp4", true), ("..mp4", true),
    ("a. b", true), ("a.é", true), (".mp4", false), ("mp4", false), ("a.", false), ("a.mp45", false), ("a.mp", false),
    ("a.mp4.txt", false), ("a.mp4 ", false), ("a.É", false), ("a.tar", false), ("a.GZ", true), ("a.zzz", false),
    ("a.1", false),
  ])
  func `an extension is what follows the last dot, in whatever case of ASCII`(name: String, isAdmitted: Bool) throws {
    let rules = LibraryRules(extensions: ["pdf", "mp4", "gz", " b", "é"])
    #expect(try verdict(rules, name) == (isAdmitted ? .admitted : .rejected(.invalidExtension)), "\(name)")
  }

  @Test func `no extension is admitted where none is named, and names that are no UTF-8 are judged by their bytes`()
    throws
  {
    #expect(try verdict(LibraryRules(extensions: []), "a.mp4") == .rejected(.invalidExtension))
    #expect(try verdict(LibraryRules(extensions: ["mp4"]), [0xff, 0xfe] + Array(".mp4".utf8)) == .admitted)
    #expect(try verdict(LibraryRules(extensions: ["mp4"]), [0x61, 0x2e, 0xff]) == .rejected(.invalidExtension))
  }

  @Test func `the largest size is the last that is admitted, and the extension is judged first`() throws {
    let rules = LibraryRules(extensions: ["a"], maxSize: 10)
    #expect(try verdict(rules, "x.a", size: 10) == .admitted)
    #expect(try verdict(rules, "x.a", size: 11) == .rejected(.oversized))
    #expect(try verdict(rules, "x.b", size: 11) == .rejected(.invalidExtension))
    #expect(try verdict(LibraryRules(maxSize: 0), "x", size: 1) == .rejected(.oversized))
  }

  @Test func `only files are judged by extension and size`() throws {
    let rules = LibraryRules(extensions: [], maxSize: 0)
    for kind in FileKind.allCases where kind != .file {
      #expect(try verdict(rules, "x", kind, size: 1) == .admitted)
    }
  }

  @Test func `what is rejected can be ignored instead, and links too`() throws {
    let rules = LibraryRules(extensions: ["a"], maxSize: 0, symlinks: .skip, rejected: .skip)
    #expect(try verdict(rules, "x.b") == .ignored)
    #expect(try verdict(rules, "x.a", size: 1) == .ignored)
    #expect(try verdict(rules, "x.b", .symlink) == .ignored)
    for policy in [SymlinkPolicy.record, .follow] {
      #expect(try verdict(LibraryRules(symlinks: policy), "x", .symlink) == .admitted)
    }
  }

  @Test func `one cursor judges directory after directory, on bytes`() throws {
    var rules = DirectoryRules(try EntryRules(LibraryRules(ignore: ["/a/*.x", "b/**/c", "y?", "d/"])))
    func ignored(_ name: [UInt8], isDirectory: Bool = false) -> Bool {
      name.withUnsafeBytes { rules.isIgnored($0, isDirectory: isDirectory) }
    }
    let x = Array("q.x".utf8)
    let c = Array("c".utf8)
    #expect(!ignored(x) && !ignored(c))
    #expect(ignored([0x79, 0xff]) && !ignored([0x79, 0xc3, 0xa9]))
    #expect(ignored([0x64], isDirectory: true) && !ignored([0x64]))
    rules.begin(directory: Array("a".utf8))
    #expect(ignored(x) && ignored([0xff] + Array(".x".utf8)) && !ignored(c))
    rules.begin(directory: Array("b".utf8))
    #expect(!ignored(x) && ignored(c))
    rules.begin(directory: Array("b/\u{1}/z".utf8))
    #expect(ignored(c))
    rules.begin(directory: [0xff, 0x2f, 0x62])
    #expect(!ignored(c))
    rules.begin(directory: [])
    #expect(!ignored(c) && !ignored(x))
  }
}
