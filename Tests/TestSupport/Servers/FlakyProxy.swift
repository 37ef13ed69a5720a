import Foundation
import Synchronization

/// Stands on loopback TCP between clients and a server on a Unix socket, and can go silent or cut every
/// connection, as a network does. Each connection has a thread of its own.
public final class FlakyProxy: Sendable {
  public enum Mood: Sendable {
    case passing
    /// Whoever is connected or connects now never hears another byte, and is never told of an end.
    case silent
    /// Every connection ends at once, and so do new ones.
    case cutting
  }

  public struct NotListening: Error {}

  public let port: UInt16
  private let listener: Int32
  private let mood: SharedMood

  private final class SharedMood: Sendable {
    let now = Mutex(Mood.passing)
  }

  /// - Parameter socket: the server's.
  public init(to socket: String) throws {
    let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw NotListening() }
    self.listener = listener
    port = UInt16(bigEndian: address.sin_port)
    mood = SharedMood()
    Thread.detachNewThread { [mood] in Self.serve(listener, socket, mood) }
  }

  /// Ends the accept, and with it the thread; connections end with their clients.
  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  public func become(_ mood: Mood) { self.mood.now.withLock { $0 = mood } }

  private static func serve(_ listener: Int32, _ socket: String, _ mood: SharedMood) {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      Thread.detachNewThread {
        let server = connected(to: socket)
        if server >= 0 {
          relay(client, server, mood)
          close(server)
        }
        close(client)
      }
    }
    close(listener)
  }

  private static func relay(_ client: Int32, _ server: Int32, _ mood: SharedMood) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var ends = [
      pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      guard poll(&ends, 2, 20) >= 0 else { return }
      switch mood.now.withLock(\.self) {
      case .cutting: return
      case .silent: return keepSilent(client)
      case .passing: break
      }
      for (from, to) in [(0, 1), (1, 0)] where ends[from].revents != 0 {
        let count = read(ends[from].fd, &buffer, buffer.count)
        guard count > 0, send(ends[to].fd, buffer, count, Int32(MSG_NOSIGNAL)) == count else { return }
      }
    }
  }

  /// Until the client hangs up.
  private static func keepSilent(_ client: Int32) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while read(client, &buffer, buffer.count) > 0 {}
  }

  private static func connected(to path: String) -> Int32 {
    let server = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if result == 0 { return server }
    close(server)
    return -1
  }
}
