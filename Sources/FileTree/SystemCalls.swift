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

/// Opens what a path beneath `root` leads to, through no link, only to tell what it is: a descriptor or a
/// negated errno.
func openBeneath(_ path: [UInt8], in root: Int32, opening: Opening) -> Int32 {
  let flags = linux_O_PATH | O_NOFOLLOW | O_CLOEXEC
  if opening == .beneath {
    return path.withCString { path in retrying { linux_open_beneath(root, path, flags) } }
  }
  var parent = root
  let names = path.split(separator: UInt8(ascii: "/"))
  for (index, name) in names.enumerated() {
    let isLast = index == names.count - 1
    let result = Array(name).withCString { name in
      retrying { linux_openat(parent, name, isLast ? flags : flags | O_DIRECTORY) }
    }
    if parent != root { close(parent) }
    if result < 0 || isLast { return result }
    parent = result
  }
  return -ENOENT
}

/// Where an open descriptor's file is as this process sees it, or a negated errno.
func realPath(of descriptor: Int32) -> Result<[UInt8], SystemError> {
  let link = Array("/proc/self/fd/\(descriptor)".utf8)
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
    guard let start = buffer.baseAddress else { return .failure(SystemError(operation: .readLink, errno: ENOMEM)) }
    let result = link.withCString { link in retrying { linux_readlinkat(AT_FDCWD, link, start, buffer.count) } }
    guard result >= 0 else { return .failure(SystemError(operation: .readLink, errno: Int32(-result))) }
    guard result < buffer.count else { return .failure(SystemError(operation: .readLink, errno: ENAMETOOLONG)) }
    return .success(buffer[..<result].map { UInt8(bitPattern: $0) })
  }
}

extension [UInt8] {
  /// As a C string; a NUL would cut it short.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    func call(_ bytes: UnsafePointer<CChar>) -> Result { body(bytes) }
    return call(map { CChar(bitPattern: $0) } + [0])
  }
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
