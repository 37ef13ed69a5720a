import ArgumentParser
import Catalog
import Foundation
import ScanModel

struct Changes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the files that a scan has added, moved, updated and removed.",
    discussion: """
      Links, FIFOs and the like too. Of directories those that were moved, with all that lies in them. A removed file \
      is gone, or excluded by a rule of the library. First what was known before: what is there again, moved, removed, \
      updated, excluded, each in the order of its ids; then what is new, as it lies in the catalogue. Nothing is sorted \
      by path. Of a scan that goes on: what it has done so far.
      """)
  @Argument(help: "The scan's id.") var scan: Int64
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    guard let record = try catalog.scan(ScanID(scan)) else { throw CommandFailure.noScan(scan) }
    if output.json {
      var array = JSONArrayWriter(.output)
      try catalog.eachChange(of: record) { try array.append(ChangeDocument($0)) }
      return try array.finish()
    }
    var tally = ChangeTally()
    try catalog.eachChange(of: record) { change in
      tally.note(change)
      try StandardOutput.output.line(Self.line(change))
    }
    try environment.print([tally.line(of: record)])
  }

  /// Listings can be long, so that the columns have fixed widths: nothing is held back to align it.
  private static func line(_ change: FileChange) -> String {
    var place = EscapedPath(change.path).terminal
    let word: String
    switch change.change {
    case .added: word = "added"
    case .moved(let from):
      word = "moved"
      place = "\(EscapedPath(from).terminal) -> \(place)"
    case .updated: word = "updated"
    case .removed(let isExcluded): word = isExcluded ? "excluded" : "removed"
    }
    return "\(padded(word, to: 8))  \(padded(change.kind.rawValue, to: 9))  \(place)"
  }
}

/// How many files a scan has changed, and how.
private struct ChangeTally {
  private var added: Int64 = 0
  private var updated: Int64 = 0
  private var moved: Int64 = 0
  private var directoriesMoved: Int64 = 0
  private var removed: Int64 = 0
  private var excluded: Int64 = 0

  mutating func note(_ change: FileChange) {
    switch change.change {
    case .added: added += 1
    case .moved: if change.kind == .directory { directoriesMoved += 1 } else { moved += 1 }
    case .updated: updated += 1
    case .removed(let isExcluded):
      removed += 1
      if isExcluded { excluded += 1 }
    }
  }

  func line(of scan: ScanRecord) -> String {
    let soFar = scan.status.isActive ? " so far" : ""
    guard added + updated + moved + directoriesMoved + removed > 0 else {
      return "Scan \(scan.id) has changed no file\(soFar)."
    }
    var parts = ["\(Humane.count(added)) added", "\(Humane.count(updated)) updated"]
    if moved > 0 { parts.append("\(Humane.count(moved)) moved") }
    parts.append(
      "\(Humane.count(removed)) removed" + (excluded > 0 ? " (\(Humane.count(excluded)) excluded by rules)" : ""))
    if directoriesMoved > 0 {
      parts.append("\(Humane.count(directoriesMoved)) \(directoriesMoved == 1 ? "directory" : "directories") moved")
    }
    return "Scan \(scan.id)\(soFar): \(parts.joined(separator: ", "))."
  }
}
