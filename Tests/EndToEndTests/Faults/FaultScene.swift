import Foundation
import TestSupport

/// A deployment of one library `x` on a tree of known content, and the processes that work on it. One thread
/// owns it; whatever a test requires of it and is not so is thrown, with all that may tell why.
final class FaultScene {
  /// Intervals with which dead work is found within seconds. On a busy machine locks expire although nobody died: then
  /// slices run twice that nobody struck, which must do no harm.
  static let quick = intervals(lock: 2_000, renew: 500)
  /// The shortest ones, with which that is likely.
  static let hasty = intervals(lock: 1_000, renew: 300)
  /// For what must outlive a lock, by `beyondLock`, and come back before it is taken for dead: a machine may stand
  /// still for seconds.
  static let slow = intervals(lock: 6_000, renew: 500, sweep: 2_000)
  static let beyondLock = Duration.seconds(8)
  /// For tests in which nobody is to be taken for dead, whatever the machine does.
  static let calm = intervals(lock: 60_000, renew: 500)

  let deployment: TestDeployment
  let tree: ForestTree
  private var processes: [(name: String, process: ChildProcess)] = []
  /// Processes that are to stand still, whatever else stands still meanwhile.
  private var frozen: Set<pid_t> = []

  /// - Parameters:
  ///   - redis: and `postgres`: see `TestDeployment`.
  ///   - rules: further arguments of `library add`. Without a limit of files a second a scan may be over before it
  ///     is struck.
  init(
    _ tree: ForestTree, redis: String? = nil, postgres: String? = nil, settings: [String: String] = FaultScene.quick,
    rules: [String] = ["--max-files-per-second", "3000"]
  ) throws {
    self.tree = tree
    deployment = try TestDeployment(redis: redis, postgres: postgres, settings: settings)
    try deployment.succeed(["library", "add", "x", tree.root] + rules)
  }

  private static func intervals(lock: Int, renew: Int, sweep: Int? = nil) -> [String: String] {
    [
      "ROLLCALL_LOCK_TTL": "\(lock)ms", "ROLLCALL_LOCK_RENEW": "\(renew)ms",
      "ROLLCALL_SWEEP_INTERVAL": "\(sweep ?? renew)ms",
      "ROLLCALL_RECONCILE_INTERVAL": "1s", "ROLLCALL_CLEANUP_INTERVAL": "2s", "ROLLCALL_RETRY_INTERVAL": "500ms",
      "ROLLCALL_OPERATION_TIMEOUT": "10s", "ROLLCALL_LOG_LEVEL": "debug",
    ]
  }

  /// The command that started it is its name; the same name may be used again after its end.
  func process(_ name: String) throws -> ChildProcess {
    guard let found = processes.last(where: { $0.name == name }) else { throw broken("there is no process \(name)") }
    return found.process
  }

  /// Starts a worker and waits until it takes jobs.
  ///
  /// - Parameter crash: what `ROLLCALL_CRASH_AT` says to it; then it is the debug build.
  @discardableResult
  func worker(
    _ name: String, slots: Int = 2, queues: String = "default", more: [String: String] = [:], crash: String? = nil
  ) throws -> ChildProcess {
    let words = ["worker", "--name", name, "--slots", "\(slots)", "--queues", queues, "--log-format", "text"]
    return try start(name, words, more, crash, until: "worker started")
  }

  @discardableResult
  func reaper(_ name: String = "reaper", more: [String: String] = [:], crash: String? = nil) throws -> ChildProcess {
    try start(name, ["reaper", "--log-format", "text"], more, crash, until: "reaper started")
  }

  private func start(
    _ name: String, _ words: [String], _ more: [String: String], _ crash: String?, until line: String
  ) throws -> ChildProcess {
    var more = more
    if let crash { more["ROLLCALL_CRASH_AT"] = crash }
    let build = try crash.map { _ in try RollcallBinary.debugPath() }
    do {
      // One that is to die may do so before anybody has read that it lives.
      return try deployment.until(line, orItsEnd: { crash != nil && $0.code == 128 + SIGKILL }) {
        let process = try deployment.start(words, more: more, build: build)
        processes.append((name, process))
        return process
      }
    } catch let error where error is ChildProcess.CannotStart || error is NotInTime {
      throw broken("\(name): \(error)")
    }
  }

  /// Asks for a scan as a user does.
  func requestScan() throws { try deployment.succeed(["scan", "x"]) }

  /// Kills a process as nothing but the kernel can, and waits for its end.
  func kill(_ name: String) throws {
    let process = try process(name)
    process.send(SIGKILL)
    _ = try process.wait()
  }

  /// Waits until a process has been killed by a crash point.
  func waitForCrash(of name: String) throws {
    let process = try process(name)
    try wait("\(name) dies at its crash point") { !process.isRunning }
    let code = try process.wait().code
    guard code == 128 + SIGKILL else { throw broken("\(name) ended with \(code) and not by SIGKILL") }
  }

  /// Lets a process stand still until `thaw`.
  func freeze(_ name: String) throws {
    let process = try process(name)
    process.send(SIGSTOP)
    frozen.insert(process.pid)
  }

  func thaw(_ name: String) throws {
    let process = try process(name)
    frozen.remove(process.pid)
    process.send(SIGCONT)
  }

  /// What a worker calls itself, as it has said in its log.
  func incarnation(of name: String) throws -> String {
    let log = try process(name).errorsSoFar
    guard let match = log.firstMatch(of: #/worker=(\S+-[0-9a-f]+)/#) else { throw broken("\(name) has no name") }
    return String(match.1)
  }

  func isRunning(_ name: String) -> Bool { processes.last { $0.name == name }?.process.isRunning == true }

  /// Every process of this scene stands still while `body` looks at it or does it harm.
  func standingStill<Result>(_ body: () throws -> Result) throws -> Result {
    let stopped = processes.map(\.process).filter { $0.isRunning && !frozen.contains($0.pid) }
    for process in stopped { process.send(SIGSTOP) }
    defer { for process in stopped where !frozen.contains(process.pid) { process.send(SIGCONT) } }
    return try body()
  }

  func wait(_ what: String, within deadline: Duration = patience, until isTrue: () throws -> Bool) throws {
    do { try eventually(what, within: deadline, isTrue) } catch let error as NotInTime {
      throw broken(error.description)
    }
  }

  /// An error that says all that may tell why.
  func broken(_ what: String) -> Broken {
    let logs = processes.map { "--- \($0.name) (\($0.process.pid)):\n" + $0.process.errorsSoFar.lines(last: 25) }
    return Broken(description: ([what, deployment.everything()] + logs).joined(separator: "\n"))
  }
}

extension String {
  fileprivate func lines(last count: Int) -> String { split(separator: "\n").suffix(count).joined(separator: "\n") }
}
