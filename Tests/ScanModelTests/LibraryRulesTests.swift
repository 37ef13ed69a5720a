import Foundation
import ScanModel
import Testing

@Suite("A library's rules")
struct LibraryRulesTests {
  private func read(_ json: String) throws -> LibraryRules {
    try JSONDecoder().decode(LibraryRules.self, from: Data(json.utf8))
  }

  @Test("what an earlier release wrote has the younger rules at their defaults")
  func older() throws {
    let rules = try read(#"{"one_filesystem":true,"queue":"nas","max_parallel":3}"#)
    #expect(rules == LibraryRules(oneFilesystem: true, queue: "nas", maxParallel: 3))
    #expect(rules.maxFilesPerSecond == nil && rules.removalLimit == 1000 && rules.removalLimitPercent == 50)
    #expect(rules.layout == .flat && rules.extensions == nil && rules.maxSize == nil && rules.symlinks == .record)
    #expect(rules.ignore == [] && rules.rejected == .error)
  }

  @Test("a policy that this release does not know is refused, not taken for another")
  func younger() {
    for rule in [#""layout":"tree""#, #""symlinks":"copy""#, #""rejected":"move""#] {
      #expect(throws: DecodingError.self) {
        try read(#"{"one_filesystem":true,"queue":"nas","max_parallel":3,\#(rule)}"#)
      }
    }
  }

  @Test("rules that judge files change, and can be taken away")
  func judging() throws {
    var changes = RuleChanges()
    changes.layout = .categoryCourse
    changes.extensions = .only(["pdf"])
    changes.maxSize = .atMost(5)
    changes.symlinks = .skip
    changes.ignore = ["*.tmp"]
    changes.rejected = .skip
    let rules = changes.applied(to: LibraryRules())
    #expect(
      rules
        == LibraryRules(
          layout: .categoryCourse, extensions: ["pdf"], maxSize: 5, symlinks: .skip, ignore: ["*.tmp"], rejected: .skip)
    )
    #expect(RuleChanges().applied(to: rules) == rules)

    var taken = RuleChanges()
    taken.extensions = .all
    taken.maxSize = .unlimited
    taken.ignore = []
    let left = taken.applied(to: rules)
    #expect(left.extensions == nil && left.maxSize == nil && left.ignore == [] && left.symlinks == .skip)
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(taken)) as? [String: Any]
    #expect(object?.count == 3 && object?["extensions"] is NSNull && object?["max_size"] is NSNull)
    #expect((object?["ignore"] as? [Any])?.isEmpty == true)
  }

  @Test("what is no rules is refused")
  func refused() {
    for json in ["[]", "{}", #"{"one_filesystem":1,"queue":"nas","max_parallel":3}"#] {
      #expect(throws: DecodingError.self) { try read(json) }
    }
  }

  @Test("rules survive JSON, whose names are a contract, and no limit is null")
  func names() throws {
    let other = LibraryRules(
      maxFilesPerSecond: 7, removalLimit: 0, removalLimitPercent: 100, layout: .categoryCourse, extensions: ["pdf"],
      maxSize: 9, symlinks: .follow, ignore: ["*.tmp", "!x"], rejected: .skip)
    for rules in [LibraryRules(), other] {
      let json = try JSONEncoder().encode(rules)
      #expect(try JSONDecoder().decode(LibraryRules.self, from: json) == rules)
      let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
      #expect(
        Set(object.keys) == [
          "one_filesystem", "queue", "max_parallel", "max_files_per_second", "removal_limit", "removal_limit_percent",
          "layout", "extensions", "max_size", "symlinks", "ignore", "rejected",
        ])
      for key in ["max_files_per_second", "extensions", "max_size"] {
        #expect((object[key] is NSNull) == (rules == LibraryRules()), "\(key)")
      }
    }
  }

  @Test("changes change what they name, in rules and in JSON")
  func changes() throws {
    let rules = LibraryRules(
      oneFilesystem: true, queue: "nas", maxParallel: 3, maxFilesPerSecond: 5, removalLimit: 6, removalLimitPercent: 7)
    #expect(RuleChanges().applied(to: rules) == rules)
    #expect(RuleChanges().isEmpty)

    var changes = RuleChanges()
    changes.maxFilesPerSecond = .unlimited
    #expect(!changes.isEmpty)
    var expected = rules
    expected.maxFilesPerSecond = nil
    #expect(changes.applied(to: rules) == expected)
    #expect(String(decoding: try JSONEncoder().encode(changes), as: UTF8.self) == #"{"max_files_per_second":null}"#)

    changes.maxFilesPerSecond = .atMost(9)
    changes.oneFilesystem = false
    changes.queue = "q"
    changes.maxParallel = 1
    changes.removalLimit = 2
    changes.removalLimitPercent = 4
    #expect(
      changes.applied(to: rules)
        == LibraryRules(
          oneFilesystem: false, queue: "q", maxParallel: 1, maxFilesPerSecond: 9, removalLimit: 2,
          removalLimitPercent: 4))
  }
}
