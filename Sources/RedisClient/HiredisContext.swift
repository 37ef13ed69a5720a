import CHiredis
import Glibc

/// What can happen to a socket to Redis. The context is dead after each of these.
enum LinkFailure: Error {
  case timedOut
  case lost(reason: String)
  /// The bytes that came are no RESP2.
  case garbled(reason: String)
}

/// Owns a `redisContext`: the only file that touches hiredis's pointers. hiredis connects and reads the
/// protocol; the socket never blocks, and the waiting is done here with poll(2), so that a deadline holds
/// for a whole call (SO_RCVTIMEO would start anew with every trickle of bytes).
///
/// One thread uses it. After an error it must be dropped; `deinit` closes the socket.
final class HiredisContext {
  private let context: UnsafeMutablePointer<redisContext>
  private var outgoing = OutgoingCommands()

  /// Resolves a host's name with the system's resolver, which has deadlines of its own (resolv.conf(5)).
  init(connectingTo address: RedisEndpoint.Address, by deadline: Deadline) throws(LinkFailure) {
    let made =
      switch address {
      case .tcp(let host, let port): redisConnectNonBlock(host, Int32(port))
      case .unix(let path): redisConnectUnixNonBlock(path)
      }
    guard let made else { throw .lost(reason: "out of memory") }
    context = made
    guard context.pointee.err == 0 else { throw failure() }
    try wait(for: POLLOUT, until: deadline)
    try checkConnected()
    if case .tcp = address { try tuneTCP() }
  }

  deinit { redisFree(context) }

  /// Nothing to read and not hung up: what an idle connection must be. Bytes that nobody asked for, or
  /// an end of file, mean that it is not to be used any more.
  var isQuiet: Bool {
    var descriptor = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) == 0
  }

  /// Adds a command to what `flush` sends.
  func append(_ arguments: [RedisArgument]) { outgoing.append(arguments) }

  func flush(until deadline: inout Deadline) throws(LinkFailure) {
    for chunk in outgoing.take() {
      var sent = 0
      while sent < chunk.count { sent += try send(chunk, from: sent, until: &deadline) }
    }
  }

  /// The next reply, decoded.
  func reply(until deadline: inout Deadline) throws(LinkFailure) -> RedisValue {
    while true {
      var raw: UnsafeMutableRawPointer?
      guard redisGetReplyFromReader(context, &raw) == REDIS_OK else { throw failure() }
      if let raw {
        defer { freeReplyObject(raw) }
        return try Self.decode(raw.assumingMemoryBound(to: redisReply.self).pointee, depth: 0)
      }
      try wait(for: POLLIN, until: deadline)
      let held = context.pointee.reader.pointee.len
      guard redisBufferRead(context) == REDIS_OK else { throw failure() }
      deadline.allow(for: context.pointee.reader.pointee.len - held)
    }
  }
}

extension HiredisContext {
  /// Deeper than any command that is used here answers.
  private static let deepestReply = 8

  private static func decode(_ reply: redisReply, depth: Int) throws(LinkFailure) -> RedisValue {
    switch reply.type {
    case REDIS_REPLY_NIL: return .null
    case REDIS_REPLY_INTEGER: return .integer(reply.integer)
    case REDIS_REPLY_STRING: return .bytes(Array(bytes(of: reply)))
    case REDIS_REPLY_STATUS: return .status(String(decoding: bytes(of: reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: return .error(String(decoding: bytes(of: reply), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      guard depth < deepestReply else { throw .garbled(reason: "a reply is nested too deeply") }
      var elements: [RedisValue] = []
      elements.reserveCapacity(reply.elements)
      for element in UnsafeBufferPointer(start: reply.element, count: reply.elements) {
        guard let element else { throw .garbled(reason: "an element of a reply is missing") }
        elements.append(try decode(element.pointee, depth: depth + 1))
      }
      return .array(elements)
    default: throw .garbled(reason: "a reply has the unknown type \(reply.type)")
    }
  }

  private static func bytes(of reply: redisReply) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : reply.len)
  }

  /// Sends as much as the socket takes now, and says how much. A peer that went away is an error, not a
  /// signal that ends the process.
  private func send(_ bytes: [UInt8], from start: Int, until deadline: inout Deadline) throws(LinkFailure) -> Int {
    let sent = bytes.withUnsafeBytes { buffer in
      Glibc.send(context.pointee.fd, buffer.baseAddress.map { $0 + start }, buffer.count - start, Int32(MSG_NOSIGNAL))
    }
    if sent >= 0 {
      deadline.allow(for: sent)
      return sent
    }
    switch errno {
    case EAGAIN: try wait(for: POLLOUT, until: deadline)
    case EINTR: break
    default: throw .lost(reason: Self.text(ofErrno: errno))
    }
    return 0
  }

  /// Waits until the socket is ready, or in error, which the read or write that follows then reports.
  private func wait(for event: Int32, until deadline: Deadline) throws(LinkFailure) {
    var descriptor = pollfd(fd: context.pointee.fd, events: Int16(event), revents: 0)
    while true {
      let left = deadline.remainingMilliseconds
      let ready = poll(&descriptor, 1, left)
      if ready > 0 { return }
      if ready < 0, errno != EINTR { throw .lost(reason: Self.text(ofErrno: errno)) }
      if left == 0 { throw .timedOut }
    }
  }

  /// What became of a connect(2) in the background, socket(7) SO_ERROR.
  private func checkConnected() throws(LinkFailure) {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else {
      throw .lost(reason: Self.text(ofErrno: errno))
    }
    guard code == 0 else { throw .lost(reason: Self.text(ofErrno: code)) }
  }

  /// Small commands go out at once; a peer that vanished without a word is noticed, idle (keepalive) or
  /// with bytes on their way (TCP_USER_TIMEOUT, tcp(7), in milliseconds).
  private func tuneTCP() throws(LinkFailure) {
    guard redisEnableKeepAlive(context) == REDIS_OK else { throw failure() }
    for (option, value) in [(TCP_NODELAY, Int32(1)), (TCP_USER_TIMEOUT, Int32(10_000))] {
      var value = value
      let length = socklen_t(MemoryLayout<Int32>.size)
      guard setsockopt(context.pointee.fd, Int32(IPPROTO_TCP), option, &value, length) == 0 else {
        throw .lost(reason: Self.text(ofErrno: errno))
      }
    }
  }

  private func failure() -> LinkFailure {
    let reason = withUnsafeBytes(of: context.pointee.errstr) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return context.pointee.err == REDIS_ERR_PROTOCOL ? .garbled(reason: reason) : .lost(reason: reason)
  }

  private static func text(ofErrno code: Int32) -> String { String(cString: strerror(code)) }
}
