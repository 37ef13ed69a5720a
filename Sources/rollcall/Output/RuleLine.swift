import ScanModel

/// A rule for people.
struct RuleLine {
  let name: String
  let value: String

  /// Aligned with the other lines of `library show`.
  var text: String { name + String(repeating: " ", count: 15 - name.count) + value }

  static func lines(_ rules: LibraryRules) -> [RuleLine] {
    [
      RuleLine(name: "Queue", value: terminalSafe(rules.queue)),
      RuleLine(name: "Max parallel", value: Humane.count(Int64(rules.maxParallel))),
      RuleLine(name: "Max files/s", value: rules.maxFilesPerSecond.map { Humane.count(Int64($0)) } ?? "none"),
      RuleLine(name: "One filesystem", value: rules.oneFilesystem ? "yes" : "no"),
      RuleLine(name: "Removal limit", value: "\(Humane.count(Int64(rules.removalLimit))) files"),
      RuleLine(name: "Removal share", value: "\(rules.removalLimitPercent) %"),
      RuleLine(name: "Layout", value: rules.layout.rawValue),
      RuleLine(name: "Extensions", value: rules.extensions.map(list) ?? "all"),
      RuleLine(name: "Max size", value: rules.maxSize.map(ByteSize.format) ?? "none"),
      RuleLine(name: "Symlinks", value: rules.symlinks.rawValue),
      RuleLine(
        name: "Ignore", value: rules.ignore.isEmpty ? "nothing" : rules.ignore.map(shellWord).joined(separator: " ")),
      RuleLine(name: "Rejected", value: rules.rejected.rawValue),
    ]
  }

  private static func list(_ extensions: [String]) -> String {
    extensions.isEmpty ? "none" : terminalSafe(extensions.joined(separator: ","))
  }

  /// What a change of the rules has changed: the name, the value before, the value now.
  static func changes(from before: LibraryRules, to after: LibraryRules) -> [String] {
    zip(lines(before), lines(after)).filter { $0.value != $1.value }
      .map { "\($1.text), was \($0.value)" }
  }
}
