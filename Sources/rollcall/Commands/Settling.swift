import ArgumentParser
import Catalog
import JobQueue
import ScanModel

struct Cancel: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End a library's active scan.",
    discussion: """
      What it has found stays in the catalogue, nothing that is missing is removed, and whoever works on it stops at \
      the next commit. A scan that has decided on its removals ends by itself. One that was confirmed and has not \
      looked again holds its removals again.
      """)
  @Argument(help: "The library's name.") var library: String
  @Option(help: ArgumentHelp("Who asks; else the user's name.", valueName: "who")) var requestedBy: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    guard let found = try catalog.library(named: library) else { throw CommandFailure.noLibrary(library) }
    switch try catalog.cancelScan(of: found.id, by: requestedBy ?? UserName.own, through: .cli) {
    case .cancelled(let scan):
      try environment.show(scan, "Scan \(scan.id) of library \(terminalSafe(scan.library)) is cancelled.", output)
    case .heldAgain(let scan):
      try environment.show(
        scan, "Scan \(scan.id) of library \(terminalSafe(scan.library)) holds its removals again.", output)
    case .ending(let scan):
      throw CommandFailure(
        message:
          "scan \(scan.id) of library \(terminalSafe(library)) has decided on its removals and is about to end: it "
          + "cannot be cancelled any more")
    case .noneActive:
      throw CommandFailure(message: "library \(terminalSafe(library)) has no active scan")
    }
  }
}

struct Confirm: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Remove what a scan holds, once it has been looked for again.",
    discussion: """
      Only of a library's last scan: a newer one has looked for itself. A worker looks once more, leaves what is there \
      again, and removes the rest whatever the limits are. Until then the scan runs again, and holds the library's \
      place.
      """)
  @Argument(help: "The scan's id.") var scan: Int64
  @Flag(help: "Wait for the scan's end, and exit with its code. Ctrl-C detaches.") var wait = false
  @Option(help: ArgumentHelp("Who asks; else the user's name.", valueName: "who")) var requestedBy: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    let queues = try environment.queues()
    let actor = requestedBy ?? UserName.own
    let (confirmed, slice) = try confirmed(try catalog.confirm(ScanID(scan), by: actor, through: .cli))
    push(slice, of: confirmed, to: queues)
    guard wait else { return try show(confirmed, environment, catalog, queues) }
    let watch = ScanWatch(catalog: catalog, queues: queues, environment: environment)
    guard let ended = try watch.wait(for: confirmed.id, until: SignalWait()) else {
      complain("detached: scan \(scan) goes on; see `rollcall status \(shellWord(confirmed.library))`")
      throw ExitCode(ExitStatus.failure)
    }
    try show(ended, environment, catalog, queues)
    throw ExitCode(ExitStatus.code(of: ended.status))
  }

  private func confirmed(_ answer: RemovalConfirmation) throws(CommandFailure) -> (ScanRecord, SliceID) {
    switch answer {
    case .confirmed(let scan, let slice): return (scan, slice)
    case .refused(let active): throw .active(active)
    case .superseded(let newer):
      throw CommandFailure(
        message:
          "scan \(newer.id) of library \(terminalSafe(newer.library)) is newer, and has looked for itself: what scan "
          + "\(scan) held is discarded")
    case .nothingHeld(let record):
      throw CommandFailure(message: "scan \(scan) of library \(terminalSafe(record.library)) holds no removals")
    case .removing: throw CommandFailure(message: "the library of scan \(scan) is being removed")
    case .unknownScan: throw .noScan(scan)
    }
  }

  /// Accepted is accepted: a reaper pushes what is lost.
  private func push(_ slice: SliceID, of scan: ScanRecord, to queues: RedisQueues) {
    do { try queues.push([QueueMessage.pointerBytes(slice)], to: scan.queue) } catch {
      complain(
        "scan \(scan.id) is confirmed, but no worker can be told: \(error). A reaper tells them when it is mended")
    }
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
      try environment.print([
        "Scan \(scan.id) of library \(terminalSafe(scan.library)) looks again, and removes what is still missing."
      ])
    }
  }
}

struct Discard: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let go of what a scan holds.",
    discussion: "Nothing is removed, and the scan's state stays. The library's next scan finds it missing again.")
  @Argument(help: "The scan's id.") var scan: Int64
  @Option(help: ArgumentHelp("Who asks; else the user's name.", valueName: "who")) var requestedBy: String?
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    switch try catalog.discard(ScanID(scan), by: requestedBy ?? UserName.own, through: .cli) {
    case .discarded(let record):
      try environment.show(
        record, "What scan \(scan) of library \(terminalSafe(record.library)) held is discarded.", output)
    case .nothingHeld(let record):
      throw CommandFailure(message: "scan \(scan) of library \(terminalSafe(record.library)) holds no removals")
    case .active(let record): throw CommandFailure.active(record)
    case .unknownScan: throw CommandFailure.noScan(scan)
    }
  }
}

extension Environment {
  /// A scan that has ended, as one line or as a document.
  fileprivate func show(_ scan: ScanRecord, _ line: String, _ output: JSONOption) throws {
    if output.json { try print(json: ScanDocument(scan, heartbeatAlive: nil)) } else { try print([line]) }
  }
}
