import PostgresClient
import ScanModel
import Testing

@testable import Catalog

@Suite struct LibraryTests {
  @Test func `a library is found by name and by root, with its rules and its last scan`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    let rules = LibraryRules(oneFilesystem: true, queue: "slow", maxParallel: 7)
    let id = try catalog.addLibrary(name: "Lehr-Material ü", rootPath: "/srv/über media", rules: rules)
    let second = try catalog.addLibrary(name: "b", rootPath: "/srv/b", rules: LibraryRules())
    _ = try catalog.admit(ScanRequest(target: .name("b")), through: .cli)

    let library = try #require(try catalog.library(named: "Lehr-Material ü"))
    #expect(library.id == id)
    #expect(library.rootPath == "/srv/über media")
    #expect(library.rules == rules)
    #expect(!library.isRemoving)
    #expect(library.lastScan == nil)
    #expect(try catalog.library(rootPath: "/srv/über media")?.id == id)
    #expect(try catalog.library(rootPath: "/srv/b")?.lastScan?.status == .pending)
    #expect(try catalog.library(named: "nothing") == nil)
    #expect(try catalog.libraries().map(\.id) == [second, id])
  }

  @Test func `a name or a root that is taken is refused, and nothing is left of the attempt`() throws {
    let database = try TestDatabase()
    let catalog = database.catalog()
    _ = try catalog.addLibrary(name: "a", rootPath: "/a", rules: LibraryRules())
    let name = failure { () throws(CatalogError) in
      try catalog.addLibrary(name: "a", rootPath: "/b", rules: LibraryRules())
    }
    guard case .libraryNameTaken("a") = name else {
      Issue.record("\(String(describing: name))")
      return
    }
    let root = failure { () throws(CatalogError) in
      try catalog.addLibrary(name: "b", rootPath: "/a", rules: LibraryRules())
    }
    guard case .libraryRootTaken("/a") = root else {
      Issue.record("\(String(describing: root))")
      return
    }
    #expect(try catalog.libraries().count == 1)
    #expect(try partitions(database) == ["directories_1", "files_1", "scan_changes_1"])
    // The connection is good, and the next number of a library need not be the next one.
    _ = try catalog.addLibrary(name: "b", rootPath: "/b", rules: LibraryRules())
  }

  @Test(arguments: ["", "a/b", "a\nb", "a\u{7F}"])
  func `a name that would not do in a path or a line is refused`(_ name: String) throws {
    let database = try TestDatabase()
    let error = failure { () throws(CatalogError) in
      try database.catalog().addLibrary(name: name, rootPath: "/a", rules: LibraryRules())
    }
    #expect(error?.sqlState == "23514")
  }

  @Test func `libraries are added at once side by side`() throws {
    let database = try TestDatabase()
    let ids = try onThreads(6) { index in
      try database.catalog().addLibrary(name: "l\(index)", rootPath: "/\(index)", rules: LibraryRules())
    }
    #expect(Set(ids).count == 6)
    #expect(try partitions(database).count == 18)
  }

  @Test func `of several adders of one name one wins`() throws {
    let database = try TestDatabase()
    let added = try onThreads(6) { index in
      failure { () throws(CatalogError) in
        try database.catalog().addLibrary(name: "l", rootPath: "/\(index)", rules: LibraryRules())
      } == nil
    }
    #expect(added.count { $0 } == 1)
  }

  @Test func `readers of one library do not keep another from being added`() throws {
    let database = try TestDatabase()
    _ = try database.catalog().addLibrary(name: "a", rootPath: "/a", rules: LibraryRules())
    let reader = database.connection()
    try reader.begin()
    try reader.query("SELECT count(*) FROM catalog_files")
    _ = try database.catalog(deadline: .seconds(10)).addLibrary(name: "b", rootPath: "/b", rules: LibraryRules())
    reader.rollback()
  }
}

/// The leaves of the partitioned tables, attached or not.
func partitions(_ database: TestDatabase) throws -> [String] {
  try database.connection().texts(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(files|directories|scan_changes)_[0-9]' ORDER BY 1"
  )
}
