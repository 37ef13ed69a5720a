import Foundation
import TestSupport
import Testing

/// What `verify x --json` has found.
struct Verified {
  let code: Int32
  /// Each difference as `unknown file path`, of a directory that is gone with its files, of what has changed with the
  /// columns: `changed file path size,ctime_ns`. Sorted.
  let differences: [String]
  let elements: [[String: Any]]
  /// The last line on standard error.
  let summary: String
  let errors: String

  init(_ ended: ChildProcess.Ended) throws {
    code = ended.code
    errors = ended.errors
    #expect(String(validating: ended.output, as: UTF8.self) != nil)
    let document = try JSONSerialization.jsonObject(with: Data(ended.output))
    elements = try #require(document as? [[String: Any]], "\(ended.text)")
    differences = elements.map { element in
      let words = ["difference", "kind", "path"].map { element[$0] as? String ?? "?" }
      let columns = (element["columns"] as? [[String: Any]] ?? []).map { $0["column"] as? String ?? "?" }
      let files = (element["files"] as? Int).map { ["\($0)"] } ?? []
      let type = (element["error_type"] as? String).map { [$0] } ?? []
      return (words + files + type + (columns.isEmpty ? [] : [columns.joined(separator: ",")])).joined(separator: " ")
    }.sorted()
    summary = ended.errors.split(separator: "\n").last.map(String.init) ?? ""
  }
}

extension TestDeployment {
  func verify() throws -> Verified { try Verified(run(["verify", "x", "--json"])) }

  func expectEqual(_ location: SourceLocation = #_sourceLocation) throws {
    let ended = try run(["verify", "x"])
    #expect(ended.code == 0, "\(ended.errors)\(ended.text)", sourceLocation: location)
    #expect(ended.text.hasSuffix(": equal.\n"), "\(ended.text)", sourceLocation: location)
    #expect(ended.text.count { $0 == "\n" } == 1, "\(ended.text)", sourceLocation: location)
  }

  /// - Parameter expected: as `Verified.differences`; a last word `…` stands for any columns.
  func expectDifferences(_ expected: [String], of what: String = "", _ location: SourceLocation = #_sourceLocation)
    throws
  {
    let verified = try verify()
    #expect(verified.code == 1, "\(verified.errors)", sourceLocation: location)
    let found = verified.differences
    let isLike =
      found.count == expected.count
      && zip(found, expected.sorted()).allSatisfy { found, expected in
        expected.hasSuffix("…") ? found.hasPrefix(expected.dropLast()) : found == expected
      }
    #expect(isLike, "\(what): \(found), not \(expected)", sourceLocation: location)
  }
}
