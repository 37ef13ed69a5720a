import Catalog
import ScanModel
import Testing

@Suite struct ReadOnlyTests {
  @Test func `through a catalogue that is read only nothing can be written`() throws {
    let database = try TestDatabase()
    _ = try database.catalog().addLibrary(name: "x", rootPath: "/x", rules: LibraryRules())
    let catalog = Catalog(
      url: database.url, applicationName: "CatalogTests", deadline: .seconds(60), isReadOnly: true, logger: quietLogger)
    let library = try #require(try catalog.library(named: "x"))
    let refused = failure { () throws(CatalogError) in
      try catalog.addLibrary(name: "y", rootPath: "/y", rules: LibraryRules())
    }
    #expect(refused?.sqlState == "25006", "\(String(describing: refused))")
    // The connection that was thrown away is made anew, and no other.
    #expect(try catalog.library(named: "y") == nil)
    let again = failure { () throws(CatalogError) in
      try catalog.cancelScan(of: library.id, by: nil, through: .cli)
    }
    #expect(again?.sqlState == "25006", "\(String(describing: again))")
  }

  @Test func `pages of files and directories together miss nothing, and twins of a name come in order`() throws {
    let database = try TestDatabase()
    let library = try database.catalog().addLibrary(name: "x", rootPath: "/x", rules: LibraryRules())
    let admin = database.connection()
    let root = try admin.number("SELECT root_directory FROM libraries")
    // Every name is a file's and a directory's, but for a tombstone; twice 8,192 rows and some.
    try admin.query(
      """
      INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan,
                         changed_scan, removed_at)
      SELECT $1, n, $2, convert_to(lpad(n::text, 5, '0'), 'UTF8'), 'f', n, 0, 0, n, 0, 1, 1, CASE n WHEN 7 THEN now() END
        FROM generate_series(1, 9001) n
      """, [.int64(library.rawValue), .int64(root)])
    try admin.query(
      """
      INSERT INTO directories (library_id, id, parent_id, name, inode, mode, mtime_ns, ctime_ns, first_scan)
      SELECT $1, 1000000 + n, $2, convert_to(lpad(n::text, 5, '0'), 'UTF8'), n, 0, 0, 0, 1 FROM generate_series(1, 9001) n
      """, [.int64(library.rawValue), .int64(root)])
    let catalog = database.catalog()
    let rows = LibraryRows(of: try #require(try catalog.library(named: "x")), in: catalog)
    var after = LibraryRows.Place()
    var found: [Int64] = []
    var isLast = false
    while !isLast {
      let page: CataloguedEntries
      (page, isLast) = try rows.entries(of: [root], after: &after)
      found += page.entries.map(\.id)
    }
    let expected = (1...9001).flatMap { (n: Int64) -> [Int64] in n == 7 ? [1_000_007] : [n, 1_000_000 + n] }
    #expect(found == expected)
    #expect(try rows.files(below: root) == 9000)
    let named = try rows.entries(named: [Array("00009".utf8), Array("00007".utf8), Array("x".utf8)], in: root)
    #expect(named.entries.map(\.id) == [1_000_007, 9, 1_000_009])
    #expect(named.entries.map(\.isDirectory) == [true, false, true])
    #expect(try rows.descendants(of: [root], limit: 10).count == 10)
  }
}
