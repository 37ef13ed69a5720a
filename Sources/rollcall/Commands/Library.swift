import ArgumentParser
import Catalog
import Foundation
import ScanModel

struct Library: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Add, list, show, change and remove libraries.",
    subcommands: [Add.self, List.self, Show.self, LibrarySet.self, Remove.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a directory a library.")
    @Argument(help: "The library's name.") var name: String
    @Argument(help: "Its root directory, as an absolute path.") var path: String
    @OptionGroup var rules: RuleOptions
    @Flag(help: "Do not look whether the root is there: other hosts mount it.") var unchecked = false
    @OptionGroup(title: "Configuration") var options: GlobalOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let environment = try options.load()
      let name = try LibraryName.checked(name)
      let allowed = environment.configuration.allowedRoots
      let root = try unchecked ? RootPath.absolute(path) : RootPath.resolved(path, allowed: allowed)
      let catalog = try environment.catalog()
      _ = try catalog.addLibrary(name: name, rootPath: root, rules: rules.changes().applied(to: LibraryRules()))
      guard let library = try catalog.library(named: name) else { throw CommandFailure.noLibrary(name) }
      if output.json {
        try environment.print(json: LibraryDocument(library))
      } else {
        let added = "Added library \(terminalSafe(name)): \(terminalSafe(root))"
        try environment.print([added, "Scan it: rollcall scan \(shellWord(name))"])
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the libraries, newest first.")
    @OptionGroup(title: "Configuration") var options: GlobalOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let environment = try options.load()
      let libraries = try environment.catalog().libraries()
      if output.json {
        var array = JSONArrayWriter(.output)
        for library in libraries { try array.append(LibraryDocument(library)) }
        return try array.finish()
      }
      var table = Table([.text("LIBRARY"), .text("ROOT"), .text("QUEUE"), .text("LAST SCAN"), .number("FILES")])
      for library in libraries {
        let scan = library.lastScan
        let state = library.isRemoving ? "being removed" : scan.map { "\($0.id) \($0.status.rawValue)" }
        table.append([
          library.name, library.rootPath, library.rules.queue, state, scan.map { Humane.count($0.filesSeen) },
        ])
      }
      try environment.print(table.isEmpty ? ["No libraries yet: rollcall library add NAME PATH"] : table.lines)
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one library and its rules.")
    @Argument(help: "The library's name.") var name: String
    @OptionGroup(title: "Configuration") var options: GlobalOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let environment = try options.load()
      guard let library = try environment.catalog().library(named: name) else { throw CommandFailure.noLibrary(name) }
      if output.json { return try environment.print(json: LibraryDocument(library)) }
      var lines = ["Library        \(terminalSafe(library.name))", "Root           \(terminalSafe(library.rootPath))"]
      lines += RuleLine.lines(library.rules).map(\.text)
      if let scan = library.lastScan {
        let when = Humane.relative(scan.requestedAt, to: Date())
        lines.append(
          "Last scan      \(scan.id) \(scan.status.rawValue), \(when), \(Humane.count(scan.filesSeen)) files")
      } else {
        lines.append("Last scan      none")
      }
      try environment.print(lines)
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a library and all that the catalogue knows of it. No file on disk is touched.")
    @Argument(help: "The library's name.") var name: String
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Configuration") var options: GlobalOptions

    func run() throws {
      let environment = try options.load()
      let catalog = try environment.catalog()
      guard let library = try catalog.library(named: name) else { throw CommandFailure.noLibrary(name) }
      let confirmation = Confirmation(
        question: "Remove library \(terminalSafe(name)) and its catalogue? Files on disk stay.",
        doing: "removing a library")
      guard try yes || confirmation.isGiven() else { throw CommandFailure(message: "nothing was removed") }
      do throws(CatalogError) {
        try catalog.removeLibrary(library.id)
      } catch .libraryActive(let id) {
        guard let scan = try catalog.scan(ScanID(id)) else { throw CatalogError.libraryActive(scan: id) }
        throw CommandFailure.active(scan)
      }
      try environment.print(["Removed library \(terminalSafe(name))."])
    }
  }
}

extension CommandFailure {
  static func noLibrary(_ name: String) -> CommandFailure {
    CommandFailure(message: "no library is named \"\(terminalSafe(name))\"; see `rollcall library list`")
  }
}
