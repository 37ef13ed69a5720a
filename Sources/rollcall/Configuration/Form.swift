/// How a setting's value is written. Plain and unit-bearing: a duration or a share without its unit is
/// refused, because a bare `30` has been meant as seconds, as milliseconds and as minutes.
struct Form<Value: Sendable>: Sendable {
  /// Completes "must be …".
  let allowed: String
  /// What stands between the items of a list; the file has lists of its own.
  let separator: Character
  /// `nil` if the text is no such value.
  let parse: @Sendable (String) -> Value?
  /// What `parse` reads back to the same value.
  let format: @Sendable (Value) -> String

  init(
    allowed: String, separator: Character = ",", parse: @escaping @Sendable (String) -> Value?,
    format: @escaping @Sendable (Value) -> String
  ) {
    self.allowed = allowed
    self.separator = separator
    self.parse = parse
    self.format = format
  }
}

extension Form where Value == String {
  static let line = Form(
    allowed: "one line of text",
    parse: { text in text.unicodeScalars.allSatisfy(isPrintable) ? text : nil }, format: { $0 })

  /// Part of a Redis key: braces would change its hash tag, a slash separates a worker from its slot.
  static let word = Form(
    allowed: "1 to 128 letters, digits and . _ - : @ +", parse: { isWord($0) ? $0 : nil }, format: { $0 })
}

extension Form where Value == [String] {
  static let words = Form(
    allowed: "a list of different names, each of letters, digits and . _ - : @ +",
    parse: { text in
      let names = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
      return names.allSatisfy(isWord) && Set(names).count == names.count ? names : nil
    },
    format: { $0.joined(separator: ",") })
}

extension Form where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  static func choice() -> Form {
    Form(
      allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
      parse: { Value(rawValue: $0) }, format: { $0.rawValue })
  }
}

extension Form where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> Form {
    Form(
      allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      parse: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }, format: { String($0) })
  }
}

extension Form where Value == Bool {
  static let boolean = Form(
    allowed: "true or false",
    parse: { text in
      switch text.lowercased() {
      case "true", "yes", "on", "1": true
      case "false", "no", "off", "0": false
      default: nil
      }
    },
    format: { $0 ? "true" : "false" })
}

extension Form where Value == Double {
  /// Per cent.
  static let percent = Form(
    allowed: "a share from 0 % to 100 %, such as 10 %",
    parse: { text in
      guard text.hasSuffix("%"), let value = Double(trimmed(text.dropLast())), (0...100).contains(value) else {
        return nil
      }
      return value
    },
    format: { $0 == $0.rounded() ? "\(Int($0)) %" : "\($0) %" })
}

func trimmed(_ text: some StringProtocol) -> String {
  let start = text.drop { $0.isWhitespace }
  guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
  return String(start[...last])
}

private func isWord(_ text: String) -> Bool {
  (1...128).contains(text.utf8.count)
    && text.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || "._-:@+".unicodeScalars.contains($0)
    }
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory != .control }
