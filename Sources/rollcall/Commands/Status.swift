import ArgumentParser
import Catalog
import ScanModel

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a library's active or last scan, or that of every library.",
    discussion: """
      --watch goes on until Ctrl-C: on a terminal it redraws every second, elsewhere it prints a line with the time \
      for each change. With --json each change is one scan, as one document a line. A server that goes away is \
      waited for.
      """)
  @Argument(help: "The library's name; else all.") var library: String?
  @Flag(help: "Go on showing it, until Ctrl-C.") var watch = false
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    if watch {
      var watch = try StatusWatch(library, environment.quiet, json: output.json)
      try watch.run()
    }
    let catalog = try environment.catalog()
    let liveness = Liveness(catalog: catalog, queues: try environment.queues())
    if let library { return try show(library, environment, catalog, liveness) }
    let scans = try catalog.currentScans()
    if output.json {
      try environment.print(json: scans, liveness)
    } else {
      try environment.print(scans.isEmpty ? ["No scans yet: rollcall scan LIBRARY"] : ScanTable.lines(scans))
    }
  }

  private func show(_ name: String, _ environment: Environment, _ catalog: Catalog, _ liveness: Liveness) throws {
    guard let library = try catalog.library(named: name) else { throw CommandFailure.noLibrary(name) }
    guard let scan = try catalog.currentScan(of: library.id) else {
      throw CommandFailure(
        message: "library \(terminalSafe(name)) was never scanned: rollcall scan \(shellWord(name))")
    }
    let isAlive = try liveness.isAlive(scan)
    if output.json { return try environment.print(json: ScanDocument(scan, heartbeatAlive: isAlive)) }
    try environment.print(ScanReport(scan, environment.terminal).lines + ScanReport.heartbeatLines(isAlive))
  }
}

struct History: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List scans, newest first.")
  @Argument(help: "The library's name; else all.") var library: String?
  @Option(help: ArgumentHelp("How many at most.", valueName: "n")) var limit: Int64 = 20
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...1_000_000).contains(limit) else {
      throw ValidationError("--limit is \(limit) but must be from 1 to 1000000")
    }
  }

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    var id: LibraryID?
    if let library {
      guard let found = try catalog.library(named: library) else { throw CommandFailure.noLibrary(library) }
      id = found.id
    }
    let scans = try catalog.history(of: id, limit: limit)
    if output.json {
      try environment.print(json: scans, Liveness(catalog: catalog, queues: try environment.queues()))
    } else {
      try environment.print(scans.isEmpty ? ["No scans yet."] : ScanTable.lines(scans))
    }
  }
}
