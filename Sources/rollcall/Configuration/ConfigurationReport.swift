import Catalog
import Reaper

extension Configuration {
  /// One setting as `rollcall config --json` shows it.
  struct ReportedSetting: Encodable, Equatable {
    let key: String
    /// What is worked with, in the form in which a user would write it, passwords masked.
    let value: String
    /// The layer that gave the value and, where that asks for another than what is worked with, what it asks for.
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
    let bounded = bounded
    return Setting.all.map { setting in
      let (asked, value) = (setting.displayValue(in: self), setting.displayValue(in: bounded))
      let origin = origin(of: setting.key).description
      return ReportedSetting(
        key: setting.key, value: value, source: asked == value ? origin : "\(origin), which says \(asked)",
        inEffect: setting.isInEffect)
    }
  }

  /// The same within the bounds that the worker and the reaper keep to.
  private var bounded: Configuration {
    var configuration = self
    configuration.sweepInterval = ReaperSettings(self).pace.sweep
    configuration.maxAttempts = AttemptLimit(maxAttempts: maxAttempts).culprit
    return configuration
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
