/// How much one slice walks before it stops at its seam.
public struct SliceBudget: Sendable, Equatable {
  /// No further directory is begun after so many entries.
  public let entries: Int
  /// Nor after so long a time, which on slow storage ends a slice first.
  public let duration: Duration

  /// A scan's first slices are small, so that it spreads over the fleet at once; each later one may walk an
  /// eighth of what the scan has seen so far. So the last slice to end is a small part of the whole, and
  /// claims and commits, about eight for each doubling of the scan, cost little. The largest is what a
  /// crash or a shutdown can cost.
  public init(entriesSeen: Int64) {
    entries = Int(min(max(entriesSeen / 8, 1_000), 50_000))
    duration = .seconds(5)
  }
}
