import Catalog
import Glibc
import ScanModel
import TestSupport
import Testing

@testable import FileTree
@testable import Worker

/// What a slice keeps of the errors that it meets.
@Suite struct ErrorRowsTests {
  typealias Counters = RescannedTree.Counters
  typealias Mischief = RescannedTree.Mischief

  private static let denied = WalkFailure.Cause.system(SystemError(operation: .stat, errno: EACCES))
  private static let root: Int64 = 1

  /// The rows of a slice whose transaction is open; without any that are known, but for those of earlier scans.
  private static func rows(_ rescanned: RescannedTree? = nil) throws -> (rows: ErrorRows, tree: RescannedTree) {
    let tree = try rescanned ?? RescannedTree { try $0.file("a") }
    return (ErrorRows(known: tree.catalog.knownRows(for: try tree.walk().claim)), tree)
  }

  @Test func `what failed in a directory that goes while it is listed makes no error`() throws {
    var (rows, tree) = try Self.rows()
    rows.begin(1, known: DirectoryErrors())
    #expect(try rows.note(WalkFailure(path: [1], directory: 1, isEntry: true, cause: Self.denied)))
    #expect(try !rows.note(WalkFailure(path: [1], directory: 2, isEntry: true, cause: Self.denied)))
    rows.drop()
    #expect(try rows.finish([:]) == SliceErrors())
    withExtendedLifetime(tree) {}
  }

  @Test func `a directory that the rules do not let in any more leaves its errors behind`() throws {
    var (rows, tree) = try Self.rows()
    let errors = DirectoryErrors(entries: [.ioError: 2, .oversized: 1], unread: .permissionDenied)
    rows.leave(KnownDirectory(id: 7, errors: errors))
    rows.leave(KnownDirectory(id: 8))
    let left = try rows.finish([:])
    #expect(left.changes == [.ioError: -2, .oversized: -1, .permissionDenied: -1])
    #expect(left.healed == [7])
    #expect(left.rows.isEmpty && left.reread.isEmpty && left.resolved.isEmpty)
    withExtendedLifetime(tree) {}
  }

  @Test func `of a type no more than a thousand failures are told, and all are counted, also in a rescan`() throws {
    let rescanned = try RescannedTree(rules: LibraryRules(extensions: ["mp4"])) { tree in
      try tree.directory("d")
      for index in 0..<20_000 { try tree.file("d/\(index).tmp") }
      try tree.file("d/f.mp4")
    }
    var told = 0
    let counting = Mischief(told: { _ in told += 1 })
    #expect(try rescanned.scan(counting) == Counters(status: "partial", added: 1))
    #expect(told == 1_000)
    #expect(try rescanned.totals(1) == "20000: invalid_extension 20000")
    let (state, ids) = (try rescanned.errorState(), try rescanned.ids(1))
    #expect(ids.count == 1_000)
    told = 0
    #expect(try rescanned.scan(counting) == Counters(status: "partial", unchanged: 1))
    // Those that are rows already are met again, and for as many more there would be room in this slice.
    #expect(told <= 2_000)
    #expect(try rescanned.totals(2) == "20000: invalid_extension 20000")
    #expect(try rescanned.errorState() == state)
    #expect(try rescanned.ids(2) == ids)
  }

  @Test func `what is only counted is there nevertheless`() throws {
    // There is room for the rows of one of them at most, whichever comes first.
    let rescanned = try RescannedTree { tree in
      for directory in ["a", "b"] {
        try tree.directory(directory)
        for index in 0..<1_500 { try tree.file("\(directory)/\(index)") }
      }
    }
    try rescanned.scan()
    let before = try rescanned.database.query("SELECT id, changed_scan, removed_at FROM files ORDER BY id")
    let directories = [try rescanned.directory("a"), try rescanned.directory("b")]
    let scan = try rescanned.walk(Mischief(failing: { _ in Self.denied }))
    #expect(scan.results.missing.count == 0)
    let visited = scan.results.visited.filter { directories.contains($0.id) }
    #expect(visited.count == 2 && visited.allSatisfy { $0.signature == nil })
    #expect(try rescanned.finish(try rescanned.catalog.commit(scan.claim, scan.results)).removed == 0)
    #expect(try rescanned.totals(2) == "3000: permission_denied 3000")
    #expect(try rescanned.database.query("SELECT id, changed_scan, removed_at FROM files ORDER BY id") == before)
    // A directory in which nothing but what is only counted failed.
    var (rows, tree) = try Self.rows()
    rows.begin(Self.root, known: DirectoryErrors())
    for index in 0..<1_000 {
      #expect(try rows.note(WalkFailure(path: Array("\(index)".utf8), directory: 1, isEntry: true, cause: Self.denied)))
    }
    _ = try rows.listed(isComplete: true)
    rows.begin(2, known: DirectoryErrors())
    let counted = try Array("x".utf8).withUnsafeBytes { (name) throws(CatalogError) in
      [
        try rows.count(.permissionDenied, of: name, in: 1), try rows.count(.oversized, of: name, in: 2),
        try rows.count(.permissionDenied, of: name, in: 2),
      ]
    }
    #expect(counted == [false, false, true], "of another directory, with room, without")
    #expect(try rows.listed(isComplete: true) == DirectoryErrors(entries: [.permissionDenied: 1]))
    withExtendedLifetime(tree) {}
  }

  @Test func `an error that is counted only is not resolved where it has a row`() throws {
    let rescanned = try RescannedTree { tree in
      for directory in ["a", "b"] {
        try tree.directory(directory)
        for index in 0..<1_500 { try tree.file("\(directory)/\(index)") }
        try tree.file("\(directory)/x")
      }
    }
    func failing(_ names: @escaping ([UInt8]) -> Bool) -> Mischief {
      Mischief(failing: { names($0) ? Self.denied : nil })
    }
    try rescanned.scan(failing { $0 == [UInt8(ascii: "x")] })
    let before = try rescanned.ids(1)
    try rescanned.scan(failing { _ in true })
    #expect(try rescanned.totals(2) == "3002: permission_denied 3002")
    let after = Set(try rescanned.ids(2))
    #expect(before.count == 2 && after.isSuperset(of: before))
    #expect(try rescanned.database.query("SELECT 1 FROM errors WHERE resolved_scan IS NOT NULL") == [])
  }

  @Test func `directories that wait for their rows keep no more bytes of their errors than there is room for`() throws {
    var (rows, tree) = try Self.rows()
    for directory in Int64(1)...200 {
      let path = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000) + Array("/\(directory)".utf8)
      let cause = WalkFailure.Cause.system(SystemError(operation: .open, errno: EACCES))
      rows.note(unsent: directory, WalkFailure(path: path, directory: directory, isEntry: false, cause: cause))
    }
    // What is kept was chosen when it was met: in whatever order the rows are sent, it is of the first ones.
    for directory in (Int64(1)...200).reversed() {
      #expect(rows.sent(directory) == DirectoryErrors(unread: .permissionDenied))
    }
    let errors = try rows.finish([:])
    #expect(errors.changes == [.permissionDenied: 200])
    #expect(errors.rows.map(\.place) == (1...11).reversed().map { .directory($0) })
    withExtendedLifetime(tree) {}
  }

  @Test func `errors that are met again are taken off in place`() throws {
    let rescanned = try RescannedTree { tree in
      for index in 0..<100 { try tree.file("\(index)") }
    }
    try rescanned.scan(Mischief(failing: { _ in Self.denied }))
    let root = try #require(Int64(try rescanned.database.query("SELECT root_directory FROM libraries")[0]))
    var (rows, tree) = try Self.rows(rescanned)
    rows.begin(root, known: DirectoryErrors(entries: [.permissionDenied: 100]))
    var storages: Set<UInt> = []
    for index in 0..<100 {
      let name = Array("\(index)".utf8)
      #expect(try rows.note(WalkFailure(path: name, directory: root, isEntry: true, cause: Self.denied)))
      let unmet = try #require(rows.listing?.unmet)
      #expect(unmet.ids.count == 99 - index)
      // A dictionary is a reference to its storage; a copy has another one.
      storages.insert(withUnsafeBytes(of: unmet.rows) { $0.load(as: UInt.self) })
    }
    #expect(storages.count == 1)
    #expect(try rows.listed(isComplete: true) == DirectoryErrors(entries: [.permissionDenied: 100]))
    #expect(try rows.finish([:]) == SliceErrors(), "nothing is new, and nothing resolved")
    withExtendedLifetime(tree) {}
  }
}
