/// Compiles a glob as gitignore(5) and git's wildmatch read it, on bytes:
///
/// - `!` at the beginning re-includes; what stands below an ignored directory stays ignored.
/// - A slash at the end: directories only. One at the beginning or in the middle: from the library's root. Otherwise a
///   name at any level.
/// - `*`, `?` and `[…]` never match a slash. `**` between slashes or at an end is any number of levels; other runs of
///   stars are one.
/// - A backslash takes the next byte as it is. Spaces at the end count only with one before them.
///
/// A glob is one argument, not a line of a file: `#` begins no comment. What git takes and can never match anything is
/// refused.
struct GlobParser {
  static let rule = "ignore glob"
  /// In bytes.
  static let maximumLength = 1024

  private let text: String
  private let bytes: [UInt8]
  /// Between `!` and the slash or spaces at the end.
  private var position: Int
  private let end: Int
  private let isNegated: Bool
  private let isDirectoriesOnly: Bool

  /// The tokens of the part that is read.
  private var tokens: [GlobSegment.Token] = []
  /// How many unescaped stars begin it, while it holds nothing else.
  private var onlyStars = 0
  private var partBegin = 0
  private var parts: [Glob.Part] = []

  static func parse(_ text: String) throws(RuleError) -> Glob {
    var parser = try GlobParser(text)
    return try parser.glob()
  }

  private init(_ text: String) throws(RuleError) {
    self.text = text
    bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumLength else {
      throw RuleError(Self.rule, text, "it has \(bytes.count) bytes, more than \(Self.maximumLength)")
    }
    if let nul = bytes.firstIndex(of: 0) {
      throw RuleError(Self.rule, text, atByte: nul, "a NUL byte, which no name holds")
    }
    var end = Self.withoutSpaces(bytes)
    isNegated = end > 0 && bytes[0] == UInt8(ascii: "!")
    position = isNegated ? 1 : 0
    isDirectoriesOnly = end > position && bytes[end - 1] == UInt8(ascii: "/")
    if isDirectoriesOnly { end -= 1 }
    self.end = end
    guard position < end else { throw RuleError(Self.rule, text, "it names nothing; to ignore everything write *") }
  }

  /// Where the spaces at the end begin. A backslash keeps the one after it.
  private static func withoutSpaces(_ bytes: [UInt8]) -> Int {
    var end = 0
    var isEscaped = false
    for (index, byte) in bytes.enumerated() {
      if isEscaped || byte != UInt8(ascii: " ") { end = index + 1 }
      isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
    }
    return end
  }

  private mutating func glob() throws(RuleError) -> Glob {
    // Git looks for the slash without a thought for brackets, and so do we.
    let isPath = bytes[position..<end].contains(UInt8(ascii: "/"))
    if bytes[position] == UInt8(ascii: "/") { position += 1 }
    partBegin = position
    while position < end { try token() }
    try endPart()
    let place: Glob.Place
    if isPath {
      place = .path(parts)
    } else if case .name(let segment) = parts[0] {
      place = .anywhere(segment)
    } else {
      place = .anywhere(GlobSegment([.star]))
    }
    return Glob(isNegated: isNegated, isDirectoriesOnly: isDirectoriesOnly, place: place)
  }

  private mutating func token() throws(RuleError) {
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "/"):
      position -= 1
      try endPart()
      position += 1
      partBegin = position
    case UInt8(ascii: "*"):
      if tokens.isEmpty || tokens.count == 1 && onlyStars > 0 { onlyStars += 1 }
      if tokens.last?.isStar != true { tokens.append(.star) }
    case UInt8(ascii: "?"): append(.any)
    case UInt8(ascii: "["):
      var set = GlobSetParser(text, bytes[..<end], at: position)
      append(.set(try set.parse()))
      position = set.position
    case UInt8(ascii: "\\"): try escaped()
    default: append(.literal(byte))
    }
  }

  private mutating func escaped() throws(RuleError) {
    guard position < end else {
      throw RuleError(Self.rule, text, atByte: position - 1, "a backslash with nothing after it; write \\\\ for one")
    }
    // A slash parts levels even so.
    guard bytes[position] != UInt8(ascii: "/") else { return }
    append(.literal(bytes[position]))
    position += 1
  }

  private mutating func append(_ token: GlobSegment.Token) {
    tokens.append(token)
    onlyStars = 0
  }

  private mutating func endPart() throws(RuleError) {
    try checkPart()
    parts.append(onlyStars >= 2 ? .anyLevels : .name(GlobSegment(tokens)))
    tokens.removeAll(keepingCapacity: true)
    onlyStars = 0
    guard parts.count <= Glob.maximumParts else {
      throw RuleError(Self.rule, text, atByte: partBegin, "more than \(Glob.maximumParts) levels")
    }
  }

  /// What can never match is a slip.
  private func checkPart() throws(RuleError) {
    switch Array(bytes[partBegin..<position]) {
    case []:
      throw RuleError(Self.rule, text, atByte: partBegin, "nothing between two slashes, which matches nothing")
    case Array(".".utf8), Array("..".utf8):
      throw RuleError(
        Self.rule, text, atByte: partBegin,
        "no path holds . or .., so this matches nothing; / at the beginning means the library's root")
    default: return
    }
  }
}
