import CLinux
import Glibc
import ScanModel

/// A system call of the walk that failed.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The calls of the walk, by their names.
  public enum Operation: String, Sendable {
    /// Or openat2(2), where the kernel has it.
    case open = "openat"
    case list = "getdents64"
    case stat = "statx"
    case readLink = "readlinkat"
    case statfs = "fstatfs"

    public var name: String { rawValue }
  }

  public let operation: Operation
  /// As in `errno(3)`, positive.
  public let errno: Int32

  public init(operation: Operation, errno: Int32) {
    self.operation = operation
    self.errno = errno
  }

  /// How the failure is classed in `scan_errors` (R14).
  public var errorType: ScanErrorType {
    switch errno {
    case EACCES, EPERM: .permissionDenied
    case ENOENT: .fileNotFound
    case ESTALE: .staleHandle
    case ENAMETOOLONG: .nameTooLong
    case ELOOP: .symlinkLoop
    default: .ioError
    }
  }

  /// One line, such as `openat: Permission denied (EACCES)`.
  public var description: String {
    guard let text = linux_errno_description(errno), let name = linux_errno_name(errno) else {
      return "\(operation.name): unknown error \(errno)"
    }
    return "\(operation.name): \(String(cString: text)) (\(String(cString: name)))"
  }

  /// The process or the machine has no file descriptor left.
  var isOutOfDescriptors: Bool { errno == EMFILE || errno == ENFILE }

  /// Of a link that was followed: it leads to nothing.
  var isDangling: Bool { operation == .open && (errno == ENOENT || isNoDirectory) }

  /// The name now belongs to something that is no directory, such as a link put in its place.
  var isNoDirectory: Bool { errno == ENOTDIR || isLedAway }

  /// A link has taken a directory's place, and leads elsewhere (`ELOOP`) or out of the root (`EXDEV`).
  var isLedAway: Bool { errno == ELOOP || errno == EXDEV }
}
