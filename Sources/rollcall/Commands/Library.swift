import ArgumentParser
import Catalog
import Foundation
import ScanModel

struct Library: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Add, list, show and remove libraries.",
    subcommands: [Add.self, List.self, Show.self, Remove.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a directory a library.")
    @Argument(help: "The library's name.") var name: String
    @Argument(help: "Its root directory.") var path: String
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "Configuration") var options: GlobalOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let environment = try options.load()
      let name = try LibraryName.checked(name)
      let root = try RootPath.resolved(path)
      let catalog = try environment.catalog()
      _ = try catalog.addLibrary(name: name, rootPath: root, rules: rules.rules)
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
      let rules = library.rules
      var lines = [
        "Library        \(terminalSafe(library.name))",
        "Root           \(terminalSafe(library.rootPath))",
        "Queue          \(terminalSafe(rules.queue))",
        "Max parallel   \(rules.maxParallel)",
        "One filesystem \(rules.oneFilesystem ? "yes" : "no")",
      ]
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
      guard try yes || confirmed() else { throw CommandFailure(message: "nothing was removed") }
      do throws(CatalogError) {
        try catalog.removeLibrary(library.id)
      } catch .libraryActive(let id) {
        guard let scan = try catalog.scan(ScanID(id)) else { throw CatalogError.libraryActive(scan: id) }
        throw CommandFailure.active(scan)
      }
      try environment.print(["Removed library \(terminalSafe(name))."])
    }

    private func confirmed() throws -> Bool {
      guard isatty(STDIN_FILENO) == 1 else {
        throw CommandFailure(message: "removing a library needs a terminal to ask on, or --yes", code: ExitStatus.usage)
      }
      try StandardOutput.error.write(
        "Remove library \(terminalSafe(name)) and its catalogue? Files on disk stay. [y/N] ")
      return ["y", "yes"].contains(readLine()?.lowercased())
    }
  }
}

/// The rules of a library on the command line.
struct RuleOptions: ParsableArguments {
  @Flag(help: "Do not enter nested mount points.")
  var oneFilesystem = false
  @Option(help: "The queue on which its scans run: one whose workers mount the root.")
  var queue = LibraryRules().queue
  @Option(help: "How many slices of one scan may run at once.")
  var maxParallel = LibraryRules().maxParallel

  var rules: LibraryRules {
    LibraryRules(oneFilesystem: oneFilesystem, queue: queue, maxParallel: maxParallel)
  }

  func validate() throws {
    guard (1...10_000).contains(maxParallel) else {
      throw ValidationError("--max-parallel is \(maxParallel) but must be from 1 to 10000")
    }
    guard Form<String>.word.parse(queue) != nil else {
      throw ValidationError("--queue must be \(Form<String>.word.allowed)")
    }
  }
}

extension CommandFailure {
  static func noLibrary(_ name: String) -> CommandFailure {
    CommandFailure(message: "no library is named \"\(terminalSafe(name))\"; see `rollcall library list`")
  }
}
