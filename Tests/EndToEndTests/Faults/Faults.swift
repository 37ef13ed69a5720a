import Foundation
import Testing

/// What dies, freezes or goes away in the middle of a scan, and the scan ends exact all the same: separate
/// processes, real servers, real signals. Each test works on a thread of its own and mostly waits, so that
/// some of them run at once.
@Suite enum Faults {}

/// Something that a test of this suite requires is not so.
struct Broken: Error, CustomStringConvertible {
  let description: String
}

/// Runs a test's blocking body on a thread of its own, a few such tests at a time.
///
/// - Parameter isLong: it does not begin last, when nothing is left to run beside it.
func inTurn(isLong: Bool = false, _ body: @escaping @Sendable () throws -> Void) async throws {
  await Turn.shared.begin(first: isLong)
  let result = await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: Result { try body() }) }
  }
  await Turn.shared.end()
  try result.get()
}

/// How many may work at once: each is several processes that mostly wait.
private actor Turn {
  static let shared = Turn(places: 6)

  private var places: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(places: Int) { self.places = places }

  func begin(first: Bool) async {
    guard places == 0 else {
      places -= 1
      return
    }
    await withCheckedContinuation { waiting.insert($0, at: first ? 0 : waiting.endIndex) }
  }

  /// A place that is given up goes straight to whoever waits.
  func end() {
    if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
  }
}
