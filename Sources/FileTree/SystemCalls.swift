import CLinux
import Glibc
import ScanModel

/// An open directory; closed when it goes.
struct Descriptor: ~Copyable {
  let number: Int32

  /// - Parameter result: what `openDirectory` answered.
  init(opened result: Int32) throws(SystemError) {
    guard result >= 0 else { throw SystemError(operation: .open, errno: -result) }
    number = result
  }

  deinit { close(number) }

  /// Gives the number away; whoever takes it closes it.
  consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  /// The directory's own attributes.
  func status() throws(SystemError) -> statx {
    var status = statx()
    let result = readStatus(of: "", in: number, flags: linux_AT_EMPTY_PATH, into: &status)
    guard result == 0 else { throw SystemError(operation: .stat, errno: -result) }
    return status
  }
}

/// Opens what `name` is in `parent` (or from `/`, if it begins so), if that is a directory itself and no
/// link to one: a descriptor or a negated errno. `O_NONBLOCK`: nothing that takes a directory's place makes
/// the open wait.
///
/// - Parameter access: `O_RDONLY` to list it, `O_PATH` to go through it.
func openDirectory(_ name: UnsafePointer<CChar>, in parent: Int32, access: Int32) -> Int32 {
  retrying { linux_openat(parent, name, directoryFlags(access)) }
}

/// Opens the directory at a path of any number of components beneath `base`, none of them a link: a
/// descriptor or a negated errno. Only where `Opening.best` is `beneath`.
func openBeneath(_ path: UnsafePointer<CChar>, in base: Int32, access: Int32) -> Int32 {
  // EAGAIN: a rename or a mount went by, and the kernel could not tell whether the path led out of `base`.
  let attempts = 16
  for _ in 1..<attempts {
    let result = retrying { linux_open_beneath(base, path, directoryFlags(access)) }
    if result != -EAGAIN { return result }
  }
  return retrying { linux_open_beneath(base, path, directoryFlags(access)) }
}

private func directoryFlags(_ access: Int32) -> Int32 {
  // openat2(2) refuses any other flag beside O_PATH, which never waits.
  let flags = access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
  return access & linux_O_PATH != 0 ? flags : flags | O_NONBLOCK
}

/// What `name` is in `directory`, links not followed and automounts not mounted: 0 or a negated errno,
/// because the walk calls this for every entry.
func readStatus(
  of name: UnsafePointer<CChar>, in directory: Int32, flags: Int32 = 0, into status: inout statx
) -> Int32 {
  let flags = flags | AT_SYMLINK_NOFOLLOW | linux_AT_NO_AUTOMOUNT
  let mask = UInt32(STATX_BASIC_STATS) | UInt32(STATX_BTIME)
  return retrying { linux_statx(directory, name, flags, mask, &status) }
}

/// Makes a call again for as long as a signal interrupts it.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != Result(-EINTR) { return result }
  }
}
