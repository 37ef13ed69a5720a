import Synchronization

/// Keeps a slice that has failed before alone in its process: whatever dies with it then was not another's
/// fault, and no other slice's.
///
/// Slots enter before they claim a slice and leave when they are done with it, side by side or one of them
/// alone. Who waits to be alone goes first: nobody enters any more, and it waits only for those at work.
///
/// A slot may hang, as in a system call on a mount whose server is gone. One that has been inside for longer
/// than the gate's patience is not waited for: whoever waits to be alone gives way, so that the others go on;
/// and where that one is alone inside, others enter beside it.
final class SoloGate: Sendable {
  /// Stands for one that is inside.
  struct Ticket: Sendable { fileprivate let number: Int }

  /// How a wait ended.
  enum Entry: Sendable {
    case inside(Ticket)
    /// The one that waited was told to.
    case givenUp
    /// It cannot be alone before one that is inside has ended, which takes longer than the gate's patience.
    case givesWay
  }

  private struct Visit {
    let begin: ContinuousClock.Instant
    let isAlone: Bool
  }

  private struct State {
    var visits: [Int: Visit] = [:]
    var lastNumber = 0
    var waitingSolo = 0
  }

  /// How often one that waits looks again; those at work take seconds.
  private static let pause = Duration.milliseconds(20)

  private let state = Mutex(State())
  private let patience: Duration
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameters:
  ///   - patience: for how long one inside is waited for, from when it entered.
  ///   - now: the time, unless a test has its own.
  init(patience: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.patience = patience
    self.now = now
  }

  /// Waits for its turn; gives up as soon as `isGivenUp` says so.
  ///
  /// - Parameter wait: blocks for a moment; it may come back sooner.
  func enter(alone: Bool, isGivenUp: () -> Bool, wait: (Duration) -> Void) -> Entry {
    if alone { state.withLock { $0.waitingSolo += 1 } }
    defer { if alone { state.withLock { $0.waitingSolo -= 1 } } }
    while !isGivenUp() {
      if let entry = tryToEnter(alone: alone) { return entry }
      wait(Self.pause)
    }
    return .givenUp
  }

  /// `nil`: it has to wait.
  private func tryToEnter(alone: Bool) -> Entry? {
    let now = now()
    return state.withLock { state in
      let (fresh, late) = state.visits.values.reduce(into: ([Visit](), [Visit]())) {
        if now - $1.begin < patience { $0.0.append($1) } else { $0.1.append($1) }
      }
      if alone, !late.isEmpty { return .givesWay }
      guard alone ? fresh.isEmpty : state.waitingSolo == 0 && !fresh.contains(where: \.isAlone) else { return nil }
      state.lastNumber += 1
      state.visits[state.lastNumber] = Visit(begin: now, isAlone: alone)
      return .inside(Ticket(number: state.lastNumber))
    }
  }

  /// For one that is inside.
  func leave(_ ticket: Ticket) { state.withLock { $0.visits[ticket.number] = nil } }
}
