import Foundation

/// A server that this process started, or that an earlier one left behind.
struct ServerProcess: Sendable {
  private enum Kind {
    /// Ours to reap.
    case child(hasExited: Bool)
    /// Another's; recognised by what its command line holds, because ids are used again.
    case foreign(mark: String)
  }

  let pid: pid_t
  private var kind: Kind

  /// Starts a child in a process group of its own, so that a terminal's Ctrl-C reaches us alone and we stop it
  /// in order. It inherits `output` as standard output and error, and nothing else.
  static func start(_ arguments: [String], output: Int32) throws(LocalServersError) -> ServerProcess {
    ServerProcess(pid: try spawn(arguments, output: output), kind: .child(hasExited: false))
  }

  /// Starts a server and returns when it is ready; after an error it is ended.
  ///
  /// - Parameters:
  ///   - name: as an error calls it.
  ///   - log: the path of the file that it writes to.
  static func launch(
    _ name: String, _ arguments: [String], log path: String, endings: [(signal: Int32, patience: Duration)],
    isReady: () throws(LocalServersError) -> Bool
  ) throws(LocalServersError) -> ServerProcess {
    let log = try ServerLog(path)
    var process = try start(arguments, output: log.descriptor)
    do throws(LocalServersError) {
      let isUp = try wait(atMost: .seconds(60)) { () throws(LocalServersError) in
        process.isRunning ? try isReady() : true
      }
      guard isUp, process.isRunning else {
        throw LocalServersError(description: "\(name) did not start: \(log.tail()); see \(log.path)")
      }
      return process
    } catch {
      process.end(endings)
      throw error
    }
  }

  /// The living process that a file names, if its command line holds `mark`.
  static func left(in processFile: String, mark: String) -> ServerProcess? {
    guard let bytes = FileManager.default.contents(atPath: processFile),
      let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first,
      let pid = pid_t(trimmed(line)), pid > 1
    else { return nil }
    var process = ServerProcess(pid: pid, kind: .foreign(mark: mark))
    return process.isRunning ? process : nil
  }

  var isRunning: Bool {
    mutating get {
      switch kind {
      case .child(hasExited: true): return false
      case .child:
        var status: Int32 = 0
        let reaped = waitpid(pid, &status, WNOHANG)
        if reaped == 0 || (reaped < 0 && errno == EINTR) { return true }
        kind = .child(hasExited: true)
        return false
      case .foreign(let mark):
        // A zombie has no command line: it runs no more.
        let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        return String(decoding: command, as: UTF8.self).contains(mark)
      }
    }
  }

  /// Sends each signal in turn and gives the server that long to end, the last of them SIGKILL.
  mutating func end(_ ladder: [(signal: Int32, patience: Duration)]) {
    for (signal, patience) in ladder {
      guard isRunning else { return }
      kill(pid, signal)
      if wait(atMost: patience, until: { !isRunning }) { return }
    }
  }
}

/// Looks at a condition until it holds or the time is over; whether it held. Blocks the thread.
func wait<Failure: Error>(
  atMost patience: Duration, until condition: () throws(Failure) -> Bool
) throws(Failure) -> Bool {
  let deadline = ContinuousClock.now + patience
  while true {
    if try condition() { return true }
    if ContinuousClock.now >= deadline { return false }
    usleep(20_000)
  }
}
