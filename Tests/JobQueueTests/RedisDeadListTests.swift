import Foundation
import RedisClient
import ScanModel
import TestSupport
import Testing

@testable import JobQueue

@Suite("The dead list, for people")
struct RedisDeadListTests {
  let world: RedisWorld
  let list: RedisDeadList

  init() throws {
    world = try RedisWorld()
    list = RedisDeadList(
      connection: RedisConnection(endpoint: world.endpoint), prefix: world.prefix, queue: "q")
  }

  /// Buries a message as a worker does.
  private func bury(_ payload: [UInt8], cap: Int = 10_000) throws {
    let slot = world.redisSlot(SlotID(worker: WorkerID(name: "w", suffix: "1"), index: 0), deadCap: cap)
    try slot.push([payload], to: "q")
    try slot.bury(try #require(try slot.take(wait: .zero)), lock: nil, reason: "r")
  }

  private func bury(_ text: String) throws { try bury(Array(text.utf8)) }

  /// Writes into the list as anybody can.
  private func write(_ entry: String) throws {
    try world.redis.command("LPUSH", world.key("{q}:dead"), RedisArgument(entry))
  }

  private func all(_ order: DeadListReader.Order = .newestFirst) throws -> [DeadEntry] {
    var reader = try DeadListReader(list, order)
    var entries: [DeadEntry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  private func texts(_ entries: [DeadEntry]) -> [String?] {
    entries.map { $0.payload.map { String(decoding: $0, as: UTF8.self) } }
  }

  @Test("is read newest first or oldest first, over page after page, each entry once")
  func order() throws {
    let payloads = (0..<250).map { "m\($0)" }
    for payload in payloads { try bury(payload) }
    #expect(texts(try all()) == payloads.reversed())
    #expect(texts(try all(.oldestFirst)) == payloads)
    #expect(Set(try all().map(\.id)).count == 250)
    #expect(try all(.oldestFirst).map(\.id) == (try all().map(\.id).reversed()))
  }

  @Test("pages are bounded in bytes too")
  func bytes() throws {
    for _ in 0..<4 { try bury([UInt8](repeating: 0xff, count: 600 << 10)) }
    #expect(try list.page(from: 4, .newestFirst).entries.count == 2)
    #expect(try all().count == 4)
  }

  @Test("what is buried meanwhile shifts nothing, and is not read")
  func grows() throws {
    for index in 0..<150 { try bury("m\(index)") }
    for order in [DeadListReader.Order.newestFirst, .oldestFirst] {
      var reader = try DeadListReader(list, order)
      let expected = texts(try all(order))
      var read = [try reader.next()].compactMap { $0 }
      try bury("later")
      while let entry = try reader.next() { read.append(entry) }
      #expect(texts(read) == expected)
    }
  }

  @Test("what goes meanwhile hides nothing from whoever reads newest first")
  func shrinks() throws {
    for index in 0..<300 { try bury("m\(index)") }
    var reader = try DeadListReader(list, .newestFirst)
    var read = [try reader.next()].compactMap { $0 }
    // The oldest 120 by the cap, and one in the middle by somebody.
    let all = try all()
    for entry in all.suffix(120) + [all[150]] { #expect(try list.drop(entry)) }
    while let entry = try reader.next() { read.append(entry) }
    #expect(Set(read.map(\.id)).isSuperset(of: Set(try self.all().map(\.id))))
    #expect(try self.all().count == 179)
  }

  @Test("retrying moves the exact bytes to the back of the queue, once")
  func retry() throws {
    let payload: [UInt8] = [0, 0xff, 0x0a, 0x22]
    try bury(payload)
    try bury("other")
    try world.redis.command("LPUSH", world.key("{q}:queue"), "waiting")
    let entry = try #require(try all().last)
    #expect(try list.retry(entry) == true)
    #expect(try list.retry(entry) == false)
    #expect(try world.waiting("q") == [Array("waiting".utf8), payload])
    #expect(texts(try all()) == ["other"])
  }

  @Test("an entry stays in the list when the queue's key is no list")
  func strangerOnTheQueue() throws {
    try bury("text")
    try world.redis.command("SET", world.key("{q}:queue"), "no list")
    let entry = try #require(try all().first)
    #expect(throws: QueueError.self) { try list.retry(entry) }
    #expect(texts(try all()) == ["text"])
  }

  @Test("of two entries of the same bytes one is retried, one stays")
  func twins() throws {
    try bury("twin")
    let entry = try #require(try all().first)
    try write(String(decoding: entry.bytes, as: UTF8.self))
    #expect(try list.retry(entry) == true)
    #expect(try all().count == 1)
    #expect(try world.waiting("q").count == 1)
    #expect(try list.drop(entry))
    #expect(try !list.drop(entry))
  }

  @Test("an entry without an id, from an earlier release, has one that its bytes give")
  func older() throws {
    let payload = Data("hello".utf8).base64EncodedString()
    try write(#"{"payload_base64":"\#(payload)","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#)
    let entry = try #require(try all().first)
    #expect(entry.id.hasPrefix("x") && entry.id.count == 17)
    try bury("newer")
    #expect(try all().last?.id == entry.id)
    #expect(texts([entry]) == ["hello"])
    #expect(try list.retry(entry) == true)
  }

  @Test(
    "what nobody can read is refused, stays, and can be dropped",
    arguments: [
      "", "hello", "{}", "[]", "null", "\u{1b}[31m",
      #"{"reason":"r","time":"soon","worker":"w","payload_base64":"aGk="}"#,
      #"{"reason":"r","time":"2026-01-02T03:04:05Z","worker":"w","payload_base64":"???"}"#,
      #"{"id":"0123456789","reason":"r"}"#,
    ])
  func garbage(_ text: String) throws {
    try write(text)
    let entry = try #require(try all().first)
    #expect(entry.message == nil)
    #expect(entry.id.hasPrefix("x"))
    #expect(try list.retry(entry) == nil)
    #expect(try all().count == 1)
    #expect(try world.waiting("q").isEmpty)
    #expect(try list.drop(entry))
    #expect(try all().isEmpty)
  }

  @Test("an id that is not of this program's form is not believed")
  func foreignID() throws {
    for id in ["", "x", "../../etc", "0123456789a", "ABCDEFGHIJ", "\\u001b[31m..."] {
      try write(#"{"id":"\#(id)","payload_base64":"","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#)
    }
    #expect(try all().allSatisfy { $0.id.hasPrefix("x") })
  }

  @Test("a message's text is that of its bytes, whatever an entry says", arguments: ["\"harmless\"", "null"])
  func forgedText(_ text: String) throws {
    for payload in ["aGk=", "/w=="] {
      try write(
        #"{"payload":\#(text),"payload_base64":"\#(payload)","reason":"r","time":"2026-01-02T03:04:05Z","worker":"w"}"#)
    }
    #expect(try all().map { $0.message?.payload } == [nil, "hi"])
  }

  @Test("reading oldest first goes on behind what has been taken away")
  func takesAway() throws {
    for index in 0..<230 { try bury("m\(index)") }
    var reader = try DeadListReader(list, .oldestFirst)
    var count = 0
    while let entry = try reader.next() {
      count += 1
      // Every third stays.
      if count % 3 != 0 {
        #expect(try list.drop(entry))
        reader.noteRemoved()
      }
    }
    #expect(count == 230)
    #expect(texts(try all(.oldestFirst)) == stride(from: 2, to: 230, by: 3).map { "m\($0)" })
  }
}
