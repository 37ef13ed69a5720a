/// Exponential backoff with full jitter: the wait before attempt n is uniform in 0…min(cap, base·2ⁿ), so
/// that a fleet that lost one server does not come back to it in step.
public struct Backoff: Sendable {
  public let base: Duration
  public let cap: Duration
  private var failures = 0

  public init(base: Duration = .milliseconds(100), cap: Duration = .seconds(5)) {
    self.base = base
    self.cap = cap
  }

  /// Counts one more failure and says how long to wait before the next attempt.
  public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let doubled = base * (1 << min(failures, 16))
    failures += 1
    return min(cap, doubled) * Double.random(in: 0...1, using: &generator)
  }

  public mutating func next() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  /// After a success: the next failure starts from `base` again.
  public mutating func reset() { failures = 0 }
}
