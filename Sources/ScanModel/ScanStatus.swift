/// A scan's one explicit state (R1).
///
///     pending ──► running ◄──► paused
///        │           │            │
///        └───────────┴────────────┴──► completed | partial | failed | cancelled
public enum ScanStatus: String, Sendable, Codable, CaseIterable {
  /// Accepted; no slice has been claimed yet.
  case pending
  /// At least one slice has been claimed.
  case running
  /// Held by a user, or by the watchdog with a reason.
  case paused
  /// The walk ended without an error.
  case completed
  /// The walk ended with file-level errors or with removals held back.
  case partial
  /// It could not end.
  case failed
  /// Someone stopped it.
  case cancelled

  /// Holds the library's one place for a running scan (invariant 3).
  public var isActive: Bool { self == .pending || self == .running || self == .paused }
}

/// How thoroughly a rescan looks at what it already knows.
public enum ScanMode: String, Sendable, Codable, CaseIterable {
  /// Every entry is looked at.
  case full
  /// A directory whose own stamps are unchanged is trusted; misses edits in place.
  case quick
}

/// The kinds of slices.
public enum SliceKind: String, Sendable {
  /// Visits the directories of its frontier.
  case walk
  /// The last slice of a scan: settles its end.
  case finalise
}

/// A slice's state.
///
///     ready ──► queued ──► running ──► done
///                 ▲            │
///                 └────────────┘ handed back, or taken over
public enum SliceState: String, Sendable, CaseIterable {
  /// Waits for room under the library's `max_parallel`; no pointer is on the queue.
  case ready
  /// A pointer is on the queue.
  case queued
  /// A claim holds it.
  case running
  /// Its results are committed.
  case done
}
