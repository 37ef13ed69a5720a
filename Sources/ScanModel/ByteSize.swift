/// Sizes as people write them, read and written without a rounding error.
public enum ByteSize {
  private static let rule = "size"
  /// After the dot.
  private static let maximumDigits = 18

  /// From the largest to the smallest; each multiple in the form that is written.
  private static let units: [(name: String, bytes: Int64)] = [
    ("EiB", 1 << 60), ("EB", 1_000_000_000_000_000_000), ("PiB", 1 << 50), ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20),
    ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1_000), ("B", 1),
  ]

  /// - Parameter text: such as `2GiB`, `1.5 MB` or `1024`, which is bytes: KB, MB and so on are powers of 1000, KiB,
  ///   MiB and so on of 1024, in upper or lower case.
  /// - Returns: bytes, a fraction of one left out.
  /// - Throws: where that is no size, or a larger one than a file can have.
  public static func parse(_ text: String) throws(RuleError) -> Int64 {
    let whole = text.prefix(while: isDigit)
    guard !whole.isEmpty else {
      throw wrong(text, at: text.startIndex, "a size begins with a number, such as 2GiB, 500MB or 1024")
    }
    var rest = text[whole.endIndex...]
    var fraction: Substring = ""
    if rest.first == "." {
      fraction = rest.dropFirst().prefix(while: isDigit)
      guard !fraction.isEmpty else { throw wrong(text, at: rest.startIndex, "no digit follows the dot") }
      guard fraction.count <= maximumDigits else {
        throw wrong(text, at: fraction.startIndex, "more than \(maximumDigits) digits follow the dot")
      }
      rest = text[fraction.endIndex...]
    }
    let bytes = try unit(rest.drop { $0 == " " }, in: text)
    if bytes == 1, !fraction.isEmpty { throw wrong(text, at: whole.endIndex, "there are no parts of a byte") }
    guard let size = product(whole, fraction, bytes) else {
      throw RuleError(rule, text, "it is more than any file can have, which is less than 8 EiB")
    }
    return size
  }

  /// What `parse` reads back to the same number, in the largest unit that divides it.
  public static func format(_ bytes: Int64) -> String {
    guard bytes != 0, let unit = units.first(where: { bytes.isMultiple(of: $0.bytes) }) else { return "\(bytes) B" }
    return "\(bytes / unit.bytes) \(unit.name)"
  }

  private static func unit(_ name: Substring, in text: String) throws(RuleError) -> Int64 {
    if name.isEmpty { return 1 }
    let lower = name.lowercased()
    if let unit = units.first(where: { $0.name.lowercased() == lower }) { return unit.bytes }
    let problem =
      if lower.count == 1, "kmgtpe".contains(lower) {
        "\(name.uppercased()) may be \(name.uppercased())B, by 1000, or \(name.uppercased())iB, by 1024: write which"
      } else if name.first == "," {
        "a fraction is written with a dot, and thousands without a mark"
      } else {
        "no such unit; write B, KB, MB, GB, TB, or KiB, MiB, GiB, TiB"
      }
    throw wrong(text, at: name.startIndex, problem)
  }

  /// `nil` where it overflows.
  private static func product(_ whole: Substring, _ fraction: Substring, _ unit: Int64) -> Int64? {
    guard let number = Int64(whole), let digits = fraction.isEmpty ? 0 : UInt128(fraction) else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    let scale = fraction.reduce(UInt128(1)) { scale, _ in scale * 10 }
    // At most 10^18 · 2^60, which 128 bits hold.
    let part = Int64(digits * UInt128(unit) / scale)
    let (sum, carry) = bytes.addingReportingOverflow(part)
    return overflow || carry ? nil : sum
  }

  private static func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }

  private static func wrong(_ text: String, at index: String.Index, _ problem: String) -> RuleError {
    RuleError(rule, text, at: text.distance(from: text.startIndex, to: index) + 1, problem)
  }
}
