import Foundation

/// A yes that a person must give on a terminal.
struct Confirmation {
  let question: String
  /// As in `removing a library`.
  let doing: String

  func isGiven() throws -> Bool {
    guard isatty(STDIN_FILENO) == 1 else {
      throw CommandFailure(message: "\(doing) needs a terminal to ask on, or --yes", code: ExitStatus.usage)
    }
    try StandardOutput.error.write("\(question) [y/N] ")
    return ["y", "yes"].contains(readLine()?.lowercased())
  }
}
