/// How long a call still waits. It starts anew whenever the call gets on: what is slow but moves is not stuck.
struct Patience {
  /// What is waited for, for the error.
  let statement: String
  let limit: Duration
  private var end: ContinuousClock.Instant

  init(_ statement: String, _ limit: Duration) {
    self.statement = statement
    self.limit = limit
    end = .now + limit
  }

  mutating func progressed() { end = .now + limit }

  /// For poll(2); nil when the time is over.
  var remainingMilliseconds: Int32? {
    let left = ContinuousClock.now.duration(to: end)
    return left > .zero ? Int32(clamping: left.milliseconds) : nil
  }

  var exceeded: PostgresError { .deadline(statement: statement, after: limit) }
}
