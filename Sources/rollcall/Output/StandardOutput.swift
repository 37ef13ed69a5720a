import Foundation

/// A stream that is written whole or not: partial writes, interruptions and full pipes are dealt with.
struct StandardOutput: Sendable {
  /// Why nothing more can be written.
  enum Failure: Error, Equatable, CustomStringConvertible {
    /// The reader has gone, as `head` does: no error, the program ends quietly.
    case closed
    case failed(errno: Int32)

    var description: String {
      switch self {
      case .closed: "the reader of the output has gone"
      case .failed(let errno): "cannot write the output: \(String(cString: strerror(errno)))"
      }
    }
  }

  static let output = StandardOutput(descriptor: STDOUT_FILENO)
  static let error = StandardOutput(descriptor: STDERR_FILENO)

  let descriptor: Int32

  func write(_ text: String) throws(Failure) { try write(Array(text.utf8)) }

  /// A line and its end.
  func line(_ text: String) throws(Failure) { try write(text + "\n") }

  /// Blocks until everything is written. The process must ignore SIGPIPE, or it dies of it: quietly, too.
  func write(_ bytes: [UInt8]) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else {
        try recover(from: errno)
      }
    }
  }

  /// Waits; throws as soon as nothing more can be written.
  func failIfClosed(within duration: Duration) throws(Failure) {
    // Errors are told whatever is asked for.
    var state = pollfd(fd: descriptor, events: 0, revents: 0)
    guard poll(&state, 1, Int32(duration / .milliseconds(1))) > 0 else { return }
    throw Int32(state.revents) & POLLNVAL != 0 ? .failed(errno: EBADF) : .closed
  }

  /// Runs `body` while ^S does not hold up what is written to a terminal, by whatever thread.
  func withoutFlowControl(_ body: () -> Void) {
    var attributes = termios()
    guard tcgetattr(descriptor, &attributes) == 0, attributes.c_iflag & tcflag_t(IXON) != 0 else { return body() }
    var free = attributes
    free.c_iflag &= ~tcflag_t(IXON)
    set(free)
    body()
    set(attributes)
  }

  /// SIGTTOU must not stop a program in the background that gives its terminal back.
  private func set(_ attributes: termios) {
    var (attributes, stop, before) = (attributes, sigset_t(), sigset_t())
    sigemptyset(&stop)
    sigaddset(&stop, SIGTTOU)
    pthread_sigmask(SIG_BLOCK, &stop, &before)
    tcsetattr(descriptor, TCSANOW, &attributes)
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  private func recover(from code: Int32) throws(Failure) {
    switch code {
    case EINTR: return
    case EAGAIN:
      // Whoever shares the descriptor made it non-blocking.
      var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&writable, 1, -1)
    case EPIPE: throw .closed
    default: throw .failed(errno: code)
    }
  }
}
