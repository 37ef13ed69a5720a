extension Form where Value == Duration {
  /// A whole number and its unit, `10 s` or `10s`, from 1 ms to 3650 d.
  static let duration = Form(
    allowed: "a whole number with its unit (ms, s, m, h or d), such as 10 s, up to 3650 d",
    parse: parseDuration, format: formatDuration)
}

private let longestDuration = Int64(3650) * 86_400_000

/// In milliseconds, the largest first.
private let durationUnits: [(name: String, milliseconds: Int64)] = [
  ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
]

private func parseDuration(_ text: String) -> Duration? {
  let digits = text.prefix { ("0"..."9").contains($0) }
  let name = trimmed(text.dropFirst(digits.count))
  guard let number = Int64(digits), let unit = durationUnits.first(where: { $0.name == name }) else { return nil }
  let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
  guard !overflow, (1...longestDuration).contains(milliseconds) else { return nil }
  return .milliseconds(milliseconds)
}

/// In the largest unit that divides it, but for a minute, which reads better as 60 s.
private func formatDuration(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
  if milliseconds == 60_000 { return "60 s" }
  for unit in durationUnits where milliseconds.isMultiple(of: unit.milliseconds) {
    return "\(milliseconds / unit.milliseconds) \(unit.name)"
  }
  return "\(milliseconds) ms"
}
