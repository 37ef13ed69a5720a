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

  @Option(
    help: ArgumentHelp(
      "category/course takes the first two levels for categories and courses; flat has neither "
        + "(default: \(standard.layout.rawValue)).", valueName: "flat|category/course"))
  var layout: Layout?
  @Option(
    help: ArgumentHelp(
      "What files must have behind their last dot, in upper or lower case: mp4,pdf; or all (default: all).",
      valueName: "a,b|all"))
  var extensions: String?
  @Option(
    help: ArgumentHelp(
      "The largest that a file may be: 2GiB, 500MB or bytes; or none for no limit (default: none).",
      valueName: "size|none"))
  var maxSize: String?
  @Option(
    help: ArgumentHelp(
      "Links are left out, rows, or followed to what lies inside the root and is not walked anyway "
        + "(default: \(standard.symlinks.rawValue)).",
      valueName: "skip|record|follow"))
  var symlinks: SymlinkPolicy?
  @Option(
    help: ArgumentHelp(
      "Leave out what matches, as a line of a .gitignore in the root would; repeat it for more. What is given replaces "
        + "all globs there were.", valueName: "glob"))
  var ignore: [String] = []
  @Flag(help: "Take all globs away.")
  var noIgnore = false
  @Option(
    help: ArgumentHelp(
      "What a file against --extensions or --max-size is: an error, or left out "
        + "(default: \(standard.rejected.rawValue)).", valueName: "error|skip"))
  var rejected: RejectedPolicy?

  /// - Throws: where a text is no such rule.
  func changes() throws -> RuleChanges {
    var changes = RuleChanges()
    changes.oneFilesystem = oneFilesystem
    changes.queue = queue
    changes.maxParallel = maxParallel
    changes.maxFilesPerSecond = maxFilesPerSecond
    changes.removalLimit = removalLimit
    changes.removalLimitPercent = removalLimitPercent
    changes.layout = layout
    changes.symlinks = symlinks
    changes.rejected = rejected
    do throws(RuleError) {
      changes.extensions = try parsed(extensions) { (text) throws(RuleError) in try .init(parsing: text) }
      changes.maxSize = try parsed(maxSize) { (text) throws(RuleError) in
        text == "none" ? .unlimited : .atMost(Int(try ByteSize.parse(text)))
      }
      changes.ignore = noIgnore ? [] : ignore.isEmpty ? nil : ignore
      _ = try EntryRules(changes.applied(to: LibraryRules()))
    } catch {
      throw ValidationError(error.description)
    }
    return changes
  }

  private func parsed<Value>(
    _ text: String?, _ parse: (String) throws(RuleError) -> Value
  ) throws(RuleError) -> Value? {
    guard let text else { return nil }
    return try parse(text)
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
    if noIgnore, !ignore.isEmpty { throw ValidationError("--no-ignore takes away what --ignore gives; name one") }
    _ = try changes()
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

extension Layout: ExpressibleByArgument {}
extension SymlinkPolicy: ExpressibleByArgument {}
extension RejectedPolicy: ExpressibleByArgument {}
