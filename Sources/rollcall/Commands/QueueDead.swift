import ArgumentParser
import Catalog
import Foundation
import JobQueue

struct QueueDead: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead", abstract: "List, retry or drop messages that could not be read or done.",
    subcommands: [List.self, Retry.self, Drop.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List dead messages, newest first.",
      discussion: "The table shortens; --json has the whole message, as text where it is any, and its exact bytes.")
    @OptionGroup var queue: DeadQueueOption
    @OptionGroup(title: "Configuration") var options: GlobalOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let environment = try options.load()
      var entries = try DeadEntries(try queue.lists(environment))
      if output.json {
        var array = JSONArrayWriter(.output)
        while let entry = try entries.next() { try array.append(DeadEntryDocument(entry)) }
        return try array.finish()
      }
      guard let first = try entries.next() else { return try environment.print(["No dead messages."]) }
      try environment.print([DeadEntryLine.heading, DeadEntryLine(first).text])
      while let entry = try entries.next() { try environment.print([DeadEntryLine(entry).text]) }
    }
  }

  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put dead messages back on their queue, behind what waits there.",
      discussion: "A message that still cannot be done is buried again, under another id.")
    @OptionGroup var chosen: DeadChoice
    @OptionGroup var queue: DeadQueueOption
    @OptionGroup(title: "Configuration") var options: GlobalOptions

    func run() throws {
      let environment = try options.load()
      var work = DeadWork(lists: try queue.lists(environment), environment: environment)
      try work.run(chosen, "Retried") { list, entry in
        switch try list.retry(entry) {
        case true?: .done
        case false?: .gone
        case nil: .refused
        }
      }
    }
  }

  struct Drop: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete dead messages for good.")
    @OptionGroup var chosen: DeadChoice
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var queue: DeadQueueOption
    @OptionGroup(title: "Configuration") var options: GlobalOptions

    func run() throws {
      let environment = try options.load()
      let lists = try queue.lists(environment)
      let confirmation = Confirmation(
        question: "Drop \(chosen.description) for good?", doing: "dropping dead messages")
      guard try yes || confirmation.isGiven() else { throw CommandFailure(message: "nothing was dropped") }
      var work = DeadWork(lists: lists, environment: environment)
      try work.run(chosen, "Dropped") { list, entry in try list.drop(entry) ? .done : .gone }
    }
  }
}

/// Which queue's dead messages are meant.
struct DeadQueueOption: ParsableArguments {
  @Option(help: ArgumentHelp("Only of this queue; else of all.", valueName: "q")) var queue: String?

  func validate() throws {
    if let queue, Form<String>.word.parse(queue) == nil {
      throw ValidationError("--queue must be \(Form<String>.word.allowed)")
    }
  }

  /// A queue that is named need not belong to any library.
  func lists(_ environment: Environment) throws -> [RedisDeadList] {
    let names = if let queue { [queue] } else { try environment.queueNames() }
    return try names.map { try environment.deadList($0) }
  }
}

/// `ID…|--all` of the command line.
struct DeadChoice: ParsableArguments {
  @Argument(help: "The messages' ids, as listed.") var ids: [String] = []
  @Flag(help: "All that are dead now.") var all = false

  func validate() throws {
    guard all == ids.isEmpty else { throw ValidationError("name the messages' ids, or --all") }
  }

  var description: String {
    if all { return "all dead messages" }
    return ids.count == 1 ? "dead message \(terminalSafe(ids[0]))" : "\(ids.count) dead messages"
  }
}

/// The dead messages of several queues in one order, newest first.
struct DeadEntries {
  private var readers: [DeadListReader]
  private var heads: [DeadEntry?]

  init(_ lists: [RedisDeadList]) throws {
    readers = try lists.map { list throws in try DeadListReader(list, .newestFirst) }
    heads = []
    for index in readers.indices { heads.append(try readers[index].next()) }
  }

  mutating func next() throws -> DeadEntry? {
    // What has no time comes as soon as it is the first of its queue.
    func time(_ index: Int) -> Date { heads[index]?.message?.time ?? .distantFuture }
    guard let newest = heads.indices.filter({ heads[$0] != nil }).max(by: { time($0) < time($1) }) else { return nil }
    let entry = heads[newest]
    heads[newest] = try readers[newest].next()
    return entry
  }
}
