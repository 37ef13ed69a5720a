import Catalog
import Foundation
import ScanModel

/// A scan for people: what it is, what it found, what to look at next.
struct ScanReport {
  private let scan: ScanRecord
  private let terminal: Terminal

  init(_ scan: ScanRecord, _ terminal: Terminal) {
    self.scan = scan
    self.terminal = terminal
  }

  var lines: [String] {
    var lines = [
      "Scan         \(scan.id) of library \(terminalSafe(scan.library)), \(scan.mode.rawValue)",
      "Status       \(terminal.colored(scan.status.rawValue, color))",
      "Root         \(terminalSafe(scan.rootPath))",
      "Requested    \(requested)",
    ]
    if let took { lines.append("Took         \(took)") }
    lines.append("Files        \(Humane.count(scan.counters.filesSeen)), \(Humane.size(scan.bytesSeen))")
    let moved = scan.counters.directoriesMoved
    lines.append(
      "Directories  \(Humane.count(scan.counters.directoriesSeen))"
        + (moved > 0 ? ", \(Humane.count(moved)) moved" : ""))
    if !changes.isEmpty { lines.append("Changes      \(changes)") }
    if scan.counters.errors > 0 {
      lines.append("Errors       \(Humane.count(scan.counters.errors)), see `rollcall errors \(scan.id)`")
    }
    if let message = scan.message { lines.append("Message      \(terminalSafe(message))") }
    if let message = scan.errorMessage { lines.append("Error        \(terminalSafe(message))") }
    return lines
  }

  /// - Parameter isAlive: whether a live worker holds a slice of the scan; `nil`: nothing to say.
  static func heartbeatLines(_ isAlive: Bool?) -> [String] {
    isAlive.map { ["Heartbeat    \($0 ? "alive" : "none: no live worker holds a slice")"] } ?? []
  }

  private var color: Terminal.Color {
    switch scan.status {
    case .completed: .green
    case .failed, .cancelled: .red
    case .pending, .running, .paused, .partial: .yellow
    }
  }

  private var requested: String {
    let who = scan.requestedBy.map { "by \(terminalSafe($0)), " } ?? ""
    return "\(who)through \(scan.requestedThrough), \(Humane.relative(scan.requestedAt, to: Date()))"
  }

  private var took: String? {
    let now = Date()
    guard let elapsed = scan.elapsed(now: now) else { return nil }
    let rate = scan.filesPerSecond(now: now).map { ", \(Humane.filesPerSecond($0))" } ?? ""
    return Humane.duration(elapsed) + (scan.status.isActive ? " so far" : "") + rate
  }

  private var changes: String {
    let counters = scan.counters
    return [
      (counters.filesAdded, "added"), (counters.filesUpdated, "updated"), (counters.filesMoved, "moved"),
      (counters.filesUnchanged, "unchanged"), (counters.filesRemoved, "removed"),
    ]
    .filter { $0.0 > 0 }.map { "\(Humane.count($0.0)) \($0.1)" }.joined(separator: ", ")
  }
}

/// Scans as a table, one a row.
struct ScanTable {
  static func lines(_ scans: [ScanRecord]) -> [String] {
    var table = Table([
      .number("SCAN"), .text("LIBRARY"), .text("STATUS"), .number("FILES"), .number("DIRECTORIES"), .number("ERRORS"),
      .text("REQUESTED"), .text("BY"), .number("TOOK"),
    ])
    let now = Date()
    for scan in scans {
      table.append([
        "\(scan.id)", scan.library, scan.status.rawValue, Humane.count(scan.counters.filesSeen),
        Humane.count(scan.counters.directoriesSeen), Humane.count(scan.counters.errors),
        Humane.relative(scan.requestedAt, to: now), scan.requestedBy, scan.elapsed(now: now).map(Humane.duration),
      ])
    }
    return table.lines
  }
}
