import Catalog
import ScanModel
import Testing

@testable import Worker

extension FileAttributes {
  static func some(_ kind: FileKind = .file, size: Int64 = 1, inode: UInt64 = 1) -> FileAttributes {
    FileAttributes(
      kind: kind, mode: 0o644, size: size, device: 1, inode: inode, mtime_ns: 10, ctime_ns: 20, btime_ns: 5)
  }
}

extension DirectoryEntries {
  convenience init(_ names: [(String, FileAttributes, Entry.Sort)]) throws {
    self.init()
    for (name, attributes, sort) in names {
      Array(name.utf8).withUnsafeBytes { append(name: $0, attributes, sort) }
    }
    try sort()
  }

  func text(_ entry: Entry) -> String { withName(of: entry) { String(decoding: $0, as: UTF8.self) } }

  var inOrder: [String] { (0..<count).map { text(self[$0]) } }
}

extension KnownFiles {
  init(_ rows: [(String, FileAttributes)]) {
    self.init()
    for (index, (name, attributes)) in rows.enumerated() {
      Array(name.utf8).withUnsafeBytes { append(id: Int64(index), directory: 1, name: $0, attributes) }
    }
  }
}

/// What a listing and rows come to, such as `+new`, `~changed`, `-missing` and `=` for each that is unchanged.
private func merged(_ entries: DirectoryEntries, _ rows: [(String, FileAttributes)]) -> [String] {
  let page = KnownFiles(rows)
  var merge = SortedMerge(entries)
  var found: [String] = []
  func note(_ finding: SortedMerge.Finding) {
    switch finding {
    case .new(let entry): found.append("+" + entries.text(entry))
    case .changed(let entry, let file): found.append("~\(entries.text(entry)) \(file.id)")
    case .unchanged: found.append("=")
    case .missing(let file): found.append("-" + page.withName(of: file) { String(decoding: $0, as: UTF8.self) })
    case .excluded(let file): found.append("!" + page.withName(of: file) { String(decoding: $0, as: UTF8.self) })
    }
  }
  for file in page.files { page.withName(of: file) { merge.meet(file, name: $0, note) } }
  merge.finish(note)
  return found
}

@Suite struct SortedMergeTests {
  @Test func `what is only in the listing is new, and what is only in the rows is missing`() throws {
    let entries = try DirectoryEntries([("b", .some(), .plain), ("d", .some(), .plain), ("e", .some(), .plain)])
    #expect(
      merged(entries, [("a", .some()), ("b", .some()), ("c", .some()), ("d", .some()), ("f", .some())])
        == ["-a", "=", "-c", "=", "+e", "-f"])
    #expect(merged(entries, []) == ["+b", "+d", "+e"])
    #expect(merged(try DirectoryEntries([]), [("a", .some())]) == ["-a"])
  }

  @Test func `what the rules reject is not new, and a row of it is excluded`() throws {
    let entries = try DirectoryEntries([("a", .unknown, .rejected), ("b", .unknown, .rejected), ("c", .some(), .plain)])
    #expect(merged(entries, [("b", .some()), ("c", .some())]) == ["!b", "="])
    #expect(merged(entries, []) == ["+c"])
  }

  @Test func `any attribute that differs makes a change, the device none`() throws {
    let changes: [(inout FileAttributes) -> Void] = [
      { $0.kind = .symlink }, { $0.size = 2 }, { $0.mtime_ns = 0 }, { $0.ctime_ns = 0 }, { $0.btime_ns = nil },
      { $0.inode = 2 }, { $0.mode = 0 },
    ]
    for change in changes {
      var other = FileAttributes.some()
      change(&other)
      #expect(merged(try DirectoryEntries([("a", other, .plain)]), [("a", .some())]) == ["~a 0"])
    }
    var remounted = FileAttributes.some()
    remounted.device = 9
    #expect(merged(try DirectoryEntries([("a", remounted, .plain)]), [("a", .some())]) == ["="])
  }

  @Test func `a name that could not be looked at is neither missing nor changed nor new`() throws {
    let entries = try DirectoryEntries([("a", .some(size: 7), .unreadable), ("b", .some(), .unreadable)])
    #expect(merged(entries, [("a", .some())]) == [])
  }

  @Test func `a file whose name a directory has now is missing, and the directory is no new file`() throws {
    let entries = try DirectoryEntries([("a", .some(.directory), .plain), ("m", .some(.directory), .boundary)])
    #expect(merged(entries, [("a", .some()), ("m", .some())]) == ["-a", "-m"])
    #expect(merged(entries, []) == [])
    #expect(merged(entries, [("z", .some())]) == ["-z"])
  }

  @Test func `names are ordered by their unsigned bytes, a shorter one first`() throws {
    let names = ["é", "a", "aaaaaaaa", "aaaaaaaab", "aaaaaaa", "Z", "~", "aaaaaaaaa", "\u{10ffff}", "a b", "ab"]
    let entries = try DirectoryEntries(names.map { ($0, .some(), .plain) })
    #expect(entries.inOrder == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(merged(entries, entries.inOrder.map { ($0, .some()) }) == names.map { _ in "=" })
  }

  @Test func `a file's name that a listing repeats is taken once`() throws {
    let entries = try DirectoryEntries([
      ("b", .some(size: 3), .plain), ("a", .some(), .plain), ("b", .some(size: 3), .plain),
      ("b", .some(size: 3), .plain),
    ])
    #expect(entries.inOrder == ["a", "b"])
    #expect(entries.files == 2)
    #expect(entries.bytes == 4)
  }

  @Test func `a repeated name of a directory cannot be told`() {
    for other in [FileKind.directory, .file] {
      #expect(throws: DirectoryEntries.Ambiguous.self) {
        try DirectoryEntries([("b", .some(.directory), .plain), ("a", .some(), .plain), ("b", .some(other), .plain)])
      }
    }
  }
}
