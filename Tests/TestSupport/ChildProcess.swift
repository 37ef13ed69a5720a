import Foundation

/// A program that a test runs beside itself. What it writes goes to files, so that it never waits for a
/// reader; with the last reference it is killed. One thread owns it.
public final class ChildProcess {
  /// How a process ended.
  public struct Ended: Sendable {
    /// The exit code; 128 and the signal's number for one that a signal killed, as a shell says it.
    public let code: Int32
    public let output: [UInt8]
    public let errors: String
    /// `output` as text; ill-formed UTF-8 is replaced.
    public var text: String { String(decoding: output, as: UTF8.self) }
  }

  public struct CannotStart: Error, CustomStringConvertible {
    public let description: String
  }

  public struct NotEnded: Error, CustomStringConvertible {
    public let description: String
  }

  public let pid: pid_t
  private let what: String
  private let output: OutputFile
  private let errors: OutputFile
  private var status: Int32?

  /// - Parameters:
  ///   - arguments: the program's path, or its name in PATH, and its arguments.
  ///   - environment: what is set besides PATH and the locale; nothing is inherited.
  ///   - input: what stands on its standard input.
  public init(_ arguments: [String], environment: [String: String] = [:], input: [UInt8] = []) throws {
    what = arguments.joined(separator: " ")
    output = try OutputFile()
    errors = try OutputFile()
    let input = try OutputFile(holding: input)
    let defaults = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
    let variables = defaults.merging(environment) { $1 }.map { "\($0)=\($1)" }
    pid = try Self.spawn(arguments, variables, [input.number, output.number, errors.number])
  }

  deinit {
    guard status == nil else { return }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  public var isRunning: Bool {
    if status == nil {
      var ended: Int32 = 0
      if waitpid(pid, &ended, WNOHANG) == pid { status = ended }
    }
    return status == nil
  }

  /// What it has written so far.
  public var outputSoFar: String { String(decoding: output.bytes(), as: UTF8.self) }
  public var errorsSoFar: String { String(decoding: errors.bytes(), as: UTF8.self) }

  public func send(_ signal: Int32) { if isRunning { kill(pid, signal) } }

  /// Waits for its end.
  ///
  /// - Throws: `NotEnded` with what it wrote, if it takes longer than `deadline`.
  public func wait(within deadline: Duration = patience) throws -> Ended {
    let end = ContinuousClock.now + deadline
    while isRunning {
      guard ContinuousClock.now < end else {
        throw NotEnded(description: "\(what) did not end within \(deadline); it says: \(errorsSoFar.suffix(2000))")
      }
      usleep(2_000)
    }
    let status = status ?? 0
    let signal = status & 0x7f
    let code = signal == 0 ? (status >> 8) & 0xff : 128 + signal
    return Ended(code: code, output: output.bytes(), errors: errorsSoFar)
  }

  /// The largest resident memory of the running program so far, in bytes (`VmHWM` of proc(5)).
  ///
  /// Not `ru_maxrss` of wait4(2): the kernel carries that over exec, so that it holds what the tests' own
  /// process had when it spawned this one.
  public func peakResidentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let kilobytes = line?.split(separator: " ").dropLast().last.flatMap({ Int($0) }) else {
      throw NotEnded(description: "\(what) has no memory: it has ended")
    }
    return kilobytes * 1024
  }

  /// posix_spawn(3) with signals as a fresh process has them. The group stays the tests' own, so that Ctrl-C
  /// reaches all.
  private static func spawn(_ arguments: [String], _ variables: [String], _ files: [Int32]) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var every = sigset_t(), none = sigset_t()
    sigfillset(&every)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, file) in files.enumerated() { posix_spawn_file_actions_adddup2(&actions, file, Int32(number)) }

    let words = arguments.map { strdup($0) } + [nil]
    let environment = variables.map { strdup($0) } + [nil]
    defer { (words + environment).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, environment)
    guard code == 0 else {
      throw CannotStart(description: "cannot start \(arguments[0]): \(String(cString: strerror(code)))")
    }
    return pid
  }
}

/// A file without a name.
private final class OutputFile {
  let number: Int32

  init(holding bytes: [UInt8] = []) throws {
    var template = Array("/tmp/rollcall-test-output-XXXXXX".utf8CString)
    number = mkstemp(&template)
    guard number >= 0 else { throw ChildProcess.CannotStart(description: "cannot make a temporary file") }
    unlink(template)
    // A process that is spawned just before this inherits a file that it never uses.
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    guard pwrite(number, bytes, bytes.count, 0) == bytes.count else {
      throw ChildProcess.CannotStart(description: "cannot write a temporary file")
    }
  }

  deinit { close(number) }

  /// All that is in it, wherever its writer stands.
  func bytes() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = pread(number, &buffer, buffer.count, off_t(bytes.count))
      guard count > 0 else { return bytes }
      bytes += buffer.prefix(count)
    }
  }
}

/// Runs a program to its end and answers with its output; throws what it says if it fails.
@discardableResult
public func run(
  _ arguments: [String], environment: [String: String] = [:], input: [UInt8] = [],
  within deadline: Duration = patience
) throws -> [UInt8] {
  let ended = try ChildProcess(arguments, environment: environment, input: input).wait(within: deadline)
  guard ended.code == 0 else {
    throw ChildProcess.CannotStart(
      description: "\(arguments.joined(separator: " ")) ended with \(ended.code): \(ended.errors)")
  }
  return ended.output
}
