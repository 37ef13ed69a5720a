extension Configuration {
  /// One setting as `rollcall config --json` shows it.
  struct ReportedSetting: Encodable, Equatable {
    let key: String
    /// In the form in which a user would write it, passwords masked.
    let value: String
    let source: String
    /// False for what waits for a later release.
    let inEffect: Bool

    private enum CodingKeys: String, CodingKey {
      case key, value, source
      case inEffect = "in_effect"
    }
  }

  /// Every setting with its effective value and where that is from, in the table's order.
  var report: [ReportedSetting] {
    Setting.all.map {
      ReportedSetting(
        key: $0.key, value: $0.displayValue(in: self), source: origin(of: $0.key).description,
        inEffect: $0.isInEffect)
    }
  }

  /// `report` as aligned lines under a heading.
  var table: Table {
    var table = Table([.text("KEY"), .text("VALUE"), .text("SOURCE"), .text("IN EFFECT")])
    for setting in report {
      table.append([setting.key, setting.value, setting.source, setting.inEffect ? "yes" : "not yet"])
    }
    return table
  }
}
