import ArgumentParser
import Catalog
import Foundation
import ScanModel

struct Events: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List what happened to a scan, newest first.",
    discussion: "Every transition, refusal, recovery and repair, with who or what did it.")
  @Argument(help: "The scan's id.") var scan: Int64
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    guard let record = try catalog.scan(ScanID(scan)) else { throw CommandFailure.noScan(scan) }
    if output.json {
      var array = JSONArrayWriter(.output)
      try catalog.eachEvent(of: record.id) { try array.append(json: EventDocument($0).json()) }
      return try array.finish()
    }
    var isEmpty = true
    try catalog.eachEvent(of: record.id) { event in
      isEmpty = false
      try StandardOutput.output.line(Self.line(event))
    }
    if isEmpty { try environment.print(["Scan \(scan) has no events."]) }
  }

  /// Listings can be long, so that the columns have fixed widths: nothing is held back to align it.
  private static func line(_ event: ScanEventRecord) -> String {
    var line = "\(JSONOutput.rfc3339(event.at))  \(padded(terminalSafe(event.event), to: 14))"
    if let actor = event.actor { line += "  \(terminalSafe(actor))" }
    if let detail = event.detail { line += "  \(terminalSafe(detail))" }
    return line
  }
}

extension CommandFailure {
  static func noScan(_ id: Int64) -> CommandFailure {
    CommandFailure(message: "there is no scan \(id); see `rollcall history`")
  }
}
