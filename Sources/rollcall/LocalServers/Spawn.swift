import Foundation

/// posix_spawn(3) with signals as a fresh process has them (ignored ones would be inherited), a process group
/// of its own, no descriptor but `output`, and a small environment: the user's own PG* variables are meant
/// for other servers.
func spawn(_ arguments: [String], output: Int32) throws(LocalServersError) -> pid_t {
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var everySignal = sigset_t(), noSignal = sigset_t()
  sigfillset(&everySignal)
  sigemptyset(&noSignal)
  posix_spawnattr_setsigdefault(&attributes, &everySignal)
  posix_spawnattr_setsigmask(&attributes, &noSignal)
  posix_spawnattr_setpgroup(&attributes, 0)
  posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
  for descriptor in openDescriptors() where descriptor > STDERR_FILENO {
    posix_spawn_file_actions_addclose(&actions, descriptor)
  }

  let words = copies(arguments)
  let variables = copies(["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8"])
  defer { (words + variables).forEach { free($0) } }
  var pid: pid_t = 0
  let code = posix_spawn(&pid, arguments[0], &actions, &attributes, words, variables)
  guard code == 0 else {
    throw LocalServersError(description: "cannot start \(arguments[0]): \(String(cString: strerror(code)))")
  }
  return pid
}

/// The strings for C, with a NULL at the end; the caller frees them.
private func copies(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
  strings.map { strdup($0) } + [nil]
}

/// Libraries open descriptors that exec would pass on. One that is closed meanwhile does no harm.
private func openDescriptors() -> [Int32] {
  // Without /proc nothing can be told, and only tidiness is lost.
  let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
  return names.compactMap { Int32($0) }
}

/// Runs a short-lived program to its end.
///
/// - Returns: whether it succeeded, and what it wrote to both its outputs.
/// - Throws: if it cannot be started or takes longer than `patience`.
func runProgram(_ arguments: [String], patience: Duration) throws(LocalServersError) -> (
  succeeded: Bool, output: String
) {
  guard let file = tmpfile() else {
    throw LocalServersError(
      description: "cannot make a temporary file for \(arguments[0]): \(String(cString: strerror(errno)))")
  }
  defer { fclose(file) }
  let pid = try spawn(arguments, output: fileno(file))
  var status: Int32 = 0
  let ended = wait(atMost: patience) { waitpid(pid, &status, WNOHANG) == pid }
  guard ended else {
    kill(pid, SIGKILL)
    waitpid(pid, &status, 0)
    throw LocalServersError(description: "\(arguments.joined(separator: " ")) did not end in time")
  }
  lseek(fileno(file), 0, SEEK_SET)
  return (status == 0, String(decoding: readAll(fileno(file)), as: UTF8.self))
}

/// What is left to read of a regular file.
func readAll(_ descriptor: Int32) -> [UInt8] {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return bytes }
    bytes += buffer.prefix(count)
  }
}
