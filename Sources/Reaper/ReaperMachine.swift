import Catalog
import JobQueue
import ScanModel

/// The reaper's loop as a step machine: a pure value that takes an event and the time and answers with the
/// next action. A thread performs the actions in production, a test by hand.
///
/// One round, of which there is one each sweep interval:
///
///     survey ──► sweep ──► settle ──► (reconcile) ──► rest ──► survey …
///
/// - survey: the marker, now and then a look through all keys;
/// - sweep: every in-flight list; what dead workers have taken goes back at once, what a living one has
///   taken and does not work on when it was seen so on two rounds;
/// - settle: the names of all queues, for the next round; what earlier steps owe; the second look at slices
///   whose pointer was missed, and their repair;
///   A list that is too long for its turn is read on after settling, again and again, without a rest;
/// - reconcile, each reconcile interval and after Redis has lost its data: the first look at all slices
///   whose pointer must be somewhere, and at scans whose slices do not fit together.
///
/// The order is that of urgency: a Postgres that is slow to answer keeps nobody's work waiting. Each action
/// is one bounded portion: `agenda` holds what the round has still to do. Redis away: the round is given up,
/// and a new one begins when it is back. Postgres away: sweeping goes on with the queues last known.
/// Everything may be done twice, and by several reapers.
public struct ReaperMachine: Sendable {
  /// What the agenda at hand is part of.
  enum Phase: Sendable, Equatable {
    case survey, sweep, settle, reconcile, rest, stopped
  }

  /// A pointer in a living worker's list whose slice nobody had locked.
  struct Sighting: Hashable, Sendable {
    let queue: String
    let slot: SlotID
    let slice: SliceID
  }

  /// The look through all keys.
  enum Search: Sendable, Equatable {
    case due(at: Duration)
    /// Under way; what it has found so far is in `found`.
    case under(ScanCursor?)
  }

  /// How many suspects, sightings or returned entries are kept in mind. The rest is left to later rounds.
  static let mostKept = 100_000
  /// How many slices or scans are in a page.
  public static let page = 500
  /// How many slots' lists are read at a time, and how many slices recorded.
  static let slotsPerRead = 16, slicesPerRecord = 100
  /// How many times in a row a dead worker's lists are read, before others have their turn.
  static let readsPerTurn = 25
  /// How many portions of all keys are looked at in one round.
  static let portionsPerRound = 100

  let pace: ReaperPace
  var phase = Phase.survey
  /// The action that waits for its answer, and since when.
  var current: (action: Action, since: Duration) = (.mark, .zero)
  /// The last comes next.
  var agenda: [Action] = []
  /// What was owed when a server went away.
  var owed: [Action] = []
  var roundBegan = Duration.zero

  let configuredQueues: Set<String>
  var catalogQueues: Set<String> = []
  var discoveredQueues: Set<String> = []
  /// By the search that is under way.
  var found: Set<String> = []
  var search = Search.due(at: .zero)
  var portions = 0
  /// Another search is due by then, since Redis has lost its data.
  var lateSearch: Duration?

  /// Of the last round and of this one.
  var sightings: (last: Set<Sighting>, now: Set<Sighting>) = ([], [])
  /// Slices whose pointers this round has seen in flight.
  var inflight: Set<SliceID> = []
  /// Of this round, and not yet recorded.
  var returned: [ReturnedSlice] = []
  /// This round's last read of a dead worker's lists, for how many times in a row, and what has come of it: without
  /// progress they are not read again.
  var lastRead: (lists: Action, times: Int, returned: Int)?
  /// Reads of dead workers' lists that go on after everything else has had its turn.
  var unread: [Action] = []
  /// Until then nobody counts as dead.
  var doubtfulUntil: Duration?

  /// Slices that the first look missed, and when.
  var suspects: [SliceID: (slice: OpenSlice, since: Duration)] = [:]
  var reconcileDue = Duration.zero

  private var queueAwaySince: Duration?
  private var queueBackoff = Backoff()
  private var catalogBackoff = Backoff()
  /// When Postgres is asked again after it was away.
  private var catalogRetry: Duration?
  private var random: any RandomNumberGenerator & Sendable

  /// - Parameters:
  ///   - queues: swept whatever the catalogue says.
  ///   - random: for the jitter of waits.
  public init(
    pace: ReaperPace, queues: [String], random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    self.pace = pace
    configuredQueues = Set(queues)
    self.random = random
  }

  /// The first action; every further one answers an event. Time counts from any moment on.
  public mutating func start(now: Duration) -> Action {
    beginRound(now)
    return next(now, stopping: false)
  }

  /// - Parameter stopping: ends at once, wherever the round is: whatever is left is found again.
  public mutating func handle(_ event: Event, now: Duration, stopping: Bool) -> Action {
    let action = current.action
    if action.server == .redis, now - current.since >= pace.doubt { doubtfulUntil = now + pace.grace }
    switch event {
    case .queueAway:
      return stopping ? stop() : queueAway(action, now)
    case .catalogAway: catalogAway(action, now)
    case .failed: failed(action)
    default: answer(action, event, now)
    }
    return next(now, stopping: stopping)
  }

  private mutating func answer(_ action: Action, _ event: Event, _ now: Duration) {
    switch (action, event) {
    case (.mark, .marked(let wasThere)): marked(wasThere, now)
    case (.discover, .discovered(let discovery)): discovered(discovery, now)
    case (.listQueues, .queues(let names)):
      catalogQueues = Set(names)
      catalogRetry = nil
      catalogBackoff.reset()
    case (.look(let queue, _), .workers(let page)): looked(queue, page, now)
    case (.read(let worker, _, let queue), .entries(let entries)): read(action, worker, queue, entries)
    case (.reap(let entry, let reason), .reaped(let outcome)): reaped(entry, reason, outcome)
    case (.pageSlices, .openSlices(let page)): paged(page)
    case (.suspect(let slices, _), .missing(let missing)): suspect(slices, Set(missing), now)
    case (.confirm(let slices, let queue), .missing(let missing)): confirmed(slices, queue, Set(missing), now)
    case (.repair(_, let queue), .repaired(let slices)):
      if !slices.isEmpty { agenda.append(.push(slices, queue: queue)) }
    case (.pageScans, .adrift(let scans)):
      if scans.count == Self.page { agenda.append(.pageScans(after: scans.last)) }
      agenda += scans.reversed().map { .mend($0) }
    case (.mend, .mended(let repairs)):
      for (queue, repairs) in Dictionary(grouping: repairs, by: \.queue) {
        let slices = repairs.compactMap(\.slice)
        if !slices.isEmpty { agenda.append(.push(slices, queue: queue)) }
      }
    case (.forget, .done), (.record, .done), (.push, .done), (.dropLeftSlices, .done): break
    case (.wait, .waited): beginRound(now)
    default: preconditionFailure("reaper driver answered \(action) with \(event)")
    }
  }

  // MARK: The round

  private mutating func beginRound(_ now: Duration) {
    phase = .survey
    roundBegan = now
    portions = 0
    sightings = (sightings.now, [])
    inflight = []
    lastRead = nil
    unread = []
    agenda = []
    if case .due(let time) = search, time <= now { search = .under(nil) }
    if case .under(let cursor) = search { agenda.append(.discover(cursor)) }
    agenda.append(.mark)
  }

  /// The next of the agenda; where that is empty, the next phase's.
  private mutating func next(_ now: Duration, stopping: Bool) -> Action {
    if stopping { return stop() }
    while true {
      if let action = agenda.popLast() { return ask(action, now) }
      switch phase {
      case .survey:
        phase = .sweep
        let queues = configuredQueues.union(catalogQueues).union(discoveredQueues)
        agenda = queues.sorted(by: >).map { .look(queue: $0, nil) }
      case .sweep:
        phase = .settle
        settle(now)
      case .settle where reconcileDue <= now && catalogRetry == nil:
        phase = .reconcile
        agenda = [.dropLeftSlices, .pageScans(after: nil), .pageSlices(after: nil)]
      case .reconcile:
        phase = .rest
        reconcileDue = now + pace.reconcile
      case .settle: phase = .rest
      case .rest where !unread.isEmpty && now < roundBegan + pace.sweep:
        phase = .sweep
        (agenda, unread, lastRead) = (unread.reversed(), [], nil)
      // What is unread then, the next round finds again.
      case .rest where !unread.isEmpty: beginRound(now)
      case .rest: return ask(.wait(max(roundBegan + pace.sweep - now, .milliseconds(10))), now)
      case .stopped: return .stop
      }
    }
  }

  private mutating func ask(_ action: Action, _ now: Duration) -> Action {
    current = (action, now)
    return action
  }

  private mutating func stop() -> Action {
    phase = .stopped
    agenda = []
    return .stop
  }

  // MARK: Outages

  private mutating func marked(_ wasThere: Bool, _ now: Duration) {
    queueBackoff.reset()
    if !wasThere {
      reconcileDue = now
      // Workers have lists at once, and are registered from their next heartbeat on: one that dies in between
      // shows in a look after that.
      lateSearch = now + pace.lockTTL
      if case .due = search {
        search = .under(nil)
        agenda.append(.discover(nil))
      }
    }
    if let since = queueAwaySince, now - since >= pace.doubt { doubtfulUntil = now + pace.grace }
    queueAwaySince = nil
  }

  /// What was seen before is not worth anything when Redis is back.
  private mutating func queueAway(_ action: Action, _ now: Duration) -> Action {
    keepOwed([action] + agenda)
    phase = .rest
    agenda = []
    sightings = ([], [])
    suspects = [:]
    reconcileDue = now
    queueAwaySince = queueAwaySince ?? now
    return ask(.wait(queueBackoff.next(using: &random)), now)
  }

  private mutating func catalogAway(_ action: Action, _ now: Duration) {
    keepOwed(([action] + agenda).filter { $0.server == .postgres })
    agenda.removeAll { $0.server == .postgres }
    if phase == .reconcile { phase = .rest }
    reconcileDue = now
    catalogRetry = now + catalogBackoff.next(using: &random)
  }

  private mutating func keepOwed(_ actions: [Action]) {
    owed += actions.filter(\.isOwed)
    owed.removeFirst(max(owed.count - Self.mostKept / Self.slicesPerRecord, 0))
  }

  /// What is wrong with one list must not keep the others from being read.
  private mutating func failed(_ action: Action) {
    switch action {
    case .read(let worker, let slots, let queue) where slots.count > 1:
      agenda += slots.reversed().map { .read(worker, [$0], queue: queue) }
    case .confirm(let slices, _):
      for slice in slices { suspects[slice.slice] = nil }
    default: break
    }
  }

  private mutating func settle(_ now: Duration) {
    agenda = catalogRetry == nil ? dueSuspects(now) : []
    while !returned.isEmpty {
      agenda.append(.record(Array(returned.prefix(Self.slicesPerRecord))))
      returned.removeFirst(min(returned.count, Self.slicesPerRecord))
    }
    agenda += owed
    owed = []
    if catalogRetry != nil {
      keepOwed(agenda.filter { $0.server == .postgres })
      agenda.removeAll { $0.server == .postgres }
    }
    // It tells whether Postgres is back.
    if catalogRetry.map({ $0 <= now }) ?? true { agenda.append(.listQueues) }
  }
}
