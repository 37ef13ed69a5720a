import Catalog
import Foundation

/// What follows from a scan's row, for every form in which a scan is shown.
extension ScanRecord {
  /// From its start to its end, or until now; `nil` for one that has not started.
  func elapsed(now: Date) -> Duration? {
    startedAt.map { .seconds((completedAt ?? now).timeIntervalSince($0)) }
  }

  /// 0 to 100. A first scan has nothing to be compared with: it is unknown until the scan has ended, and
  /// nothing is invented (R6).
  var progress: Double? { status == .completed || status == .partial ? 100 : nil }

  /// To a tenth.
  func filesPerSecond(now: Date) -> Double? {
    guard let elapsed = elapsed(now: now), elapsed > .zero else { return nil }
    return (Double(counters.filesSeen) / (elapsed / .seconds(1)) * 10).rounded() / 10
  }

  /// Bytes as far as they fit; sparse files can claim more than a disk could ever hold.
  var bytesSeen: Int64 {
    counters.bytesSeen > Decimal(Int64.max) ? .max : NSDecimalNumber(decimal: counters.bytesSeen).int64Value
  }
}

extension ScanProgress {
  init(_ scan: ScanRecord, now: Date = Date()) {
    self.init(
      elapsed: scan.elapsed(now: now) ?? .zero, filesSeen: scan.counters.filesSeen, bytesSeen: scan.bytesSeen,
      filesPerSecond: scan.filesPerSecond(now: now), percent: scan.progress, remaining: nil)
  }
}
