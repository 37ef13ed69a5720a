import Catalog
import Foundation
import ScanModel

/// A scan as a watch has seen it.
struct WatchedScan {
  let scan: ScanRecord
  /// Whether a live worker holds a slice of it; `nil` where that is not known, or where it has ended.
  let isAlive: Bool?
}

/// What a watch sees at one moment, newest first.
struct WatchedScans {
  /// The only one that is watched.
  let library: String?
  let scans: [WatchedScan]

  /// For a terminal.
  func lines(_ terminal: Terminal) -> [String] {
    let heading = "\(library.map(terminalSafe) ?? "All libraries"), \(Self.time(Date())), until Ctrl-C"
    guard let first = scans.first else { return [heading, "", "No scans yet."] }
    if library == nil { return [heading, ""] + ScanTable.lines(scans.map(\.scan)) }
    return [heading, ""] + ScanReport(first.scan, terminal).lines + ScanReport.heartbeatLines(first.isAlive)
  }

  /// UTC, to the second.
  static func time(_ date: Date) -> String { String(JSONOutput.rfc3339(date).prefix(19)) + "Z" }
}

/// What has changed since the last look, for output that only grows.
struct ScanChanges {
  private struct Seen {
    let name: String
    let fingerprint: [UInt8]
  }

  private var seen: [LibraryID: Seen] = [:]

  /// The scans that are not as they were, in the order in which they were asked for.
  mutating func changed(_ scans: WatchedScans) throws -> [WatchedScan] {
    try scans.scans.reversed().filter { try note($0) }
  }

  /// A line for each of them, and for each library that is not there any more.
  mutating func lines(_ scans: WatchedScans, at now: Date) throws -> [String] {
    let time = WatchedScans.time(now)
    var lines = try changed(scans).map { "\(time)  \(Self.text($0, now))" }
    let present = Set(scans.scans.map(\.scan.libraryID))
    for (id, library) in seen.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where !present.contains(id) {
      seen[id] = nil
      lines.append("\(time)  library \(terminalSafe(library.name)) is removed")
    }
    return lines
  }

  /// Whether it is not as it was. What the clock alone changes, such as a rate, is no change.
  private mutating func note(_ watched: WatchedScan) throws -> Bool {
    let scan = watched.scan
    let still = ScanDocument(scan, heartbeatAlive: watched.isAlive, now: scan.startedAt ?? scan.requestedAt)
    let fingerprint = try JSONOutput.element(still)
    guard seen[scan.libraryID]?.fingerprint != fingerprint else { return false }
    seen[scan.libraryID] = Seen(name: scan.library, fingerprint: fingerprint)
    return true
  }

  private static func text(_ watched: WatchedScan, _ now: Date) -> String {
    let scan = watched.scan
    var text = "scan \(scan.id) of \(terminalSafe(scan.library)): \(scan.status.rawValue)"
    if scan.startedAt != nil { text += ", \(ProgressLine.text(ScanProgress(scan, now: now)))" }
    let errors = scan.counters.errors
    if errors > 0 { text += ", \(Humane.count(errors)) error\(errors == 1 ? "" : "s")" }
    if scan.status == .running, watched.isAlive == false { text += ", no live worker" }
    if let message = scan.errorMessage ?? scan.message { text += ", \(terminalSafe(message))" }
    return text
  }
}
