import BlockingThread
import Catalog
import Foundation
import JobQueue
import ScanModel

/// Follows the scans of one library or of all until a signal ends the program, which is its proper end.
///
///     a terminal           redrawn every second
///     anything else        a line for each scan that has changed
///     --json               a document for each scan that has changed, one a line
///
/// A server that goes away is told of once, and so is its return; meanwhile the last that is known stands.
struct StatusWatch {
  private static let interval = Duration.seconds(1)

  private let library: String?
  private let catalog: Catalog
  private let liveness: Liveness
  private var form: WatchForm
  private var postgres = WatchedServer("Postgres")
  private var redis = WatchedServer("Redis")
  private var shown = WatchedScans(library: nil, scans: [])

  /// - Parameter library: `nil` for all; must be there now, and may be removed later.
  init(_ library: String?, _ environment: Environment, json: Bool) throws {
    self.library = library
    catalog = try environment.catalog()
    liveness = Liveness(catalog: catalog, queues: try environment.queues())
    form =
      if json {
        .documents(ScanChanges())
      } else if environment.terminal.canRedraw {
        .screen(Screen(.output))
      } else {
        .lines(ScanChanges())
      }
    if let library, try catalog.library(named: library) == nil { throw CommandFailure.noLibrary(library) }
  }

  mutating func run() throws -> Never {
    let screen: Screen? = if case .screen(let screen) = form { screen } else { nil }
    let thread = try Self.heedSignals(screen)
    // What ends the watch otherwise is an error, whose message shall stand on the former screen.
    defer {
      screen?.restore()
      withExtendedLifetime(thread) {}
    }
    while true {
      try look()
      try form.show(shown, notes: [postgres.note, redis.note].compactMap { $0 })
      // With nothing to tell, a reader that has gone would never be noticed.
      try StandardOutput.output.failIfClosed(within: Self.interval)
    }
  }

  private mutating func look() throws {
    do {
      let scans = try scans()
      let answer = try liveness.areAlive(scans)
      shown = WatchedScans(library: library, scans: zip(scans, answer.alive).map { WatchedScan(scan: $0, isAlive: $1) })
      try form.tell(postgres.isBack())
      // Only the workers of active scans are asked for.
      if shown.scans.contains(where: { $0.scan.status.isActive }) {
        try form.tell(answer.trouble.map { redis.hasNotTold($0) } ?? redis.isBack())
      }
    } catch let error as CatalogError where ExitStatus(error).code == ExitStatus.unreachable {
      try form.tell(postgres.isAway(error.description))
    }
  }

  private func scans() throws(CatalogError) -> [ScanRecord] {
    guard let library else { return try catalog.currentScans() }
    guard let found = try catalog.library(named: library) else { return [] }
    return try catalog.currentScan(of: found.id).map { [$0] } ?? []
  }

  /// A thread of its own: the watch may stand in a call to a server that does not answer. It ends the program; ^Z
  /// gives the terminal back before it stops it.
  private static func heedSignals(_ screen: Screen?) throws -> BlockingThread {
    let signals = SignalWait(and: screen == nil ? [] : [SIGTSTP])
    return try BlockingThread(name: "signals") {
      while true {
        switch signals.next(within: .seconds(3600)) {
        case nil: continue
        case SIGTSTP?:
          screen?.leave()
          stopProcess()
        default:
          screen?.restore()
          _exit(0)
        }
      }
    }
  }

  /// As SIGTSTP does by itself: where no shell could continue the program, it is not stopped.
  private static func stopProcess() {
    var stop = sigset_t()
    sigemptyset(&stop)
    sigaddset(&stop, SIGTSTP)
    pthread_sigmask(SIG_UNBLOCK, &stop, nil)
    raise(SIGTSTP)
    pthread_sigmask(SIG_BLOCK, &stop, nil)
  }
}

/// Whether a server answers, as far as it was told.
struct WatchedServer {
  private let name: String
  private var trouble: (note: String, end: String)?

  init(_ name: String) { self.name = name }

  /// What is wrong now.
  var note: String? { trouble?.note }

  /// What to say, once.
  mutating func isAway(_ reason: String) -> String? { begin("\(name) is away: \(reason)", end: "\(name) is back") }

  /// The same where Redis has not told whether workers are alive, perhaps though it is there.
  mutating func hasNotTold(_ error: QueueError) -> String? {
    let question = "whether workers are alive is"
    if error.isOutage { return isAway("\(question) not known") }
    return begin("\(question) not known: \(error)", end: "\(question) known again")
  }

  mutating func isBack() -> String? {
    defer { trouble = nil }
    return trouble?.end
  }

  private mutating func begin(_ note: String, end: String) -> String? {
    guard trouble == nil else { return nil }
    trouble = (note, end)
    return note
  }
}

/// How a watch shows what it sees.
enum WatchForm {
  case screen(Screen)
  case lines(ScanChanges)
  case documents(ScanChanges)

  /// Something beside the scans; on a screen it stands among the notes.
  func tell(_ message: String?) throws {
    if case .screen = self { return }
    if let message { complain(message) }
  }

  mutating func show(_ scans: WatchedScans, notes: [String]) throws {
    switch self {
    case .screen(let screen):
      // Continued in the background, it leaves the terminal to others.
      guard Terminal.isForeground else { return }
      let terminal = Terminal.current()
      let lines = scans.lines(terminal) + notes.map { terminalSafe($0) }
      try screen.show(lines, width: terminal.width, height: terminal.height)
    case .lines(var changes):
      for line in try changes.lines(scans, at: Date()) { try StandardOutput.output.line(line) }
      self = .lines(changes)
    case .documents(var changes):
      for scan in try changes.changed(scans) {
        try StandardOutput.output.write(JSONOutput.document(ScanDocument(scan.scan, heartbeatAlive: scan.isAlive)))
      }
      self = .documents(changes)
    }
  }
}
