import Foundation

/// Documents as `--json` shows them: keys sorted, times in RFC 3339, one line each.
enum JSONOutput {
  /// One document and its line end, valid UTF-8. Throws what the value's own encoding throws.
  static func document(_ value: some Encodable) throws -> [UInt8] { try element(value) + Array("\n".utf8) }

  static func element(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(rfc3339(date))
    }
    return Array(try encoder.encode(value))
  }

  /// UTC with microseconds, as fine as Postgres keeps it: `2026-01-02T03:04:05.000678Z` (RFC 3339, 5.6). Years have
  /// four digits there: what is earlier or later is shown as the first or the last moment that can be.
  static func rfc3339(_ date: Date) -> String {
    let exact = (date.timeIntervalSince1970 * 1_000_000).rounded()
    let whole = Int64(exactly: exact) ?? (exact < 0 ? .min : .max)
    let microseconds = min(max(whole, -62_167_219_200_000_000), 253_402_300_799_999_999)
    let fraction = (microseconds % 1_000_000 + 1_000_000) % 1_000_000
    var seconds = time_t((microseconds - fraction) / 1_000_000)
    var civil = tm()
    gmtime_r(&seconds, &civil)
    return digits(civil.tm_year + 1900, 4) + "-" + digits(civil.tm_mon + 1, 2) + "-" + digits(civil.tm_mday, 2)
      + "T" + digits(civil.tm_hour, 2) + ":" + digits(civil.tm_min, 2) + ":" + digits(civil.tm_sec, 2)
      + "." + digits(Int32(fraction), 6) + "Z"
  }

  private static func digits(_ number: Int32, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }
}

/// A value that may be unknown: `null` in JSON, where the compiler's own encoding would omit the key.
@propertyWrapper
struct OrNull<Value: Encodable>: Encodable {
  var wrappedValue: Value?

  init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
  }
}

extension OrNull: Sendable where Value: Sendable {}
extension OrNull: Equatable where Value: Equatable {}

/// A listing as one JSON array, written an element a line while it is read, so that its length costs no
/// memory: `[`, `{…},`, `{…}`, `]`.
struct JSONArrayWriter {
  private let output: StandardOutput
  private var isEmpty = true

  init(_ output: StandardOutput) { self.output = output }

  mutating func append(_ element: some Encodable) throws { try append(json: JSONOutput.element(element)) }

  /// The same of an element that is JSON already, in one line.
  mutating func append(json line: [UInt8]) throws {
    try output.write(Array((isEmpty ? "[\n" : ",\n").utf8) + line)
    isEmpty = false
  }

  /// Ends the array. Without it what was written is no JSON, as it should be after a failure.
  consuming func finish() throws {
    try output.write(Array((isEmpty ? "[]\n" : "\n]\n").utf8))
  }
}
