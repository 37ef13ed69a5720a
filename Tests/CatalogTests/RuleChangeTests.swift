import PostgresClient
import ScanModel
import Testing

@testable import Catalog

@Suite struct RuleChangeTests {
  private let database: TestDatabase
  private let catalog: Catalog

  init() throws {
    database = try TestDatabase()
    catalog = database.catalog()
    for name in ["a", "b"] {
      _ = try catalog.addLibrary(name: name, rootPath: "/\(name)", rules: LibraryRules(maxParallel: 3))
    }
  }

  private func version() throws -> Int64 {
    try database.connection().number("SELECT rules_version FROM libraries WHERE name = 'a'")
  }

  @Test func `only the named rules of the named library change`() throws {
    var changes = RuleChanges()
    changes.maxFilesPerSecond = .atMost(100)
    let set = try #require(try catalog.setRules(of: "a", changes))
    #expect(set.before == LibraryRules(maxParallel: 3))
    #expect(set.after == LibraryRules(maxParallel: 3, maxFilesPerSecond: 100))
    #expect(set.activeScan == nil)
    #expect(try catalog.library(named: "a")?.rules == set.after)
    #expect(try catalog.library(named: "b")?.rules == set.before)

    changes.maxFilesPerSecond = .unlimited
    #expect(try catalog.setRules(of: "a", changes)?.after == LibraryRules(maxParallel: 3))
    #expect(try catalog.setRules(of: "nobody", changes) == nil)
  }

  @Test func `only what decides what is admitted raises the version of the rules`() throws {
    let first = try version()
    var limits = RuleChanges()
    limits.queue = "q"
    limits.maxParallel = 1
    limits.maxFilesPerSecond = .atMost(1)
    limits.removalLimit = 0
    limits.removalLimitPercent = 0
    limits.oneFilesystem = false
    _ = try catalog.setRules(of: "a", limits)
    #expect(try version() == first)
    limits.oneFilesystem = true
    for _ in 1...2 { _ = try catalog.setRules(of: "a", limits) }
    #expect(try version() == first + 1)
  }

  /// One change after the other, each of what judges entries.
  private static var judging: [RuleChanges] {
    var all: [RuleChanges] = []
    func change(_ set: (inout RuleChanges) -> Void) {
      var changes = RuleChanges()
      set(&changes)
      all.append(changes)
    }
    change { $0.oneFilesystem = true }
    change { $0.layout = .categoryCourse }
    change { $0.extensions = .only(["pdf"]) }
    change { $0.extensions = .only([]) }
    change { $0.extensions = .all }
    change { $0.maxSize = .atMost(0) }
    change { $0.maxSize = .unlimited }
    change { $0.symlinks = .follow }
    change { $0.ignore = ["a", "b"] }
    change { $0.ignore = ["b", "a"] }
    change { $0.ignore = [] }
    change { $0.rejected = .skip }
    return all
  }

  @Test func `every rule that judges entries raises the version, once for each change`() throws {
    let first = try version()
    for (number, changes) in Self.judging.enumerated() {
      for _ in 1...2 { _ = try catalog.setRules(of: "a", changes) }
      #expect(try version() == first + Int64(number) + 1, "\(changes)")
    }
    var several = RuleChanges()
    several.layout = .flat
    several.symlinks = .record
    _ = try catalog.setRules(of: "a", several)
    #expect(try version() == first + Int64(Self.judging.count) + 1)
    #expect(try database.connection().number("SELECT rules_version FROM libraries WHERE name = 'b'") == first)
  }

  @Test func `a row of an earlier release is not judged anew because a rule is set to its default`() throws {
    let first = try version()
    try database.connection().query(
      "UPDATE libraries SET rules = jsonb_build_object('one_filesystem', false, 'queue', 'q', 'max_parallel', 2)")
    var standard = RuleChanges()
    standard.layout = .flat
    standard.extensions = .all
    standard.maxSize = .unlimited
    standard.symlinks = .record
    standard.ignore = []
    standard.rejected = .error
    let set = try #require(try catalog.setRules(of: "a", standard))
    #expect(set.before == set.after)
    #expect(try version() == first)
    standard.symlinks = .skip
    _ = try catalog.setRules(of: "a", standard)
    #expect(try version() == first + 1)
  }

  @Test func `a scan keeps the version that it began with, and the next has the new one`() throws {
    func versions() throws -> [String] {
      try database.connection().texts(
        "SELECT rules_version || ' ' || coalesce(rules->>'max_size', 'none') FROM scans ORDER BY id")
    }
    _ = try catalog.admit(ScanRequest(target: .name("a")), through: .cli)
    var changes = RuleChanges()
    changes.maxSize = .atMost(7)
    _ = try catalog.setRules(of: "a", changes)
    #expect(try versions() == ["1 none"])
    try database.connection().query("UPDATE scans SET status = 'cancelled', completed_at = now()")
    _ = try catalog.admit(ScanRequest(target: .name("a")), through: .cli)
    #expect(try versions() == ["1 none", "2 7"])
  }

  @Test func `an active scan keeps its snapshot and is named, the next one has the new rules`() throws {
    guard case .admitted(let scan) = try catalog.admit(ScanRequest(target: .name("a")), through: .cli) else {
      throw NotAdmitted()
    }
    var changes = RuleChanges()
    changes.maxParallel = 7
    changes.queue = "q"
    let set = try #require(try catalog.setRules(of: "a", changes))
    #expect(set.activeScan == scan.id)
    let kept = try #require(try catalog.scan(scan.id))
    #expect(kept.maxParallel == 3 && kept.queue == "default")

    try database.connection().query(
      "UPDATE scans SET status = 'cancelled', completed_at = now()")
    guard case .admitted(let next) = try catalog.admit(ScanRequest(target: .name("a")), through: .cli) else {
      throw NotAdmitted()
    }
    #expect(next.maxParallel == 7 && next.queue == "q")
    #expect(try catalog.setRules(of: "a", changes)?.activeScan == next.id)
  }

  @Test func `a rule that this release does not know stays in the row`() throws {
    let connection = database.connection()
    try connection.query("UPDATE libraries SET rules = (rules || jsonb '{\"younger\": 1}') - text 'removal_limit'")
    var changes = RuleChanges()
    changes.maxParallel = 2
    let set = try #require(try catalog.setRules(of: "a", changes))
    #expect(set.after.removalLimit == 1000)
    #expect(try connection.texts("SELECT rules->>'younger' FROM libraries WHERE name = 'a'") == ["1"])
  }

  private struct NotAdmitted: Error {}
}
