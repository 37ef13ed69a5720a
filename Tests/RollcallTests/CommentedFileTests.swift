import Foundation
import Testing

@testable import rollcall

/// `config/rollcall.yaml` says what the program does: it is held against the table of settings.
@Suite struct CommentedFileTests {
  private static let path = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../config/rollcall.yaml").standardizedFileURL.path

  @Test func `the commented file explains every key with its default and variable`() throws {
    let text = try String(contentsOfFile: Self.path, encoding: .utf8)
    for setting in Setting.all {
      let value = setting.isStandardComputed ? "" : " \(setting.standard)"
      let effect = setting.isInEffect ? "" : " Not in effect yet."
      let block = """
        # \(setting.explanation.replacing("\n", with: "\n# ")).
        # Default: \(setting.standard). Environment: \(setting.variable).\(effect)
        \(setting.key):\(value)

        """
      #expect(text.contains(block), "config/rollcall.yaml must hold:\n\(block)")
    }
  }

  @Test func `the commented file holds nothing but the defaults`() throws {
    let configuration = try Configuration.load(file: Self.path, environment: [:], flags: [:])
    let standard = Configuration()
    for setting in Setting.all {
      #expect(setting.displayValue(in: configuration) == setting.displayValue(in: standard))
      #expect((configuration.origin(of: setting.key) == .standard) == setting.isStandardComputed)
    }
  }
}
