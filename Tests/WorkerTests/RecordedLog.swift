import Logging
import Synchronization

/// What a logger that a test hands out has written, from any thread.
final class RecordedLog: Sendable {
  private let recorded = Mutex<[String]>([])

  /// A logger of every level that writes here.
  var logger: Logger { Logger(label: "test") { _ in RecordingHandler(log: self) } }

  /// Level and message, then what is said beside it by name, as ` name=value`.
  var lines: [String] { recorded.withLock { $0 } }

  fileprivate func add(_ line: String) { recorded.withLock { $0.append(line) } }
}

private struct RecordingHandler: LogHandler {
  let log: RecordedLog
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    log.add("\(event.level) \(event.message)\(metadata)")
  }
}
