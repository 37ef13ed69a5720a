import Foundation

/// The one `rollcall up` of a data directory: an flock(2) that the kernel releases with the process,
/// however it ends.
final class DirectoryLock: Sendable {
  private let descriptor: Int32

  /// Refused at once if another process holds it.
  init(_ path: String) throws(LocalServersError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw systemError("cannot lock \(path)") }
      let directory = URL(filePath: path).deletingLastPathComponent().path
      throw LocalServersError(
        description: "another `rollcall up` (process \(Self.holder(path))) runs on \(directory); "
          + "stop it or choose another directory with --data", cause: .directory)
    }
    let line = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, line, line.count, 0) == line.count else {
      throw systemError("cannot write \(path)")
    }
  }

  deinit { close(descriptor) }

  private static func holder(_ path: String) -> String {
    let text = FileManager.default.contents(atPath: path).map { trimmed(String(decoding: $0, as: UTF8.self)) }
    return text.flatMap { Int32($0) }.map(String.init) ?? "unknown"
  }
}
