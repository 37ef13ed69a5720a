import Foundation
import Logging

/// Log lines on standard error: one record a line, as text for people or as JSON for machines.
struct LineLogHandler: LogHandler {
  private let format: LogFormat
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  init(format: LogFormat, level: Logger.Level) {
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
    let line =
      switch format {
      case .text: text(event, fields)
      case .json: json(event, fields)
      }
    // A log that cannot be written has no other place to go.
    try? StandardOutput.error.line(line)
  }

  private func text(_ event: LogEvent, _ fields: [String: String]) -> String {
    let words = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(quoted($0.value))" }
    return (["\(JSONOutput.rfc3339(Date())) \(event.level)", terminalSafe("\(event.message)")] + words)
      .joined(separator: " ")
  }

  /// A value that could be read as more than one is quoted: no name can forge a field.
  private func quoted(_ value: String) -> String {
    let safe = terminalSafe(value)
    guard safe.isEmpty || safe.contains(where: { " \"=".contains($0) }) else { return safe }
    return "\"\(safe.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }

  private func json(_ event: LogEvent, _ fields: [String: String]) -> String {
    var record = fields
    record["time"] = JSONOutput.rfc3339(Date())
    record["level"] = event.level.rawValue
    record["message"] = "\(event.message)"
    // A dictionary of strings always has a JSON form.
    guard let bytes = try? JSONOutput.element(record) else { return text(event, fields) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
