import ArgumentParser
import ScanModel

/// The rules of a library on the command line. One that is not given is left as it is, on a new library at its
/// default.
struct RuleOptions: ParsableArguments {
  private static let standard = LibraryRules()

  @Flag(inversion: .prefixedNo, help: "Do not enter nested mount points.")
  var oneFilesystem: Bool?
  @Option(
    help: ArgumentHelp(
      "The queue on which its scans run: one whose workers mount the root (default: \(standard.queue)).",
      valueName: "q"))
  var queue: String?
  @Option(
    help: ArgumentHelp(
      "How many slices of one scan may run at once (default: \(standard.maxParallel)).", valueName: "n"))
  var maxParallel: Int?
  @Option(
    help: ArgumentHelp(
      "How many entries all workers together look at in a second, or none for no limit (default: none).",
      valueName: "n|none"))
  var maxFilesPerSecond: RuleChanges.Limit?
  @Option(
    help: ArgumentHelp(
      "Removals are held if they are more files than this (default: \(standard.removalLimit))…", valueName: "n"))
  var removalLimit: Int?
  @Option(
    help: ArgumentHelp(
      "…and more of the library than this, in per cent (default: \(standard.removalLimitPercent)).", valueName: "p"))
  var removalLimitPercent: Int?

  var changes: RuleChanges {
    var changes = RuleChanges()
    changes.oneFilesystem = oneFilesystem
    changes.queue = queue
    changes.maxParallel = maxParallel
    changes.maxFilesPerSecond = maxFilesPerSecond
    changes.removalLimit = removalLimit
    changes.removalLimitPercent = removalLimitPercent
    return changes
  }

  func validate() throws {
    try check(maxParallel, in: LibraryRules.maxParallelRange, "--max-parallel")
    if case .atMost(let rate) = maxFilesPerSecond {
      try check(rate, in: LibraryRules.maxFilesPerSecondRange, "--max-files-per-second", else: ", or none")
    }
    try check(removalLimit, in: LibraryRules.removalLimitRange, "--removal-limit")
    try check(removalLimitPercent, in: LibraryRules.removalLimitPercentRange, "--removal-limit-percent")
    if let queue, Form<String>.word.parse(queue) == nil {
      throw ValidationError("--queue must be \(Form<String>.word.allowed)")
    }
  }

  private func check(_ value: Int?, in range: ClosedRange<Int>, _ flag: String, else more: String = "") throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(flag) is \(value) but must be from \(range.lowerBound) to \(range.upperBound)\(more)")
  }
}

extension RuleChanges.Limit: ExpressibleByArgument {
  /// A whole number, or `none`.
  public init?(argument: String) {
    if argument == "none" {
      self = .unlimited
    } else if let number = Int(argument) {
      self = .atMost(number)
    } else {
      return nil
    }
  }
}

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
    ]
  }

  /// What a change of the rules has changed: the name, the value before, the value now.
  static func changes(from before: LibraryRules, to after: LibraryRules) -> [String] {
    zip(lines(before), lines(after)).filter { $0.value != $1.value }
      .map { "\($1.text), was \($0.value)" }
  }
}
