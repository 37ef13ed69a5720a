import ArgumentParser
import Foundation
import JobQueue

/// Something done to chosen dead messages, one at a time. What cannot be done is said in a line, and the rest is done.
struct DeadWork {
  enum Outcome {
    case done
    /// Somebody else was faster.
    case gone
    /// It holds no message.
    case refused
  }

  private let lists: [RedisDeadList]
  private let environment: Environment
  private var done = 0
  private var isIncomplete = false

  init(lists: [RedisDeadList], environment: Environment) {
    self.lists = lists
    self.environment = environment
  }

  mutating func run(_ choice: DeadChoice, _ deed: (RedisDeadList, DeadEntry) throws -> Outcome) throws {
    if choice.all { try runAll(deed) } else { try run(ids: choice.ids, deed) }
  }

  /// What is dead at the beginning, the oldest first, so that it waits in the old order; not what dies meanwhile.
  private mutating func runAll(_ deed: (RedisDeadList, DeadEntry) throws -> Outcome) throws {
    var refused = 0
    for list in lists {
      var reader = try DeadListReader(list, .oldestFirst)
      while let entry = try reader.next() {
        switch try deed(list, entry) {
        case .done:
          done += 1
          reader.noteRemoved()
        case .gone: reader.noteRemoved()
        case .refused: refused += 1
        }
      }
    }
    guard refused > 0 else { return }
    isIncomplete = true
    complain(
      "\(refused) dead message\(refused == 1 ? "" : "s") cannot be read, and stay\(refused == 1 ? "s" : ""); "
        + "see `rollcall queue dead list`, and drop what is of no use")
  }

  /// Each id is that of one entry; of several entries with the same bytes the newest goes first.
  private mutating func run(ids: [String], _ deed: (RedisDeadList, DeadEntry) throws -> Outcome) throws {
    var missing = Set(ids)
    for list in lists where !missing.isEmpty {
      var reader = try DeadListReader(list, .newestFirst)
      while !missing.isEmpty, let entry = try reader.next() {
        guard missing.contains(entry.id) else { continue }
        switch try deed(list, entry) {
        case .done:
          done += 1
          missing.remove(entry.id)
        case .gone: break
        case .refused:
          missing.remove(entry.id)
          isIncomplete = true
          complain(
            "dead message \(entry.id) cannot be read, and stays; drop it with `rollcall queue dead drop \(entry.id)`")
        }
      }
    }
    for id in ids where missing.remove(id) != nil {
      isIncomplete = true
      complain("no dead message has the id \"\(id)\"; see `rollcall queue dead list`")
    }
  }

  /// Says what was done; the exit code tells whether all was.
  func report(_ verb: String) throws {
    try environment.print(["\(verb) \(Humane.count(Int64(done))) message\(done == 1 ? "" : "s")."])
    if isIncomplete { throw ExitCode(ExitStatus.failure) }
  }
}
