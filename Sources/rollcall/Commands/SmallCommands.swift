import ArgumentParser
import Catalog

struct Migrate: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Bring the database's schema up to date.")
  @OptionGroup(title: "Configuration") var options: GlobalOptions

  func run() throws {
    let environment = try options.load()
    let report = try environment.catalogUnchecked().migrate()
    let done =
      report.applied.isEmpty
      ? "The schema is up to date: version \(report.version)."
      : "Applied \(report.applied.count) migration\(report.applied.count == 1 ? "" : "s"): "
        + "the schema is version \(report.version) now."
    try environment.print([done])
  }
}

struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show every setting, its value and where it is from.")
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    if output.json {
      var array = JSONArrayWriter(.output)
      for setting in environment.configuration.report { try array.append(setting) }
      try array.finish()
    } else {
      try environment.print(environment.configuration.table.lines)
    }
  }
}

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show the program's version.")
  @OptionGroup var output: JSONOption

  func run() throws {
    if output.json {
      try StandardOutput.output.write(JSONOutput.document(["version": Rollcall.version]))
    } else {
      try StandardOutput.output.line("rollcall \(Rollcall.version)")
    }
  }
}
