import Foundation

/// Numbers as people read them; for terminals only, JSON has the bare numbers.
enum Humane {
  /// `1,234,567`.
  static func count(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { grouped.append(",") }
      grouped.append(digit)
    }
    return number < 0 ? "-" + grouped : grouped
  }

  /// Bytes in binary units: `17 B`, `1.4 GiB`, `250 MiB`.
  static func size(_ bytes: Int64) -> String {
    var value = Double(bytes)
    var unit = "B"
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] where abs(value) >= 1023.5 {
      value /= 1024
      unit = larger
    }
    return unit == "B" || abs(value) >= 99.95 ? "\(Int64(value.rounded())) \(unit)" : "\(oneDecimal(value)) \(unit)"
  }

  /// The two largest units: `0.4 s`, `12 s`, `3 m 12 s`, `2 h 5 m`, `4 d 1 h`.
  static func duration(_ duration: Duration) -> String {
    let seconds = max(0, duration / .seconds(1))
    guard seconds >= 9.95 else { return "\(oneDecimal(seconds)) s" }
    let whole = Int64(seconds.rounded())
    return switch whole {
    case ..<60: "\(whole) s"
    case ..<3600: "\(whole / 60) m \(whole % 60) s"
    case ..<86_400: "\(whole / 3600) h \(whole % 3600 / 60) m"
    default: "\(count(whole / 86_400)) d \(whole % 86_400 / 3600) h"
    }
  }

  /// `45,678 files/s`, `3.2 files/s`.
  static func filesPerSecond(_ rate: Double) -> String {
    (rate < 9.95 ? oneDecimal(max(0, rate)) : count(Int64(rate.rounded()))) + " files/s"
  }

  /// How a moment lies to another, to the second: `now`, `4 s ago`, `in 3 m 12 s`.
  static func relative(_ moment: Date, to now: Date) -> String {
    let seconds = now.timeIntervalSince(moment)
    let whole = Int64(abs(seconds).rounded())
    guard whole >= 1 else { return "now" }
    let distance = whole < 60 ? "\(whole) s" : duration(.seconds(whole))
    return seconds > 0 ? "\(distance) ago" : "in \(distance)"
  }

  private static func oneDecimal(_ value: Double) -> String {
    let tenths = Int64((value * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
  }
}
