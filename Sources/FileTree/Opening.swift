import CLinux
import Glibc

/// How directories are opened beneath the root, so that nothing outside it is reached whatever is renamed or
/// put in a directory's place meanwhile.
enum Opening: Sendable {
  /// By their paths from the root's descriptor, with openat2(2): a directory that was moved out of the root
  /// is not reached any more, nor what is below it.
  case beneath
  /// One component after the other with `O_NOFOLLOW`, each in its parent's descriptor. A directory that is
  /// moved away while it is open is still listed as what it was.
  case byComponent

  /// What this kernel allows, asked once a process: openat2(2) is missing before Linux 5.6 (`ENOSYS`), and some
  /// container runtimes forbid what they do not know (`EPERM`).
  static let best: Opening = {
    let result = linux_open_beneath(AT_FDCWD, ".", linux_O_PATH | O_DIRECTORY | O_CLOEXEC)
    if result >= 0 { close(result) }
    return [-ENOSYS, -EPERM, -EINVAL, -E2BIG].contains(result) ? .byComponent : .beneath
  }()
}
