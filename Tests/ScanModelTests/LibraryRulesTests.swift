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
  }

  @Test("what is no rules is refused")
  func refused() {
    for json in ["[]", "{}", #"{"one_filesystem":1,"queue":"nas","max_parallel":3}"#] {
      #expect(throws: DecodingError.self) { try read(json) }
    }
  }

  @Test("rules survive JSON, whose names are a contract, and no limit is null")
  func names() throws {
    for rules in [LibraryRules(), LibraryRules(maxFilesPerSecond: 7, removalLimit: 0, removalLimitPercent: 100)] {
      let json = try JSONEncoder().encode(rules)
      #expect(try JSONDecoder().decode(LibraryRules.self, from: json) == rules)
      let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
      #expect(
        Set(object.keys) == [
          "one_filesystem", "queue", "max_parallel", "max_files_per_second", "removal_limit", "removal_limit_percent",
          "layout", "extensions", "max_size", "symlinks", "ignore", "rejected",
        ])
      #expect((object["max_files_per_second"] is NSNull) == (rules.maxFilesPerSecond == nil))
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
