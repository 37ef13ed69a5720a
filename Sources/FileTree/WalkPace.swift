/// Paces what looks at entries: each one is spent from an allowance, and more is asked for when that is used up. What
/// one run leaves over serves the next. For one thread at a time.
public final class WalkPace {
  private var left = 0
  private let more: () -> Int

  /// - Parameter more: called by `spend` when the allowance is used up. It may block for as long as the pace demands,
  ///   but not beyond `WalkLimits.isAborted`; answers with how many further entries may be looked at, at least one.
  public init(more: @escaping () -> Int) { self.more = more }

  /// Spends one entry, which may block.
  ///
  /// - Returns: whether more was asked for, so that time may have passed.
  public func spend() -> Bool {
    let isUsedUp = left <= 0
    if isUsedUp { left = more() }
    left -= 1
    return isUsedUp
  }
}
