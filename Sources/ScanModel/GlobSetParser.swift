/// Reads `[…]` of a glob as git's wildmatch does: ranges, `!` or `^` for all but those, `]` first for itself, a
/// backslash before any of them, and the POSIX classes, of ASCII alone.
struct GlobSetParser {
  private let text: String
  private let bytes: ArraySlice<UInt8>
  private let begin: Int
  /// Behind what was read.
  private(set) var position: Int
  private var set = ByteSet()
  /// What a range may begin with: the byte before, if that is one by itself.
  private var previous: UInt8?

  /// - Parameter position: behind the bracket.
  init(_ text: String, _ bytes: ArraySlice<UInt8>, at position: Int) {
    self.text = text
    self.bytes = bytes
    begin = position - 1
    self.position = position
  }

  mutating func parse() throws(RuleError) -> ByteSet {
    let isNegated = peek == UInt8(ascii: "!") || peek == UInt8(ascii: "^")
    if isNegated { position += 1 }
    repeat { try member() } while try peekInside() != UInt8(ascii: "]")
    position += 1
    var found = isNegated ? set.inverted : set
    found.remove(UInt8(ascii: "/"))
    return found
  }

  private mutating func member() throws(RuleError) {
    let byte = try next()
    switch byte {
    case UInt8(ascii: "\\"): single(try next())
    case UInt8(ascii: "-"):
      if let first = previous, let last = try rangeEnd() {
        set.insert(from: first, through: last)
        previous = nil
      } else {
        single(byte)
      }
    case UInt8(ascii: "["): if try !posixClass() { single(byte) }
    default: single(byte)
    }
  }

  private mutating func single(_ byte: UInt8) {
    set.insert(byte)
    previous = byte
  }

  /// A dash before the closing bracket is itself.
  private mutating func rangeEnd() throws(RuleError) -> UInt8? {
    guard try peekInside() != UInt8(ascii: "]") else { return nil }
    let last = try next()
    return last == UInt8(ascii: "\\") ? try next() : last
  }

  /// `[:alpha:]`, behind its first bracket; false where it is none, and a bracket like any other.
  private mutating func posixClass() throws(RuleError) -> Bool {
    guard peek == UInt8(ascii: ":") else { return false }
    let nameBegin = position + 1
    guard let close = bytes[nameBegin...].firstIndex(of: UInt8(ascii: "]")) else { throw unclosed }
    guard close > nameBegin, bytes[close - 1] == UInt8(ascii: ":") else { return false }
    let name = String(decoding: bytes[nameBegin..<(close - 1)], as: UTF8.self)
    guard let isMember = Self.classes[name] else {
      throw RuleError(
        GlobParser.rule, text, atByte: nameBegin,
        "there is no class of this name; there are \(Self.classes.keys.sorted().joined(separator: ", "))")
    }
    set.insert(where: isMember)
    previous = nil
    position = close + 1
    return true
  }

  private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private func peekInside() throws(RuleError) -> UInt8 {
    guard let byte = peek else { throw unclosed }
    return byte
  }

  private mutating func next() throws(RuleError) -> UInt8 {
    let byte = try peekInside()
    position += 1
    return byte
  }

  private var unclosed: RuleError {
    RuleError(GlobParser.rule, text, atByte: begin, "the bracket is not closed; write \\[ for one in a name")
  }

  /// As git has them, whose spaces are fewer than isspace(3)'s.
  private static let classes: [String: @Sendable (UInt8) -> Bool] = [
    "alnum": { isLetter($0) || isDigit($0) },
    "alpha": isLetter,
    "blank": { $0 == 0x20 || $0 == 0x09 },
    "cntrl": { $0 < 0x20 || $0 == 0x7f },
    "digit": isDigit,
    "graph": { (0x21...0x7e).contains($0) },
    "lower": { (0x61...0x7a).contains($0) },
    "print": { (0x20...0x7e).contains($0) },
    "punct": { (0x21...0x7e).contains($0) && !isLetter($0) && !isDigit($0) },
    "space": { [0x20, 0x09, 0x0a, 0x0d].contains($0) },
    "upper": { (0x41...0x5a).contains($0) },
    "xdigit": { isDigit($0) || (0x41...0x46).contains($0 & 0xdf) },
  ]

  private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
