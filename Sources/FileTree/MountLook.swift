import CLinux
import Glibc
import ScanModel

/// An open directory as the place of a file system: which one it is, and what lies in it.
struct MountLook {
  private let directory: Int32
  let identity: MountIdentity

  /// - Parameter directory: open for as long as this is in use; by `O_RDONLY` where it may be read, as by `O_PATH`
  ///   not every file system tells its UUID.
  init(_ directory: Int32) throws(SystemError) {
    var status = statx()
    let result = readStatus(of: "", in: directory, flags: linux_AT_EMPTY_PATH, into: &status)
    guard result == 0 else { throw SystemError(operation: .stat, errno: -result) }
    var system = linux_filesystem()
    let answer = retrying { linux_filesystem_of(directory, &system) }
    guard answer == 0 else { throw SystemError(operation: .statfs, errno: -answer) }
    self.directory = directory
    identity = MountIdentity(
      type: Self.names[system.type] ?? "0x" + String(system.type, radix: 16),
      uuid: Self.uuid(system) ?? Self.uuid(ofDevice: status.device), fsid: system.fsid == 0 ? nil : system.fsid,
      inode: status.stx_ino)
  }

  /// Whether it has no entry at all. What cannot be read is not called empty.
  var isEmpty: Bool {
    // Of its own: what is read here must not be missing in the walk's listing.
    guard let own = try? Descriptor(opened: openDirectory(".", in: directory, access: O_RDONLY)) else { return false }
    let buffer = EntryBuffer()
    buffer.begin(own.number)
    do {
      while let entry = try buffer.next() {
        if !entry.isDotOrDotDot { return false }
      }
    } catch {
      return false
    }
    return true
  }

  func has(_ name: [UInt8]) -> Bool {
    guard name.isValidComponent else { return false }
    var status = statx()
    return name.withCString { readStatus(of: $0, in: directory, into: &status) } == 0
  }

  /// With hyphens; `nil` where all its bytes are 0.
  static func uuid(_ system: linux_filesystem) -> String? {
    let bytes = withUnsafeBytes(of: system.uuid) { Array($0) }
    guard bytes.contains(where: { $0 != 0 }) else { return nil }
    let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 0xf, radix: 16) }
    let ends = [0, 4, 6, 8, 10, 16]
    return zip(ends, ends.dropFirst()).map { digits[$0..<$1].joined() }.joined(separator: "-")
  }

  /// What udev names the file system of a block device: what there is to tell before Linux 6.9.
  ///
  /// - Parameter links: a directory of links to devices, by the UUIDs of what is on them.
  static func uuid(ofDevice device: UInt64, in links: String = "/dev/disk/by-uuid") -> String? {
    // Only those with a major number are block devices, and only those can be there.
    guard device >> 8 != 0, let links = opendir(links) else { return nil }
    defer { closedir(links) }
    while let entry = readdir(links) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
      guard name.first != UInt8(ascii: ".") else { continue }
      var status = stat()
      let isThere = name.withCString { fstatat(dirfd(links), $0, &status, 0) == 0 }
      if isThere, status.st_rdev == device { return String(decoding: name, as: UTF8.self).lowercased() }
    }
    return nil
  }

  /// `linux/magic.h` and, for those of the last two lines, their own headers.
  private static let names: [UInt64: String] = [
    0xef53: "ext4", 0x0102_1994: "tmpfs", 0x5846_5342: "xfs", 0x9123_683e: "btrfs", 0x6969: "nfs",
    0xff53_4d42: "cifs", 0xfe53_4d42: "smb2", 0x6573_5546: "fuse", 0x794c_7630: "overlay", 0x4d44: "vfat",
    0x0102_1997: "9p", 0x00c3_6400: "ceph", 0x5346_414f: "afs", 0x7371_7368: "squashfs", 0x9660: "iso9660",
    0x8584_58f6: "ramfs", 0x187: "autofs", 0xf2f5_2010: "f2fs", 0x2011_bab0: "exfat", 0x7366_746e: "ntfs3",
    0xe0f5_e1e2: "erofs", 0x1501_3346: "udf", 0x3153_464a: "jfs", 0x5265_4973: "reiserfs", 0xca45_1a4e: "bcachefs",
    0x2fc1_2fc1: "zfs", 0x0bd0_0bd0: "lustre", 0x4750_4653: "gpfs",
  ]
}

extension Descriptor {
  /// Opens a directory to look at what is mounted there; read where that is allowed, which mounts an automount.
  init(lookingAt name: [UInt8], in parent: Int32) throws(SystemError) {
    func open(_ access: Int32) -> Int32 { name.withCString { openDirectory($0, in: parent, access: access) } }
    let readable = open(O_RDONLY)
    try self.init(opened: readable == -EACCES ? open(linux_O_PATH) : readable)
  }

  /// Opens the directory at a path of any length beneath `root`, through no link.
  init(lookingAt path: [UInt8], beneath root: Int32) throws(SystemError) {
    let names = path.split(separator: UInt8(ascii: "/")).map(Array.init)
    guard let last = names.last else {
      self = try Descriptor(lookingAt: [UInt8(ascii: ".")], in: root)
      return
    }
    var place = try Descriptor(lookingAt: [UInt8(ascii: ".")], in: root)
    for name in names.dropLast() {
      let parent = place.number
      place = try Descriptor(opened: name.withCString { openDirectory($0, in: parent, access: linux_O_PATH) })
    }
    self = try Descriptor(lookingAt: last, in: place.number)
  }
}

extension Descriptor {
  /// Whether something is mounted at the directory.
  func isMountPoint() throws(SystemError) -> Bool { isMountPoint(try status()) }

  /// - Parameter status: its own.
  func isMountPoint(_ status: statx) -> Bool {
    if let isMountRoot = status.isMountRoot { return isMountRoot }
    var above = statx()
    return readStatus(of: "..", in: number, into: &above) == 0 && above.device != status.device
  }
}

extension statx {
  /// Whether something is mounted here; `nil` before Linux 5.8, which does not tell.
  var isMountRoot: Bool? {
    let bit = UInt64(STATX_ATTR_MOUNT_ROOT)
    return stx_attributes_mask & bit == 0 ? nil : stx_attributes & bit != 0
  }
}
