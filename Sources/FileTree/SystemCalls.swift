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
  resolveBeneath(path, in: base, flags: directoryFlags(access))
}

private func resolveBeneath(_ path: UnsafePointer<CChar>, in base: Int32, flags: Int32) -> Int32 {
  // EAGAIN: a rename or a mount went by, and the kernel could not tell whether the path led out of `base`.
  let attempts = 16
  for _ in 1..<attempts {
    let result = retrying { linux_open_beneath(base, path, flags) }
    if result != -EAGAIN { return result }
  }
  return retrying { linux_open_beneath(base, path, flags) }
}

/// Opens what `name` is in `parent`, a link itself too, only to tell what it is: a descriptor or a negated errno.
func openToLook(_ name: [UInt8], in parent: Int32) -> Int32 {
  name.withCString { name in retrying { linux_openat(parent, name, lookingFlags) } }
}

/// To tell what is there: nothing is read and nothing waits.
private let lookingFlags = linux_O_PATH | O_NOFOLLOW | O_CLOEXEC

/// Opens what a path beneath `root` leads to, through no link, only to tell what it is: a descriptor or a
/// negated errno. The empty path is the root's.
func openBeneath(_ path: [UInt8], in root: Int32, opening: Opening) -> Int32 {
  let flags = lookingFlags
  let path = path.isEmpty ? [UInt8(ascii: ".")] : path
  // The kernel takes no longer one, with its NUL.
  if opening == .beneath, path.count < PATH_MAX {
    return path.withCString { resolveBeneath($0, in: root, flags: flags) }
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

/// Where an open link leads, by its own word.
func linkText(of link: borrowing Descriptor) throws(SystemError) -> [UInt8] {
  let number = link.number
  return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { (buffer) throws(SystemError) in
    guard let start = buffer.baseAddress else { throw SystemError(operation: .readLink, errno: ENOMEM) }
    let result = retrying { linux_readlinkat(number, "", start, buffer.count) }
    guard result >= 0 else { throw SystemError(operation: .readLink, errno: Int32(-result)) }
    guard result < buffer.count else { throw SystemError(operation: .readLink, errno: ENAMETOOLONG) }
    return buffer[..<result].map { UInt8(bitPattern: $0) }
  }
}

/// Whether what stands where a directory was looked for is a link: with `O_DIRECTORY` the kernel says `ENOTDIR` of
/// one, as of a file.
func isLink(_ path: UnsafePointer<CChar>, in base: Int32, opening: Opening) -> Bool {
  let result =
    opening == .beneath
    ? resolveBeneath(path, in: base, flags: lookingFlags)
    : retrying { linux_openat(base, path, lookingFlags) }
  // Of what is gone by now nobody knows.
  guard let place = try? Descriptor(opened: result), let status = try? place.status() else { return false }
  return FileKind(mode: UInt32(status.stx_mode)) == .symlink
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
