/// What a run of faults came to.
struct ChaosTally {
  private var faults: [ChaosFault: Int] = [:]
  private(set) var scans = 0
  private var redone: Int64 = 0
  private var attempts = 0
  private var recoveries: [(time: Duration, isDisturbed: Bool)] = []
  /// Workers that were killed while they held a slice.
  var kills = 0
  /// Slices of killed workers whose commit was under way, so that nobody had to claim them again.
  var committed = 0

  mutating func strike(_ fault: ChaosFault) { faults[fault, default: 0] += 1 }

  /// A scan has ended, and was exact; so many attempts were counted in it.
  mutating func end(_ scan: ScanRow, attempts: Int) {
    scans += 1
    redone += scan.slices_redone
    self.attempts += attempts
  }

  /// A killed worker's slice has been claimed again.
  mutating func recover(_ time: Duration, isDisturbed: Bool) { recoveries.append((time, isDisturbed)) }

  /// Lines for people.
  var lines: [String] {
    let count = faults.values.reduce(0, +)
    var lines = ["\(count) faults in \(scans) scans, all of which ended exact"]
    lines.append("\(redone) slices ran twice, \(attempts) attempts were counted, all for a death or a long sleep")
    lines += ChaosFault.allCases.compactMap { fault in faults[fault].map { "  \($0) × \(fault.rawValue)" } }
    if kills > 0 { lines.append("\(kills) workers were killed with slices in hand, which ran again after") }
    for (isDisturbed, name) in [(false, "in peace"), (true, "struck by the next fault meanwhile")] {
      let sorted = recoveries.filter { $0.isDisturbed == isDisturbed }.map(\.time).sorted()
      guard let worst = sorted.last else { continue }
      let median = Self.seconds(sorted[sorted.count / 2])
      lines.append("  \(median) (median), \(Self.seconds(worst)) (worst), of \(sorted.count) \(name)")
    }
    if committed > 0 { lines.append("  \(committed) more were committed all the same") }
    return lines
  }

  private static func seconds(_ duration: Duration) -> String {
    let tenths = duration.milliseconds / 100
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
