import TestSupport

/// Throws where a value is not what it must be: an `#expect` on a thread of a test's own would not know its test.
func require<Value: Equatable>(_ what: String, _ value: Value, _ expected: Value) throws {
  guard value == expected else { throw Broken(description: "\(what): \(value), and not \(expected)") }
}

extension TestDeployment {
  /// What `expectNothingLeft` expects.
  func requireNothingLeft() throws {
    try eventually("nothing is left in Redis", within: .seconds(60)) {
      try keys().allSatisfy { $0 == "dead" || $0.hasPrefix("worker") || $0.hasPrefix("reaper:") }
    }
    try require("slices", try database.query("SELECT * FROM slices"), [])
    try require("open slices", try database.query("SELECT id FROM scans WHERE open_slices <> 0"), [])
  }
}
