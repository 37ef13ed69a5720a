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
    let thread = try Self.endOnSignal(restoring: screen)
    // What ends the watch otherwise is an error, whose message shall stand on the former screen.
    defer {
      screen?.restore()
      withExtendedLifetime(thread) {}
    }
    while true {
      try look()
      try form.show(shown, notes: [postgres.note, redis.note].compactMap { $0 })
      Thread.sleep(forTimeInterval: Self.interval / .seconds(1))
    }
  }

  private mutating func look() throws {
    do {
      let scans = try scans()
      let alive = try liveness.areAlive(scans)
      shown = WatchedScans(library: library, scans: zip(scans, alive).map { WatchedScan(scan: $0, isAlive: $1) })
      try form.tell(postgres.isBack())
      // Only the workers of active scans are asked for.
      if shown.scans.contains(where: { $0.scan.status.isActive }) {
        let isAway = shown.scans.contains { $0.scan.status.isActive && $0.isAlive == nil }
        try form.tell(isAway ? redis.isAway("whether workers are alive is not known") : redis.isBack())
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

  /// A thread of its own: the watch may stand in a call to a server that does not answer.
  private static func endOnSignal(restoring screen: Screen?) throws -> BlockingThread {
    let signals = SignalWait()
    return try BlockingThread(name: "signals") {
      while signals.pause(for: .seconds(3600)) {}
      screen?.restore()
      _exit(0)
    }
  }
}

/// Whether a server answers, as far as it was told.
struct WatchedServer {
  private let name: String
  private(set) var note: String?

  init(_ name: String) { self.name = name }

  /// What to say, once.
  mutating func isAway(_ reason: String) -> String? {
    guard note == nil else { return nil }
    note = "\(name) is away: \(reason)"
    return note
  }

  mutating func isBack() -> String? {
    guard note != nil else { return nil }
    note = nil
    return "\(name) is back"
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
