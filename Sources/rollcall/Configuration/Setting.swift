/// One line of the table from which parsing, errors, `rollcall config` and the check of
/// `config/rollcall.yaml` are derived: a key, the property that it sets, its form and what it is for.
struct Setting: Sendable {
  /// As the file spells it.
  let key: String
  /// As the commented file has it, without the last full stop.
  let explanation: String
  /// What a value may be; completes "must be …".
  let allowed: String
  /// What stands between the items of a list, but for the file's.
  let separator: Character
  /// As the command line spells it, where it has it.
  let flag: String?
  /// False for what this release reads and checks, and does nothing with.
  let isInEffect: Bool
  /// The default in words where this machine or terminal decides it.
  private let standardInWords: String?
  /// Sets the property from a user's text; false if the text is no such value.
  let assign: @Sendable (String, inout Configuration) -> Bool
  private let format: @Sendable (Configuration) -> String

  init<Value>(
    _ key: String, _ property: WritableKeyPath<Configuration, Value> & Sendable, _ form: Form<Value>,
    _ explanation: String, standard: String? = nil, flag: String? = nil, isInEffect: Bool = true
  ) {
    self.key = key
    self.explanation = explanation
    self.flag = flag
    self.isInEffect = isInEffect
    allowed = form.allowed
    separator = form.separator
    standardInWords = standard
    assign = { text, configuration in
      guard let value = form.parse(text) else { return false }
      configuration[keyPath: property] = value
      return true
    }
    format = { form.format($0[keyPath: property]) }
  }

  /// The environment variable that sets it.
  var variable: String { "ROLLCALL_" + key.uppercased() }

  /// The default as the documentation gives it.
  var standard: String { standardInWords ?? format(Configuration()) }

  /// Whether this machine or terminal decides the default.
  var isStandardComputed: Bool { standardInWords != nil }

  /// The effective value in the form in which a user would write it, passwords masked.
  func displayValue(in configuration: Configuration) -> String { maskingPasswords(format(configuration)) }
}
