/// How far a scan has got, as far as that is known.
struct ScanProgress: Sendable, Equatable {
  var elapsed: Duration
  var filesSeen: Int64
  /// Bytes.
  var bytesSeen: Int64
  var filesPerSecond: Double?
  /// 0 to 100; unknown on a first scan, and then nothing is invented (R6).
  var percent: Double?
  var remaining: Duration?
}

/// Shows progress on standard error: a bar that is redrawn in place on a terminal, a line every few seconds
/// elsewhere. It is pure: it says what to write and when, the caller writes.
struct ProgressLine: Sendable {
  private static let redrawInterval = Duration.milliseconds(200)
  private static let lineInterval = Duration.seconds(5)
  /// Erase to the end of the line (ECMA-48 EL).
  private static let erase = "\u{1b}[K"

  private let isTerminal: Bool
  private let width: Int
  private var lastShown: ContinuousClock.Instant?

  init(_ terminal: Terminal) {
    isTerminal = terminal.isErrorTerminal
    width = terminal.width
  }

  /// What to write now; `nil` if it is too early for the next.
  mutating func update(_ progress: ScanProgress, at now: ContinuousClock.Instant) -> String? {
    let interval = isTerminal ? Self.redrawInterval : Self.lineInterval
    if let lastShown, lastShown.duration(to: now) < interval { return nil }
    lastShown = now
    guard isTerminal else { return Self.text(progress) + "\n" }
    return "\r" + Self.line(progress, width: width) + Self.erase
  }

  /// What makes room for other output: the bar's line is emptied. `nil` if nothing was drawn.
  mutating func clear() -> String? {
    defer { lastShown = nil }
    return isTerminal && lastShown != nil ? "\r" + Self.erase : nil
  }

  /// A bar and its numbers, never wider than the terminal; without a percentage no bar.
  static func line(_ progress: ScanProgress, width: Int) -> String {
    let text = text(progress)
    // The last column stays free: some terminals wrap when it is filled.
    let room = width - 1
    let bar = min(30, room - text.count - 3)
    guard let percent = progress.percent, bar >= 10 else { return String(text.prefix(max(0, room))) }
    let filled = Int(Double(bar) * min(100, max(0, percent)) / 100)
    return "[\(String(repeating: "#", count: filled))\(String(repeating: "-", count: bar - filled))] \(text)"
  }

  /// `42 %, 1,234 files, 5.6 GiB, 789 files/s, ETA 3 m 12 s`, or with nothing to compare with
  /// `counted 1,234 files, 5.6 GiB, 789 files/s, 12 s`.
  static func text(_ progress: ScanProgress) -> String {
    var parts = [progress.percent == nil ? "counted \(files(progress))" : files(progress)]
    // Rounded down: 100 % is said when it is so.
    if let percent = progress.percent { parts.insert("\(Int(min(100, max(0, percent)))) %", at: 0) }
    parts.append(Humane.size(progress.bytesSeen))
    if let rate = progress.filesPerSecond { parts.append(Humane.filesPerSecond(rate)) }
    if let remaining = progress.remaining {
      parts.append("ETA \(Humane.duration(remaining))")
    } else {
      parts.append(Humane.duration(progress.elapsed))
    }
    return parts.joined(separator: ", ")
  }

  private static func files(_ progress: ScanProgress) -> String {
    "\(Humane.count(progress.filesSeen)) file\(progress.filesSeen == 1 ? "" : "s")"
  }
}
