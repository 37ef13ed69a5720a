import Catalog
import Foundation
import JobQueue
import ScanModel

/// Something to wait on between two looks at a scan, which may tell to stop looking.
protocol WatchPause {
  /// False where the watch is to end.
  func pause(for duration: Duration) -> Bool
}

/// Waits for Ctrl-C and its kind: they end the watch, not the program, and never the scan.
struct SignalWait: WatchPause, Sendable {
  private var signals = sigset_t()

  /// Blocks the signals in the calling thread, where they then wait to be asked for. The command that waits
  /// has no other thread, which would take them.
  ///
  /// - Parameter more: signals that `next` tells too.
  init(and more: [Int32] = []) {
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] + more { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  func pause(for duration: Duration) -> Bool { next(within: duration) == nil }

  /// The next signal; `nil` where none has come.
  func next(within duration: Duration) -> Int32? {
    let (seconds, attoseconds) = duration.components
    var timeout = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    var signals = signals
    let signal = sigtimedwait(&signals, nil, &timeout)
    return signal > 0 ? signal : nil
  }
}

/// Follows a scan to its end, with progress on standard error.
struct ScanWatch {
  private static let interval = Duration.milliseconds(100)

  let catalog: Catalog
  let queues: RedisQueues
  let environment: Environment

  /// The ended scan; `nil` where the pause said to stop looking.
  func wait(for id: ScanID, until pause: some WatchPause) throws -> ScanRecord? {
    var progress = ProgressLine(environment.terminal)
    defer { erase(&progress) }
    let begin = ContinuousClock.now
    var hasAdvised = false
    while true {
      guard let scan = try catalog.scan(id) else { throw CommandFailure(message: "scan \(id) was deleted meanwhile") }
      guard scan.status.isActive else { return scan }
      if scan.startedAt != nil, let line = progress.update(ScanProgress(scan), at: .now) {
        try StandardOutput.error.write(line)
      }
      if !hasAdvised, ContinuousClock.now - begin > .seconds(3) {
        adviseOnWorkers(scan)
        hasAdvised = true
      }
      guard pause.pause(for: Self.interval) else { return nil }
    }
  }

  /// What is said next begins on an empty line. It is lost anyway where the bar cannot be erased.
  private func erase(_ progress: inout ProgressLine) {
    if let clear = progress.clear() { try? StandardOutput.error.write(clear) }
  }

  /// A scan that nobody begins, or goes on with, is most often one that nobody serves.
  private func adviseOnWorkers(_ scan: ScanRecord) {
    // Where Redis cannot be asked, the push has said so before.
    guard let workers = try? queues.workers(of: scan.queue) else { return }
    if !workers.contains(where: { $0.heartbeat != nil }) {
      complain("scan \(scan.id) waits: no worker serves queue \(scan.queue); start one with `rollcall worker`")
    }
  }
}
