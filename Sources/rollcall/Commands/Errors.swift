import ArgumentParser
import Catalog
import Foundation
import ScanModel

struct Errors: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the file-level errors of a scan: how many of each type, then each, newest first.",
    discussion: """
      An error is the same one in every scan from the first that met it to the one that finds its place healthy or \
      gone. Of each type at most 1,000 are kept as rows; the totals count all.
      """)
  @Argument(help: "The scan's id.") var scan: Int64
  @Flag(help: "Only how many there are of each type.") var totals = false
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.catalog()
    guard let record = try catalog.scan(ScanID(scan)) else { throw CommandFailure.noScan(scan) }
    if output.json { return try printJSON(catalog, of: record.id) }
    let counts = try catalog.errorTotals(of: record.id)
    guard !counts.isEmpty else { return try environment.print(["Scan \(scan) has no errors."]) }
    try environment.print(Self.table(counts))
    if totals { return }
    try environment.print([""])
    let now = Date()
    try catalog.eachError(of: record.id) { try StandardOutput.output.line(Self.line($0, now)) }
  }

  private func printJSON(_ catalog: Catalog, of scan: ScanID) throws {
    var array = JSONArrayWriter(.output)
    if totals {
      for total in try catalog.errorTotals(of: scan) { try array.append(ErrorTotalDocument(total)) }
    } else {
      try catalog.eachError(of: scan) { try array.append(ErrorDocument($0)) }
    }
    try array.finish()
  }

  private static func table(_ counts: [ScanErrorTotal]) -> [String] {
    var table = Table([.text("TYPE"), .number("TOTAL"), .number("LISTED"), .text("WHAT TO DO")])
    for count in counts {
      table.append([
        count.type, Humane.count(count.total), Humane.count(count.rows), ErrorAdvice.text(for: count.type),
      ])
    }
    return table.lines
  }

  /// The message of a failed call begins with the call, and ends with its errno's name.
  private static func line(_ error: ScanErrorRecord, _ now: Date) -> String {
    let path = error.path.isEmpty ? "(the root)" : EscapedPath(error.path).terminal
    let call = error.operation.flatMap { error.message.hasPrefix($0) ? nil : "\($0): " } ?? ""
    let state =
      switch (error.resolvedScan, error.resolvedAt) {
      case (let scan?, let at?): "resolved by scan \(scan) \(Humane.relative(at, to: now))"
      default: "open"
      }
    return [
      terminalSafe(error.type), path, terminalSafe(call + error.message),
      "since \(Humane.relative(error.firstSeen, to: now)), \(state)",
    ].joined(separator: "  ")
  }
}
