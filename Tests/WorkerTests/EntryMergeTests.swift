import Catalog
import ScanModel
import Testing

@testable import Worker

extension CataloguedEntries {
  fileprivate init(_ rows: [(String, FileKind)]) {
    self.init()
    for (index, (name, kind)) in rows.enumerated() {
      Array(name.utf8).withUnsafeBytes { append(id: Int64(index), directory: 1, name: $0, .some(kind)) }
    }
  }
}

/// What a listing and rows come to, such as `+unknown`, `-missing`, `!excluded`, `=` for what is in both, and `?` for
/// what could not be looked at.
private func merged(_ entries: DirectoryEntries, _ rows: [(String, FileKind)]) -> [String] {
  let page = CataloguedEntries(rows)
  var merge = EntryMerge(entries)
  var found: [String] = []
  func name(_ row: CataloguedEntries.Entry) -> String { page.withName(of: row) { String(decoding: $0, as: UTF8.self) } }
  func note(_ finding: EntryMerge.Finding) {
    switch finding {
    case .unknown(let entry): found.append("+" + entries.text(entry))
    case .both(let entry, let row): found.append("=\(entries.text(entry))\(row.isDirectory ? "/" : "")")
    case .missing(let row): found.append("-\(name(row))\(row.isDirectory ? "/" : "")")
    case .excluded(let row): found.append("!\(name(row))\(row.isDirectory ? "/" : "")")
    case .kept: found.append("?")
    }
  }
  for row in page.entries { page.withName(of: row) { merge.meet(row, name: $0, note) } }
  merge.finish(note)
  return found
}

@Suite struct EntryMergeTests {
  @Test func `what is on one side only is unknown or missing, files and directories alike`() throws {
    let entries = try DirectoryEntries([
      ("b", .some(), .plain), ("d", .some(.directory), .plain), ("e", .some(.directory), .boundary),
    ])
    #expect(
      merged(entries, [("a", .file), ("b", .file), ("c", .directory), ("d", .directory), ("f", .symlink)])
        == ["-a", "=b", "-c/", "=d/", "+e", "-f"])
    #expect(merged(entries, []) == ["+b", "+d", "+e"])
    #expect(merged(try DirectoryEntries([]), [("a", .file), ("b", .directory)]) == ["-a", "-b/"])
  }

  @Test func `of two rows of one name the one of the entry's sort is met, whichever comes first`() throws {
    let directory = try DirectoryEntries([("a", .some(.directory), .plain), ("b", .some(), .plain)])
    #expect(merged(directory, [("a", .file), ("a", .directory)]) == ["-a", "=a/", "+b"])
    let file = try DirectoryEntries([("a", .some(), .plain)])
    #expect(merged(file, [("a", .file), ("a", .directory)]) == ["=a", "-a/"])
    #expect(merged(file, [("a", .directory)]) == ["-a/", "+a"])
  }

  @Test func `what is rejected is excluded, what could not be looked at is kept, and neither is unknown`() throws {
    let entries = try DirectoryEntries([
      ("a", .unknown, .rejected), ("b", .unknown, .unreadable), ("c", .some(.directory), .followed),
    ])
    #expect(
      merged(entries, [("a", .file), ("b", .file), ("b", .directory), ("c", .file), ("c", .directory)])
        == ["!a", "?", "?", "!c", "=c/"])
    #expect(merged(entries, []) == ["+c"])
  }
}
