extension Configuration {
  /// The variable that names a configuration file.
  static let fileVariable = "ROLLCALL_CONFIG"

  /// Lays the layers on each other, lowest first: defaults, file, environment, flags.
  ///
  /// - Parameters:
  ///   - file: what `--config` names; without it `ROLLCALL_CONFIG` does, and without both there is no file.
  ///   - environment: an empty variable is as good as an unset one.
  ///   - flags: values by the settings' keys, lists separated by commas.
  static func load(
    file: String?, environment: [String: String], flags: [String: String]
  ) throws(ConfigurationError) -> Configuration {
    var configuration = Configuration()
    let named = environment[fileVariable].flatMap { $0.isEmpty ? nil : $0 }
    if let path = file ?? named {
      for entry in try ConfigurationFile.read(path, namedBy: file == nil ? fileVariable : "--config") {
        try configuration.set(entry.setting, to: entry.text, from: .file(path: path, line: entry.line))
      }
    }
    try configuration.apply(environment: environment)
    for (key, text) in flags.sorted(by: { $0.key < $1.key }) {
      guard let setting = Setting[key], let flag = setting.flag else {
        throw ConfigurationError(description: "no flag sets \(key)")
      }
      try configuration.set(setting, to: text, from: .flag(flag))
    }
    try configuration.check()
    return configuration
  }

  private mutating func set(_ setting: Setting, to text: String, from origin: Origin) throws(ConfigurationError) {
    guard setting.assign(trimmed(text), &self) else {
      let shown = maskingPasswords(terminalSafe(String(text.prefix(80))))
      throw ConfigurationError(
        description: "\(origin): \(setting.key) is \"\(shown)\" but must be \(setting.allowed)")
    }
    origins[setting.key] = origin
  }

  private mutating func apply(environment: [String: String]) throws(ConfigurationError) {
    for setting in Setting.all {
      guard let text = environment[setting.variable], !text.isEmpty else { continue }
      try set(setting, to: text, from: .environment(setting.variable))
    }
    try refuseMisspelled(environment.keys)
  }

  /// Foreign variables are none of our business (Kubernetes makes ROLLCALL_PORT of a service's name), but
  /// one that is a slip away from a known one was meant for us.
  private func refuseMisspelled(_ names: some Sequence<String>) throws(ConfigurationError) {
    let known = Setting.all.map(\.variable) + [Self.fileVariable]
    let head = "ROLLCALL_"
    for name in names.sorted() where name.hasPrefix(head) {
      guard !known.contains(name) else { continue }
      let nearest = nearest(to: name, among: known)
      if nearest.distance <= min(2, (name.count - head.count) / 4) {
        throw ConfigurationError(description: "unknown environment variable \(name); did you mean \(nearest.name)?")
      }
    }
  }

  /// What no setting can see alone.
  private func check() throws(ConfigurationError) {
    try require(
      lockRenew * 2 < lockTTL, "lock_renew", "less than half of", "lock_ttl", "so that one late renewal loses no lock")
    try require(
      stallAfter <= stallPauseAfter, "stall_after", "no longer than", "stall_pause_after",
      "so that work is stalled before it is paused")
  }

  private func require(
    _ holds: Bool, _ key: String, _ relation: String, _ other: String, _ why: String
  ) throws(ConfigurationError) {
    guard !holds, let setting = Setting[key], let otherSetting = Setting[other] else { return }
    throw ConfigurationError(
      description: "\(key) (\(setting.displayValue(in: self)), \(origin(of: key))) must be \(relation) "
        + "\(other) (\(otherSetting.displayValue(in: self)), \(origin(of: other))), \(why)")
  }
}
