import Foundation
import TestSupport
import Testing

/// A data directory of a test's own for `rollcall up`, and the program copied away from where it was built:
/// what it needs is in it.
final class UpInstance {
  let data: String
  let program: String
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    // As root Postgres runs as another user, who passes through.
    chmod(directory.path, 0o711)
    data = directory.appending("data")
    program = directory.appending("rollcall")
    try run(["cp", try RollcallBinary.path(), program])
  }

  deinit {
    // What a failed test has left running would keep the directory busy.
    for pid in servers() { kill(pid, SIGKILL) }
  }

  /// A directory to scan, which holds `names` as empty files.
  func tree(_ name: String, _ names: [String] = ["a", "b"]) throws -> String {
    let path = directory.appending(name)
    try run(["mkdir", "-p", path])
    try run(["touch"] + names.map { "\(path)/\($0)" })
    return path
  }

  func up(_ arguments: [String] = []) throws -> ChildProcess {
    let words = ["env", "--chdir=/", program, "up", "--data", data, "--slots", "2"]
    return try ChildProcess(words + arguments)
  }

  /// Starts `up` without an end, and returns when its worker takes jobs.
  func serving(_ arguments: [String] = []) throws -> ChildProcess {
    let up = try up(["--log-level", "info"] + arguments)
    try eventually("up serves") {
      try #require(up.isRunning, "\(up.errorsSoFar)")
      return up.errorsSoFar.contains("worker started")
    }
    return up
  }

  /// What `up` prints for another shell.
  func exports(_ up: ChildProcess) throws -> [String: String] {
    try eventually("up prints its exports") { up.outputSoFar.contains("rollcall --help\n") }
    let lines = up.outputSoFar.matches(of: /export (\w+)='([^']*)'\n/).map { (String($0.1), String($0.2)) }
    return Dictionary(uniqueKeysWithValues: lines)
  }

  /// The processes that have the data directory in their command line, `up` itself aside.
  func servers() -> [pid_t] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // Linux always has it.
    return entries.compactMap { pid_t($0) }.filter { pid in
      let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
      let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.contains { $0.contains(data) } && !words.contains(program)
    }
  }
}
