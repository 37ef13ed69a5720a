import ArgumentParser
import Catalog
import CrashPoints
import Foundation
import JobQueue
import ScanModel

struct Scan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask for a scan of a library, or of a directory that becomes one.",
    discussion: """
      What contains a slash is a path; one that is no library's root yet has to be absolute. The scan is run by workers \
      (`rollcall worker`).
      """)
  @Argument(help: ArgumentHelp("A library's name, or a path.", valueName: "library|path")) var target: String
  @Flag(help: "Wait for the scan's end, and exit with its code. Ctrl-C detaches.") var wait = false
  @Option(help: ArgumentHelp("Recorded with the scan; this release scans quick as full.", valueName: "full|quick"))
  var mode = "full"
  @Option(help: ArgumentHelp("Who asks; else the user's name.", valueName: "who")) var requestedBy: String?
  @Option(help: ArgumentHelp("Two requests with the same id are one.", valueName: "id")) var requestID: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard ScanMode(rawValue: mode) != nil else {
      throw ValidationError("--mode is \"\(mode)\" but must be full or quick")
    }
  }

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    let queues = try environment.queues()
    let library = try LibraryTarget(target).library(in: catalog, allowed: environment.configuration.allowedRoots)
    let request = ScanRequest(
      target: .name(library.name), requestID: requestID, requestedBy: requestedBy ?? UserName.own,
      mode: ScanMode(rawValue: mode) ?? .full)
    var scan = try ScanRequests(catalog: catalog, queues: queues).admit(request)
    if wait {
      let watch = ScanWatch(catalog: catalog, queues: queues, environment: environment)
      guard let ended = try watch.wait(for: scan.id, until: SignalWait()) else {
        complain("detached: scan \(scan.id) goes on; see `rollcall status \(shellWord(library.name))`")
        throw ExitCode(ExitStatus.failure)
      }
      scan = ended
    }
    try show(scan, environment, catalog, queues)
    if wait { throw ExitCode(ExitStatus.code(of: scan.status)) }
  }

  private func show(
    _ scan: ScanRecord, _ environment: Environment, _ catalog: Catalog, _ queues: RedisQueues
  ) throws {
    if output.json {
      let alive = try Liveness(catalog: catalog, queues: queues).isAlive(scan)
      try environment.print(json: ScanDocument(scan, heartbeatAlive: alive))
    } else if wait {
      try environment.print(ScanReport(scan, environment.terminal).lines)
    } else {
      try environment.print(["Scan \(scan.id) of library \(terminalSafe(scan.library)) is \(scan.status.rawValue)."])
    }
  }
}

/// Who asks, where nobody says.
enum UserName {
  /// `nil` where the system has no name for the user.
  static var own: String? { getpwuid(geteuid()).flatMap { String(validatingCString: $0.pointee.pw_name) } }
}

/// `LIBRARY|PATH` of the command line.
struct LibraryTarget {
  private let text: String

  init(_ text: String) { self.text = text }

  /// The library that is meant. A path that is no library's root yet becomes a library, named after its
  /// directory.
  ///
  /// - Parameter allowed: where a path may be a root.
  func library(in catalog: Catalog, allowed: AllowedRoots) throws -> LibraryRecord {
    guard text.contains("/") else {
      guard let library = try catalog.library(named: text) else { throw CommandFailure.noLibrary(text) }
      return library
    }
    let root: String
    do { root = try RootPath.resolved(text, allowed: allowed) } catch {
      // A library whose root is gone is still one: that its scan fails is for the scan to say. And one that is there
      // already may be named from where the command runs: nothing comes to be by it.
      let root = try RootPath.absolute(text)
      try RootPath.check(root, allowed)
      if let library = try catalog.library(rootPath: root) { return library }
      throw error
    }
    if let library = try catalog.library(rootPath: root) { return library }
    let name = try LibraryName.of(root: root)
    do throws(CatalogError) {
      _ = try catalog.addLibrary(name: name, rootPath: root, rules: LibraryRules())
    } catch .libraryRootTaken {
      // Somebody else was faster: it is a library now, under whatever name.
    } catch .libraryNameTaken {
      throw CommandFailure(
        message: "another library is named \"\(terminalSafe(name))\": choose a name with "
          + "`rollcall library add NAME \(shellWord(root))`")
    }
    guard let library = try catalog.library(rootPath: root) else {
      throw CommandFailure(message: "the library of \(terminalSafe(root)) was removed meanwhile; try again")
    }
    return library
  }
}

/// Asks for scans: admits first and pushes the pointer after. Accepted is accepted.
struct ScanRequests {
  let catalog: Catalog
  let queues: RedisQueues

  func admit(_ request: ScanRequest) throws -> ScanRecord {
    switch try catalog.admit(request, through: .cli) {
    case .admitted(let scan), .existing(let scan):
      push(scan)
      return scan
    case .refused(let scan):
      push(scan)
      throw CommandFailure.active(scan)
    case .removing:
      throw CommandFailure(
        message: "library \(Self.name(request)) is being removed; end that with `rollcall library remove`")
    case .unknownLibrary:
      throw CommandFailure.noLibrary(Self.name(request))
    }
  }

  /// Pushes the first slice's pointer of a scan that nobody has begun. It may lie there already, or have
  /// been lost with Redis: a second one does no harm.
  private func push(_ scan: ScanRecord) {
    guard scan.status == .pending else { return }
    crashPoint(.scanAdmitted)
    do {
      let pointer = QueueMessage.pointerBytes(SliceID(scan: scan.id, number: 1))
      try queues.push([pointer], to: scan.queue)
    } catch {
      let then = error.isOutage ? "when Redis is back" : "when that is mended"
      complain(
        "scan \(scan.id) is accepted, but no worker can be told: \(error). Ask for it again \(then), and it begins")
    }
  }

  private static func name(_ request: ScanRequest) -> String {
    switch request.target {
    case .name(let name): terminalSafe(name)
    case .rootPath(let path): terminalSafe(path)
    }
  }
}

extension CommandFailure {
  /// Refused, because the library has an active scan: which, whose, since when.
  static func active(_ scan: ScanRecord) -> CommandFailure {
    let who = scan.requestedBy.map { "by \(terminalSafe($0))" } ?? "by somebody unnamed"
    return CommandFailure(
      message: "refused: library \(terminalSafe(scan.library)) has an active scan: \(scan.id), "
        + "\(scan.status.rawValue), asked for \(who) through \(scan.requestedThrough) "
        + "at \(JSONOutput.rfc3339(scan.requestedAt))",
      code: ExitStatus.refused)
  }
}
