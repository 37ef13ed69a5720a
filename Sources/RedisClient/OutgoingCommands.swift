/// Commands in RESP2 that wait to be sent. hiredis's own buffer moves all that is left of it after each
/// write, which takes seconds with a hundred MiB; and what is large is not copied here.
struct OutgoingCommands {
  private static let large = 64 << 10

  /// What was large, and the bytes between; in order.
  private var chunks: [[UInt8]] = []
  /// What follows the last chunk.
  private var rest: [UInt8] = []

  mutating func append(_ arguments: [RedisArgument]) {
    rest += "*\(arguments.count)\r\n".utf8
    for bytes in arguments.map(\.bytes) {
      rest += "$\(bytes.count)\r\n".utf8
      if bytes.count < Self.large {
        rest += bytes
      } else {
        chunks += [rest, bytes]
        rest = []
      }
      rest += "\r\n".utf8
    }
  }

  /// Empties it.
  mutating func take() -> [[UInt8]] {
    defer { self = OutgoingCommands() }
    return chunks + [rest]
  }
}
