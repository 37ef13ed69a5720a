import BlockingThread
import Catalog
import JobQueue
import ScanModel
import Synchronization

/// What a worker knows of the roots of its queues' libraries and of Redis: the health thread and its lookouts write
/// it, the heartbeat tells it, and slots ask it at the start of a scan.
final class HealthBoard: Sendable {
  /// A root that a lookout is to look at.
  struct Errand: Sendable {
    let library: ServedLibrary
    let mounts: RecordedMounts
  }

  private struct Entry {
    var library: ServedLibrary
    var sight: RootSight?
    var seenAt = ContinuousClock.now
    /// When a look began that has not ended.
    var lookingSince: ContinuousClock.Instant?
    /// It is in line for a look.
    var isWaiting = false
  }

  private struct State {
    var entries: [LibraryID: Entry] = [:]
    var errands: [Errand] = []
    /// Lookouts that are at work or stand still.
    var lookouts = 0
    /// The lookout that takes errands, and since when it looks at its last one; `nil` where there is none.
    var lookout: (number: Int, since: ContinuousClock.Instant?)?
    var lastNumber = 0
    var redis: (standing: RedisStanding, at: ContinuousClock.Instant)?
  }

  /// How many roots may hang before no other is looked at any more.
  private static let mostLookouts = 16
  private let state = Mutex(State())

  // MARK: Redis

  func note(_ standing: RedisStanding) { state.withLock { $0.redis = (standing, .now) } }

  /// What Redis was last found to be, if that is not longer ago.
  func redis(within age: Duration) -> RedisStanding? {
    state.withLock { state in state.redis.flatMap { ContinuousClock.now - $0.at <= age ? $0.standing : nil } }
  }

  // MARK: Roots

  /// Takes note of which libraries there are, and answers with those that are to be looked at.
  func due(among libraries: [ServedLibrary], interval: Duration) -> [ServedLibrary] {
    let now = ContinuousClock.now
    return state.withLock { state in
      let known = Dictionary(libraries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      state.entries = state.entries.filter { known[$0.key] == $0.value.library }
      for library in libraries where state.entries[library.id] == nil {
        state.entries[library.id] = Entry(library: library)
      }
      return libraries.filter { library in
        guard let entry = state.entries[library.id], entry.lookingSince == nil, !entry.isWaiting else { return false }
        return entry.sight == nil || now - entry.seenAt >= interval
      }
    }
  }

  /// Lines errands up.
  ///
  /// - Returns: the number of a new lookout, where the caller is to start one.
  func send(_ errands: [Errand], patience: Duration) -> Int? {
    let now = ContinuousClock.now
    return state.withLock { state in
      for errand in errands { state.entries[errand.library.id]?.isWaiting = true }
      state.errands += errands
      // It may never come back.
      if let since = state.lookout?.since, now - since > patience { state.lookout = nil }
      guard state.lookout == nil, !state.errands.isEmpty, state.lookouts < Self.mostLookouts else { return nil }
      state.lookouts += 1
      state.lastNumber += 1
      state.lookout = (state.lastNumber, nil)
      return state.lastNumber
    }
  }

  /// The next errand of a lookout; `nil`: it is to end.
  func next(for number: Int) -> Errand? {
    state.withLock { state in
      guard state.lookout?.number == number, !state.errands.isEmpty else {
        if state.lookout?.number == number { state.lookout = nil }
        state.lookouts -= 1
        return nil
      }
      let errand = state.errands.removeFirst()
      let now = ContinuousClock.now
      state.lookout = (number, now)
      state.entries[errand.library.id]?.lookingSince = now
      state.entries[errand.library.id]?.isWaiting = false
      return errand
    }
  }

  /// A lookout could not be started.
  func giveUp(_ number: Int) {
    state.withLock { state in
      state.lookouts -= 1
      if state.lookout?.number == number { state.lookout = nil }
    }
  }

  func note(_ sight: RootSight, of library: ServedLibrary) {
    state.withLock { state in
      guard var entry = state.entries[library.id], entry.library == library else { return }
      (entry.sight, entry.seenAt, entry.lookingSince) = (sight, .now, nil)
      state.entries[library.id] = entry
    }
  }

  // MARK: The heartbeat

  /// What the heartbeat tells of roots.
  ///
  /// - Parameter patience: a look that takes longer is told as one that hangs.
  func roots(patience: Duration) -> HeartbeatLine.Roots {
    let now = ContinuousClock.now
    let entries = state.withLock { $0.entries }
    var roots = HeartbeatLine.Roots()
    for (id, entry) in entries.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      if let since = entry.lookingSince, now - since > patience {
        roots.add(id, unseen: "the file system does not answer", for: now - since)
      } else if let sight = entry.sight {
        switch sight {
        case .seen: roots.add(seen: id, for: now - entry.seenAt)
        case .unseen(_, let reason): roots.add(id, unseen: reason.text, for: now - entry.seenAt)
        }
      }
    }
    return roots
  }
}
