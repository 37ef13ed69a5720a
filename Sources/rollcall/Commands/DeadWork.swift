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

  /// An error ends it; what was done before is said first.
  mutating func run(_ choice: DeadChoice, _ verb: String, _ deed: (RedisDeadList, DeadEntry) throws -> Outcome) throws {
    do {
      if choice.all { try runAll(deed) } else { try run(ids: choice.ids, deed) }
    } catch {
      if done > 0 { try say(verb) }
      throw error
    }
    try say(verb)
    if isIncomplete { throw ExitCode(ExitStatus.failure) }
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

  /// Each id is that of one message; of several entries with the same bytes the oldest goes.
  private mutating func run(ids: [String], _ deed: (RedisDeadList, DeadEntry) throws -> Outcome) throws {
    var missing = try unambiguous(DeadMatches(ids, in: lists))
    for list in lists where !missing.isEmpty {
      var reader = try DeadListReader(list, .newestFirst)
      while !missing.isEmpty, let entry = try reader.next() {
        for id in entry.names where missing.contains(id) {
          switch try deed(list, entry) {
          case .done:
            done += 1
            missing.remove(id)
          case .gone: break
          case .refused:
            missing.remove(id)
            isIncomplete = true
            complain("dead message \(id) cannot be read, and stays; drop it with `rollcall queue dead drop \(id)`")
          }
        }
      }
    }
    for id in ids where missing.remove(id) != nil {
      isIncomplete = true
      complain("no dead message has the id \"\(id)\"; see `rollcall queue dead list`")
    }
  }

  /// The ids without those of several messages, which only a stranger can have given: nobody knows which is meant.
  private mutating func unambiguous(_ matches: DeadMatches) -> Set<String> {
    for (id, names) in matches.ambiguous {
      isIncomplete = true
      complain(
        "\(names.count) dead messages have the id \(id), and stay; name the one that is meant: "
          + names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : ""))
    }
    return matches.ids.subtracting(matches.ambiguous.map(\.id))
  }

  private func say(_ verb: String) throws {
    try environment.print(["\(verb) \(Humane.count(Int64(done))) message\(done == 1 ? "" : "s")."])
  }
}

/// Which dead messages some ids name, in all lists.
private struct DeadMatches {
  /// A message, wherever and however often it lies.
  private struct Match: Hashable {
    let queue: String
    let exactID: String
  }

  let ids: Set<String>
  private var found: [String: Set<Match>] = [:]

  init(_ ids: [String], in lists: [RedisDeadList]) throws {
    self.ids = Set(ids)
    for list in lists {
      var reader = try DeadListReader(list, .newestFirst)
      while let entry = try reader.next() {
        for id in entry.names where self.ids.contains(id) {
          found[id, default: []].insert(Match(queue: entry.queue, exactID: entry.exactID))
        }
      }
    }
  }

  /// The ids of several messages, with names that are each one's alone, as the command line takes them.
  var ambiguous: [(id: String, names: [String])] {
    found.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { id, matches in
      (id, matches.map { "\($0.exactID) --queue \(terminalSafe($0.queue))" }.sorted())
    }
  }
}
