import ArgumentParser
import Catalog
import ScanModel

struct Preflight: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check whether scans can be done: servers, roots, mounts, workers.",
    discussion: """
      Each line is ok, a warning or a failure, with what to do. Nothing is changed: what is written to Postgres, to \
      prove that there is room, is taken back. The same is checked at the start of every scan, which then fails or \
      records its warnings (`rollcall events`).

      Exit codes: 0 no failure; 1 a failure; 2 a schema that this program does not know; 5 Redis or Postgres cannot be \
      reached.
      """)
  @Argument(help: "The library's name; else all libraries.") var library: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let servers = try ServerChecks(environment)
    var (findings, code) = (servers.findings, servers.code)
    if let catalog = servers.catalog {
      let checks = LibraryChecks(catalog, servers.queues, environment.configuration)
      do { findings += try checks.findings(of: try libraries(in: catalog)) } catch let error as CatalogError {
        findings.append(PreflightFinding(.postgres, failure: error.description))
        code = max(code, ExitStatus(error).code)
      }
    }
    try show(findings, environment)
    if code == 0, !findings.failures.isEmpty { code = ExitStatus.failure }
    if code != 0 { throw ExitCode(code) }
  }

  private func libraries(in catalog: Catalog) throws -> [ServedLibrary] {
    guard let name = library else {
      return try catalog.libraries().filter { !$0.isRemoving }.map { ServedLibrary($0) }
    }
    guard let library = try catalog.library(named: name) else { throw CommandFailure.noLibrary(name) }
    return [ServedLibrary(library)]
  }

  private func show(_ findings: [PreflightFinding], _ environment: Environment) throws {
    if output.json {
      var array = JSONArrayWriter(.output)
      for finding in findings { try array.append(PreflightDocument(finding)) }
      return try array.finish()
    }
    var table = Table([.text("STATUS"), .text("CHECK"), .text("LIBRARY"), .text("FOUND")])
    for finding in findings {
      table.append([finding.status, finding.check.rawValue, finding.library, finding.line])
    }
    try environment.print(table.lines)
  }
}
