import Foundation

/// For what takes a moment: so long that only what hangs, or never comes, is not in time, however slow or busy the
/// machine is.
public let patience = Duration.seconds(180)

/// A condition that did not come about in time.
public struct NotInTime: Error, CustomStringConvertible {
  public let description: String
}

/// Asks again and again until there is an answer, and returns it.
///
/// - Parameter what: the condition, for whoever reads the failure.
@discardableResult
public func eventually<Answer>(
  _ what: String, within deadline: Duration = patience, _ probe: () throws -> Answer?
) throws -> Answer {
  let end = ContinuousClock.now + deadline
  while true {
    if let answer = try probe() { return answer }
    guard ContinuousClock.now < end else { throw NotInTime(description: "not within \(deadline): \(what)") }
    usleep(3_000)
  }
}

/// The same for a condition that is true or not yet.
public func eventually(_ what: String, within deadline: Duration = patience, _ isTrue: () throws -> Bool) throws {
  try eventually(what, within: deadline) { try isTrue() ? () : nil }
}
