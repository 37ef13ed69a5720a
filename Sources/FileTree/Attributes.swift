import CLinux
import Glibc
import ScanModel

extension FileAttributes {
  /// Why `statx` gave attributes that no row can hold.
  enum Unusable: Error {
    case timestampOutOfRange
    case unknownKind(mode: UInt32)
  }

  /// Numbers from a file system may be anything: none makes this trap. A birth time out of range counts as
  /// none, for a file system need not have one; sizes are cut to `Int64.max`. The times of a directory are cut
  /// to what a row holds, for what lies in it is the row of nobody else; `statx.hasUsualTimes` tells.
  init(_ status: statx) throws(Unusable) {
    let mode = UInt32(status.stx_mode)
    guard let kind = FileKind(mode: mode) else { throw .unknownKind(mode: mode) }
    guard kind == .directory || status.hasUsualTimes else { throw .timestampOutOfRange }
    self.init(
      kind: kind, mode: mode, size: Int64(clamping: status.stx_size),
      device: status.device, inode: status.stx_ino,
      mtime_ns: clampedNanoseconds(status.stx_mtime), ctime_ns: clampedNanoseconds(status.stx_ctime),
      btime_ns: status.stx_mask & UInt32(STATX_BTIME) != 0 ? nanoseconds(status.stx_btime) : nil,
      hasOtherLinks: kind != .directory && (status.stx_mask & UInt32(STATX_NLINK) == 0 || status.stx_nlink != 1))
  }

  var identity: DirectoryIdentity { DirectoryIdentity(device: device, inode: inode) }
}

extension FileKind {
  init?(mode: UInt32) {
    switch mode & UInt32(Glibc.S_IFMT) {
    case UInt32(Glibc.S_IFREG): self = .file
    case UInt32(Glibc.S_IFDIR): self = .directory
    case UInt32(Glibc.S_IFLNK): self = .symlink
    case UInt32(Glibc.S_IFIFO): self = .fifo
    case UInt32(Glibc.S_IFSOCK): self = .socket
    case UInt32(Glibc.S_IFBLK): self = .block
    case UInt32(Glibc.S_IFCHR): self = .char
    default: return nil
    }
  }
}

/// Nanoseconds since 1970, or `nil` where they exceed 64 bits (before 1677, after 2262).
private func nanoseconds(_ time: statx_timestamp) -> Int64? {
  // Before 1970 the seconds are rounded down, and alone may be out of range where the sum is not.
  let isBefore = time.tv_sec < 0
  let second: Int64 = 1_000_000_000
  let (product, overflowed) = (isBefore ? time.tv_sec + 1 : time.tv_sec).multipliedReportingOverflow(by: second)
  guard !overflowed else { return nil }
  let (sum, exceeded) = product.addingReportingOverflow(Int64(time.tv_nsec) - (isBefore ? second : 0))
  return exceeded ? nil : sum
}

private func clampedNanoseconds(_ time: statx_timestamp) -> Int64 {
  nanoseconds(time) ?? (time.tv_sec < 0 ? .min : .max)
}

extension statx {
  /// A row holds its mtime and ctime as they are.
  var hasUsualTimes: Bool { nanoseconds(stx_mtime) != nil && nanoseconds(stx_ctime) != nil }

  /// `st_dev`.
  var device: UInt64 { linux_makedev(stx_dev_major, stx_dev_minor) }

  var identity: DirectoryIdentity { DirectoryIdentity(device: device, inode: stx_ino) }
}
