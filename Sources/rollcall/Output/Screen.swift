import Synchronization

/// A terminal's other screen, which is redrawn in place and leaves what stood there before (ECMA-48 and the
/// alternate screen of xterm(1)). Whoever ends the program closes it, on whatever thread that is.
final class Screen: Sendable {
  private static let open = "\u{1b}[?1049h\u{1b}[?25l"
  private static let close = "\u{1b}[?25h\u{1b}[?1049l"

  private enum State {
    case untouched
    case shows([String])
    case closed
  }

  private let output: StandardOutput
  private let state = Mutex(State.untouched)

  init(_ output: StandardOutput) { self.output = output }

  /// Shows lines in place of what is shown, all in one piece, so that nothing flickers.
  func show(_ lines: [String], width: Int, height: Int) throws {
    try state.withLock { state in
      switch state {
      case .untouched: try output.write(Self.open + Self.frame(lines, width: width, height: height))
      case .shows: try output.write(Self.frame(lines, width: width, height: height))
      case .closed: return
      }
      state = .shows(lines)
    }
  }

  /// Brings the cursor and the former screen back, and leaves there what was shown last.
  func restore() { end(as: .closed) { lines in Self.close + lines.map { $0 + "\n" }.joined() } }

  /// Brings the cursor and the former screen back until something is shown again.
  func leave() { end(as: .untouched) { _ in Self.close } }

  /// Whoever shows something may stand in its writing, held up by ^S: this does not wait for a ^Q.
  private func end(as next: State, _ text: ([String]) -> String) {
    output.withoutFlowControl {
      state.withLock { state in
        if case .closed = state { return }
        // There is nobody to tell where even this cannot be written.
        if case .shows(let lines) = state { try? output.write(text(lines)) }
        state = next
      }
    }
  }

  /// What draws `lines` over a former frame of any size, none of them wider than the terminal.
  static func frame(_ lines: [String], width: Int, height: Int) -> String {
    var shown = lines
    if lines.count > height {
      shown = lines.prefix(max(0, height - 1)) + ["… and \(lines.count - max(0, height - 1)) more lines"]
    }
    // Home; each line erases what is left of its former self; then all below.
    return "\u{1b}[H" + shown.map { cut($0, to: width) + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J"
  }

  /// As much of a line as fits; colours (SGR) take no room, and end with it.
  static func cut(_ line: String, to width: Int) -> String {
    var (text, room, isColour, hasColour) = ("", width, false, false)
    for scalar in line.unicodeScalars {
      if scalar == "\u{1b}" { (isColour, hasColour) = (true, true) }
      if !isColour {
        room -= displayWidth(scalar)
        if room < 0 { break }
      }
      text.unicodeScalars.append(scalar)
      if isColour, scalar == "m" { isColour = false }
    }
    return hasColour ? text + "\u{1b}[0m" : text
  }
}
