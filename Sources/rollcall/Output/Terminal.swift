import Foundation

/// What standard output and standard error are connected to.
struct Terminal: Sendable {
  var isOutputTerminal: Bool
  var isErrorTerminal: Bool
  /// Columns; 80 where there is no terminal.
  var width: Int
  /// Rows; 24 where there is no terminal.
  var height = 24
  /// Standard output is a terminal whose cursor can be moved.
  var canRedraw = false
  /// `NO_COLOR` (no-color.org): set and not empty forbids colour.
  var allowsColor: Bool

  /// This process's own, as it is now.
  static func current(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
    let isErrorTerminal = isatty(STDERR_FILENO) == 1
    let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    let size = size(of: isErrorTerminal ? STDERR_FILENO : STDOUT_FILENO)
    return Terminal(
      isOutputTerminal: isOutputTerminal, isErrorTerminal: isErrorTerminal, width: size?.columns ?? 80,
      height: size?.rows ?? 24,
      canRedraw: isOutputTerminal && !["", "dumb"].contains(environment["TERM", default: ""]),
      allowsColor: environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb")
  }

  /// Whether standard output is nobody else's terminal at the moment (a shell's that has put this program aside).
  static var isForeground: Bool {
    let group = tcgetpgrp(STDOUT_FILENO)
    return group < 0 || group == getpgrp()
  }

  private static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  /// `text` for standard output in a colour, if that is a terminal that may show one.
  func colored(_ text: String, _ color: Color) -> String {
    isOutputTerminal && allowsColor ? "\u{1b}[\(color.rawValue)m\(text)\u{1b}[0m" : text
  }

  /// SGR parameters (ECMA-48).
  enum Color: Int, Sendable {
    case red = 31
    case green = 32
    case yellow = 33
  }
}
