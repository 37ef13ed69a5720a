import RedisClient

/// The dead list of one queue, for commands: what could not be done, and what people do about it. One thread owns it.
///
/// The list moves meanwhile: workers bury at its new end, its cap trims the old end, other people retry and drop. Who
/// reads counts from the old end, which a new entry does not shift. What goes shifts only what is newer: read from
/// the newest on, an entry may then appear twice, and none is missed.
public final class RedisDeadList {
  public let queue: String
  private let connection: RedisConnection
  private let keys: QueueKeys

  /// A page has at most so many entries, and no further one is begun after so many bytes.
  private static let (pageEntries, pageBytes) = (100, 1 << 20)

  public init(connection: RedisConnection, prefix: String, queue: String) {
    self.connection = connection
    self.queue = queue
    keys = QueueKeys(prefix: prefix, queue: queue)
  }

  public func count() throws(QueueError) -> Int {
    try attempting("count the dead messages of queue \(queue)") { () throws(RedisError) in
      try connection.number(try connection.command("LLEN", keys.dead))
    }
  }

  /// A few entries and the first one's position. The oldest is 1; from a position that a shorter list does not have
  /// any more, newest first begins at the newest.
  func page(
    from position: Int, _ order: DeadListReader.Order
  ) throws(QueueError) -> (first: Int, entries: [DeadEntry]) {
    try attempting("read the dead messages of queue \(queue)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.deadPage, keys: [keys.dead],
        arguments: [
          RedisArgument(position), order == .newestFirst ? -1 : 1, RedisArgument(Self.pageEntries),
          RedisArgument(Self.pageBytes),
        ])
      guard let parts = reply.array, parts.count == 2, let first = parts[0].integer, let entries = parts[1].array
      else { throw connection.unexpected(reply, from: JobScripts.deadPage) }
      return (Int(first), entries.compactMap(\.bytes).map { DeadEntry($0, queue: queue) })
    }
  }

  /// Moves a message back to its queue, with its exact bytes; of several entries of the same bytes the oldest.
  ///
  /// - Returns: whether the entry was there; `nil` where there is no message in it to be read.
  public func retry(_ entry: DeadEntry) throws(QueueError) -> Bool? {
    guard let payload = entry.payload else { return nil }
    return try attempting("retry a dead message of queue \(queue)") { () throws(RedisError) in
      let reply = try connection.run(
        JobScripts.deadRetry, keys: [keys.dead, keys.queue],
        arguments: [RedisArgument(entry.bytes), RedisArgument(payload)])
      guard let moved = reply.integer else { throw connection.unexpected(reply, from: JobScripts.deadRetry) }
      return moved == 1
    }
  }

  /// Deletes one entry of these exact bytes, the oldest.
  ///
  /// - Returns: whether there was one.
  public func drop(_ entry: DeadEntry) throws(QueueError) -> Bool {
    try attempting("drop a dead message of queue \(queue)") { () throws(RedisError) in
      try connection.command("LREM", keys.dead, "-1", RedisArgument(entry.bytes)) == .integer(1)
    }
  }
}

/// An entry of a dead list. Anybody can write to that list, so that it need not be one of this program's.
public struct DeadEntry: Sendable, Equatable {
  public let queue: String
  /// The exact bytes, by which the entry is found again.
  public let bytes: [UInt8]
  /// `nil`: this program did not write it, or somebody has changed it.
  public let message: BuriedMessage?
  /// Stays the same while the list moves. Entries of the same bytes have the same id; of others only if somebody else
  /// than this program has written it.
  public let id: String
  /// Follows from the bytes alone, whatever stands in them.
  public let exactID: String

  init(_ bytes: [UInt8], queue: String) {
    self.queue = queue
    self.bytes = bytes
    message = BuriedMessage(json: bytes)
    let own = message?.id.flatMap { DeadEntryID.isOwn($0) ? $0 : nil }
    exactID = DeadEntryID.derived(from: bytes)
    id = own ?? exactID
  }

  /// By which people may call it.
  public var names: [String] { id == exactID ? [id] : [id, exactID] }

  /// The message's exact bytes.
  public var payload: [UInt8]? { message.map { Array($0.payload_base64) } }
}

/// Reads a dead list entry by entry, in bounded pages, from what was its one end at the beginning to the other.
public struct DeadListReader {
  public enum Order: Sendable { case newestFirst, oldestFirst }

  private let list: RedisDeadList
  private let order: Order
  /// Of the next page's first entry; the oldest is 1.
  private var position: Int
  /// The last one's: what was not there at the beginning is not read.
  private var last: Int
  private var page: ArraySlice<DeadEntry> = []

  public init(_ list: RedisDeadList, _ order: Order) throws(QueueError) {
    self.list = list
    self.order = order
    let count = try list.count()
    (position, last) = order == .newestFirst ? (count, 1) : (1, count)
  }

  /// `nil` after the last.
  public mutating func next() throws(QueueError) -> DeadEntry? {
    if page.isEmpty {
      guard order == .newestFirst ? position >= last : position <= last else { return nil }
      let (first, entries) = try list.page(from: position, order)
      switch order {
      case .newestFirst:
        page = entries[...]
        position = first - entries.count
      case .oldestFirst:
        page = entries.prefix(last - position + 1)
        position += page.count
      }
    }
    return page.popFirst()
  }

  /// The entry that was read last has left the list: what is newer has moved up.
  public mutating func noteRemoved() {
    guard order == .oldestFirst else { return }
    position -= 1
    last -= 1
  }
}
