import BlockingThread
import Synchronization

/// Runs `body` on so many threads at once, and waits for all of them; their results, or the first error.
func onThreads<R: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> R) throws -> [R] {
  try RunningThreads(count, body).results()
}

/// So many threads that run `body`.
final class RunningThreads<R: Sendable> {
  private let threads: [BlockingThread]
  private let outcomes: ThreadResults<R>

  init(_ count: Int, _ body: @escaping @Sendable (Int) throws -> R) throws {
    let outcomes = ThreadResults<R>(count: count)
    self.outcomes = outcomes
    threads = try (0..<count).map { index in
      try BlockingThread(name: "test \(index)") {
        outcomes.set(index, Result { try body(index) })
      }
    }
  }

  /// Waits for all of them; their results, or the first error.
  func results() throws -> [R] {
    threads.forEach { $0.join() }
    return try outcomes.all()
  }
}

private final class ThreadResults<R: Sendable>: Sendable {
  private let values: Mutex<[Result<R, any Error>?]>

  init(count: Int) { values = Mutex(Array(repeating: nil, count: count)) }

  func set(_ index: Int, _ result: Result<R, any Error>) {
    values.withLock { $0[index] = result }
  }

  func all() throws -> [R] {
    try values.withLock { $0 }.compactMap { try $0?.get() }
  }
}

/// Waits until a condition holds; false where it does not within the deadline.
func eventually(within limit: Duration = .seconds(20), _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  let never = StopSignal()
  while try !condition() {
    if ContinuousClock.now > deadline { return false }
    never.wait(for: .milliseconds(5))
  }
  return true
}
