/// A rule that cannot be used, and where it is wrong.
public struct RuleError: Error, Equatable, CustomStringConvertible {
  /// What the text was meant to be, such as `ignore glob`.
  public let rule: String
  /// As it was given. It may hold anything: make it safe before a terminal shows it.
  public let text: String
  /// Of the first wrong character, from 1; `nil` where the text is wrong as a whole.
  public let position: Int?
  /// What is wrong and what to write instead.
  public let problem: String

  init(_ rule: String, _ text: String, at position: Int? = nil, _ problem: String) {
    self.rule = rule
    self.text = text
    self.position = position
    self.problem = problem
  }

  /// - Parameter offset: of the wrong character's first byte in `text`, in UTF-8.
  init(_ rule: String, _ text: String, atByte offset: Int, _ problem: String) {
    self.init(rule, text, at: String(decoding: text.utf8.prefix(offset), as: UTF8.self).count + 1, problem)
  }

  /// One line. A long text is shown as far as its wrong character and a little more.
  public var description: String {
    let place = position.map { "is wrong at character \($0)" } ?? "cannot be used"
    return "\(rule) \"\(excerpt)\" \(place): \(problem)"
  }

  private var excerpt: String {
    let shown = 80
    guard text.count > shown else { return text }
    let from = max(0, (position ?? 1) - shown / 2)
    return (from > 0 ? "…" : "") + text.dropFirst(from).prefix(shown) + (from + shown < text.count ? "…" : "")
  }
}
