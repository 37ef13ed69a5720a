/// The extensions that files may have, as people write them.
extension RuleChanges.Extensions {
  private static let rule = "extensions"
  /// How many extensions a library may name.
  public static let maximumCount = 1000

  /// - Parameter text: `all`, or extensions separated by commas, such as `mp4,pdf`. A dot before one, and spaces round
  ///   it, are left out; repetitions too. Letters of ASCII are lowered.
  /// - Throws: where that is no such list.
  public init(parsing text: String) throws(RuleError) {
    if text == "all" {
      self = .all
      return
    }
    var names: Set<String> = []
    var begin = text.startIndex
    while true {
      let end = text[begin...].firstIndex(of: ",") ?? text.endIndex
      names.insert(try Self.name(text[begin..<end], in: text))
      guard end < text.endIndex else { break }
      begin = text.index(after: end)
    }
    guard names.count <= Self.maximumCount else {
      throw RuleError(Self.rule, text, "there are \(names.count); a library has at most \(Self.maximumCount)")
    }
    self = .only(names.sorted())
  }

  private static func name(_ item: Substring, in text: String) throws(RuleError) -> String {
    var name = item.drop { $0 == " " }
    while name.last == " " { name.removeLast() }
    let hadDot = name.first == "."
    name = name.drop { $0 == "." }
    if let problem = problem(with: name, hadDot: hadDot) {
      let place = problem.at ?? name.startIndex
      throw RuleError(rule, text, at: text.distance(from: text.startIndex, to: place) + 1, problem.text)
    }
    return String(decoding: name.utf8.map(lowered), as: UTF8.self)
  }

  private static func problem(with name: Substring, hadDot: Bool) -> (text: String, at: Substring.Index?)? {
    if name.isEmpty { return ("an extension without a letter; write mp4,pdf, or all for every file", nil) }
    if name == "all", !hadDot { return ("all stands alone; write .all for files that end like that", nil) }
    if name == "*" { return ("an extension is no glob; write all for every file", nil) }
    if name.utf8.count > 254 { return ("an extension of \(name.utf8.count) bytes, longer than any name's", nil) }
    guard let wrong = name.unicodeScalars.firstIndex(where: { $0 == "." || $0 == "/" || $0 == "\0" }) else {
      return nil
    }
    return switch name.unicodeScalars[wrong] {
    case ".": ("an extension is what follows the last dot of a name, so it holds none", wrong)
    case "/": ("a slash, which no name holds", wrong)
    default: ("a NUL byte, which no name holds", wrong)
    }
  }
}
