import ArgumentParser
import Catalog
import JobQueue
import ScanModel

struct LibrarySet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change rules of a library; those that are not named stay.",
    discussion: "A scan that is active goes on under the rules that it began with.")
  @Argument(help: "The library's name.") var name: String
  @OptionGroup var rules: RuleOptions
  @Flag(
    help: """
      Take what is mounted at the root and at nested mount points on this host now for right, also where it is empty or \
      another file system than before. Files that are missing then are removed as any others, within the limits.
      """)
  var acceptRoot = false
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    if try rules.changes().isEmpty && !acceptRoot {
      throw ValidationError("name a rule to change, such as --max-parallel 8, or --accept-root")
    }
  }

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    // First, as it may fail.
    let accepted = try acceptRoot ? AcceptedRoot(library: name, catalog) : nil
    guard let set = try catalog.setRules(of: name, rules.changes()), let library = try catalog.library(named: name)
    else { throw CommandFailure.noLibrary(name) }
    try accepted?.record(in: catalog)
    if let warning = try former(set, library, catalog, environment) { complain(warning) }
    let keeping = set.activeScan.flatMap { scan in
      set.before == set.after ? nil : "scan \(scan) is active and keeps the rules that it began with"
    }
    if output.json {
      if let keeping { complain(keeping) }
      return try environment.print(json: LibraryDocument(library))
    }
    let changes = RuleLine.changes(from: set.before, to: set.after) + (accepted?.lines ?? [])
    try environment.print(changes.isEmpty ? ["Nothing has changed."] : changes)
    if let keeping { try environment.print(["Note that \(keeping)."]) }
  }

  /// What to know of a queue that the library has left: what lies there is done by workers of that queue only.
  private func former(
    _ set: RulesSet, _ library: LibraryRecord, _ catalog: Catalog, _ environment: Environment
  ) throws -> String? {
    let queue = set.before.queue
    guard queue != set.after.queue else { return nil }
    let held = "work of library \(terminalSafe(library.name))"
    let advice = "keep a worker on it until `rollcall queue` shows that it is done"
    if let id = set.activeScan, try catalog.scan(id)?.queue == queue {
      return "queue \(queue) still holds \(held); \(advice)"
    }
    do {
      let targets = [ScanRequest.Target.name(library.name), .rootPath(library.rootPath)]
      let isHeld = try environment.queues().hasWaiting(on: queue) { message in
        if case .request(let request) = message { targets.contains(request.target) } else { false }
      }
      guard let isHeld else { return "queue \(queue) is long, and may still hold \(held); \(advice)" }
      return isHeld ? "queue \(queue) still holds \(held); \(advice)" : nil
    } catch {
      return "cannot tell whether queue \(queue) still holds \(held): \(error)"
    }
  }
}
