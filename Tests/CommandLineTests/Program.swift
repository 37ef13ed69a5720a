import Foundation
import TestSupport
import Testing

/// Runs the program with no more environment than this, and to its end.
func rollcall(
  _ arguments: [String], _ environment: [String: String] = [:], in directory: String = "/",
  within deadline: Duration = patience
) throws -> ChildProcess.Ended {
  let words = ["env", "--chdir=\(directory)", try RollcallBinary.path()] + arguments
  return try ChildProcess(words, environment: environment).wait(within: deadline)
}

/// A failure is one line on standard error, which begins with the program's name and holds `words`; standard
/// output stays empty.
func expectFailure(
  _ ended: ChildProcess.Ended, code: Int32, saying words: String..., at location: SourceLocation = #_sourceLocation
) {
  #expect(ended.code == code, "\(ended.errors)", sourceLocation: location)
  #expect(ended.text == "", sourceLocation: location)
  let lines = ended.errors.split(separator: "\n", omittingEmptySubsequences: false)
  #expect(lines.count == 2 && lines.last == "", "one line, but: \(ended.errors)", sourceLocation: location)
  #expect(ended.errors.hasPrefix("rollcall: "), "\(ended.errors)", sourceLocation: location)
  for word in words {
    #expect(ended.errors.contains(word), "\(word) is not in: \(ended.errors)", sourceLocation: location)
  }
}

/// What `--json` shows: one document, and nothing beside it.
func document(_ ended: ChildProcess.Ended, at location: SourceLocation = #_sourceLocation) throws -> Any {
  #expect(String(validating: ended.output, as: UTF8.self) != nil, sourceLocation: location)
  return try JSONSerialization.jsonObject(with: Data(ended.output))
}

func object(_ ended: ChildProcess.Ended, at location: SourceLocation = #_sourceLocation) throws -> [String: Any] {
  try #require(try document(ended, at: location) as? [String: Any], "\(ended.text)", sourceLocation: location)
}

func array(_ ended: ChildProcess.Ended, at location: SourceLocation = #_sourceLocation) throws -> [[String: Any]] {
  try #require(try document(ended, at: location) as? [[String: Any]], "\(ended.text)", sourceLocation: location)
}

/// The repository's root.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path(percentEncoded: false)
