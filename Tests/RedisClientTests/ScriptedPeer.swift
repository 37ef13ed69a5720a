import Foundation
import Glibc
import RedisClient
import Synchronization

/// A TCP server on loopback that is no Redis: it answers what comes first with the first of its replies,
/// and so on; after the last it stays silent, hangs up or trickles. It serves one connection after the
/// other, each from the first reply.
final class ScriptedPeer: Sendable {
  enum Ending: Sendable {
    case silence
    case hangUp
    /// One byte each 20 ms, for ever: a reply that never ends.
    case trickle(UInt8)
  }

  let port: UInt16
  private let listener: Int32
  private let accepted: Accepted

  private final class Accepted: Sendable {
    let count = Mutex(0)
  }

  struct NotListening: Error {}

  init(replies: [String], then ending: Ending) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw NotListening() }
    self.listener = listener
    port = UInt16(bigEndian: address.sin_port)
    let accepted = Accepted()
    self.accepted = accepted
    Thread.detachNewThread { Self.serve(listener, replies, ending, accepted) }
  }

  /// Ends the accept, and with it the thread.
  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  var endpoint: RedisEndpoint { RedisEndpoint(address: .tcp(host: "127.0.0.1", port: port)) }

  /// How many connections it has seen.
  var connections: Int { accepted.count.withLock(\.self) }

  private static func serve(_ listener: Int32, _ replies: [String], _ ending: Ending, _ accepted: Accepted) {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      accepted.count.withLock { $0 += 1 }
      converse(client, replies, ending)
      close(client)
    }
    close(listener)
  }

  private static func converse(_ client: Int32, _ replies: [String], _ ending: Ending) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for reply in replies {
      guard read(client, &buffer, buffer.count) > 0 else { return }
      let bytes = Array(reply.utf8)
      guard send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
    }
    switch ending {
    case .hangUp: return
    case .silence: while read(client, &buffer, buffer.count) > 0 {}
    case .trickle(let byte):
      while send(client, [byte], 1, Int32(MSG_NOSIGNAL)) == 1 { usleep(20_000) }
    }
  }
}
