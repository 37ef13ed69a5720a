import Synchronization

/// Keeps a slice that has failed before alone in its process: whatever dies with it then was not another's
/// fault, and no other slice's.
///
/// Slots enter before they claim a slice and leave when they are done with it, side by side or one of them
/// alone. Who waits to be alone goes first: nobody enters any more, and it waits only for those at work.
final class SoloGate: Sendable {
  private struct State {
    var inside = 0
    var isSolo = false
    var waitingSolo = 0
  }

  /// How often one that waits looks again; those at work take seconds.
  private static let pause = Duration.milliseconds(20)

  private let state = Mutex(State())

  /// Waits for its turn. False, and outside, as soon as `isGivenUp` says so.
  ///
  /// - Parameter wait: blocks for a moment; it may come back sooner.
  func enter(alone: Bool, isGivenUp: () -> Bool, wait: (Duration) -> Void) -> Bool {
    if alone { state.withLock { $0.waitingSolo += 1 } }
    defer { if alone { state.withLock { $0.waitingSolo -= 1 } } }
    while !isGivenUp() {
      if tryToEnter(alone: alone) { return true }
      wait(Self.pause)
    }
    return false
  }

  private func tryToEnter(alone: Bool) -> Bool {
    state.withLock { state in
      guard !state.isSolo, alone ? state.inside == 0 : state.waitingSolo == 0 else { return false }
      state.inside += 1
      state.isSolo = alone
      return true
    }
  }

  /// For one that is inside.
  func leave() {
    state.withLock { state in
      state.inside -= 1
      state.isSolo = false
    }
  }
}
