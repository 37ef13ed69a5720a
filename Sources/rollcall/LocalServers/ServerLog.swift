import Foundation

/// A server's log file, and what was written to it since this start.
struct ServerLog: ~Copyable {
  let path: String
  let descriptor: Int32
  private let start: off_t

  /// Opened for appending; the directory must be there.
  init(_ path: String) throws(LocalServersError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
    start = lseek(descriptor, 0, SEEK_END)
  }

  deinit { close(descriptor) }

  /// The last lines of this start in one.
  func tail() -> String {
    lseek(descriptor, start, SEEK_SET)
    return lastLines(String(decoding: readAll(descriptor), as: UTF8.self))
  }
}

/// The last three lines that are not empty, in one that suits an error message.
func lastLines(_ text: String) -> String {
  let lines = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty }
  return lines.isEmpty ? "it said nothing" : terminalSafe(String(lines.suffix(3).joined(separator: " | ").suffix(600)))
}
