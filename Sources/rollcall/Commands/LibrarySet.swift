import ArgumentParser
import Catalog
import ScanModel

struct LibrarySet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change rules of a library; those that are not named stay.",
    discussion: "A scan that is active goes on under the rules that it began with.")
  @Argument(help: "The library's name.") var name: String
  @OptionGroup var rules: RuleOptions
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    if rules.changes.isEmpty { throw ValidationError("name a rule to change, such as --max-parallel 8") }
  }

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    guard let set = try catalog.setRules(of: name, rules.changes), let library = try catalog.library(named: name)
    else { throw CommandFailure.noLibrary(name) }
    let keeping = set.activeScan.flatMap { scan in
      set.before == set.after ? nil : "scan \(scan) is active and keeps the rules that it began with"
    }
    if output.json {
      if let keeping { complain(keeping) }
      return try environment.print(json: LibraryDocument(library))
    }
    let changes = RuleLine.changes(from: set.before, to: set.after)
    try environment.print(changes.isEmpty ? ["Nothing has changed."] : changes)
    if let keeping { try environment.print(["Note that \(keeping)."]) }
  }
}
