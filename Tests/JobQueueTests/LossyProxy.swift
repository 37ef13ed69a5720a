import Foundation
import Glibc
import RedisClient
import Synchronization
import TestSupport

/// Stands between a client and a Redis on a Unix socket, and can lose a reply: the command arrives and is
/// carried out, then the client's connection ends without a word. Commands and replies must fit one read.
final class LossyProxy: Sendable {
  private let directory: TemporaryDirectory
  private let listener: Int32
  private let losing: Losing

  private final class Losing: Sendable {
    let command = Mutex<String?>(nil)
  }

  struct NotListening: Error {}

  init(to server: RedisEndpoint) throws {
    guard case .unix(let path) = server.address else { throw NotListening() }
    directory = try TemporaryDirectory()
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    losing = Losing()
    let bound = Self.withAddress(directory.appending("proxy.sock")) { bind(listener, $0, $1) }
    guard bound == 0, listen(listener, 8) == 0 else { throw NotListening() }
    Thread.detachNewThread { [listener, losing] in Self.serve(listener, path, losing) }
  }

  /// Ends the accept, and with it the thread.
  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  var endpoint: RedisEndpoint { RedisEndpoint(address: .unix(path: directory.appending("proxy.sock"))) }

  /// Loses the reply to the next such command.
  func loseReply(to command: String) { losing.command.withLock { $0 = command } }

  private static func serve(_ listener: Int32, _ path: String, _ losing: Losing) {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      if withAddress(path, { connect(server, $0, $1) }) == 0 { relay(client, server, losing) }
      close(client)
      close(server)
    }
    close(listener)
  }

  private static func relay(_ client: Int32, _ server: Int32, _ losing: Losing) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let asked = read(client, &buffer, buffer.count)
      guard asked > 0, send(server, buffer, asked, Int32(MSG_NOSIGNAL)) == asked else { return }
      let request = String(decoding: buffer[..<asked], as: UTF8.self)
      let answered = read(server, &buffer, buffer.count)
      let lost = losing.command.withLock { command in
        guard let awaited = command, request.contains("\r\n\(awaited)\r\n") else { return false }
        command = nil
        return true
      }
      guard answered > 0, !lost else { return }
      guard send(client, buffer, answered, Int32(MSG_NOSIGNAL)) == answered else { return }
    }
  }

  private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
